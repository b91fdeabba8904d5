"""The shape of Pulumi.yaml and Pulumi.<stack>.yaml.

From pulumi/sdk/go/common/workspace (project.json, project.go) and the options of Pulumi's Python language host.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PythonOptions(Strict):
    toolchain: Literal["pip", "poetry", "uv"] | None = None
    virtualenv: str | None = None
    typechecker: Literal["mypy", "pyright", "none"] | None = None


class PythonRuntime(Strict):
    name: Literal["python"]
    options: PythonOptions = PythonOptions()


def _named(runtime: Any) -> Any:
    """`runtime: python` is short for an object with that name."""
    return {"name": runtime} if isinstance(runtime, str) else runtime


class ConfigItems(Strict):
    """The type of a configuration value, or of an array's items."""

    type: Literal["string", "integer", "boolean", "array"]
    items: ConfigItems | None = None

    @model_validator(mode="after")
    def _array_has_items(self) -> ConfigItems:
        if self.type == "array" and self.items is None:
            raise ValueError("an array needs `items` with the type of its items")
        return self


class ConfigDeclaration(ConfigItems):
    """A typed configuration key of the project's own."""

    description: str | None = None
    secret: bool = False
    default: Any = None


class ForeignValue(Strict):
    """A value for a key of another namespace, such as `aws:region`."""

    value: Any


class Backend(Strict):
    url: str | None = None


class Options(Strict):
    refresh: Literal["always"] | None = None


class ProjectFile(Strict):
    """Pulumi.yaml. Pulumi ignores keys that it does not know; here they are mistakes."""

    name: Name
    runtime: Annotated[PythonRuntime, BeforeValidator(_named)]
    description: str | None = None
    author: str | None = None
    website: str | None = None
    license: str | None = None
    main: str | None = None
    config: dict[str, Any] | None = None
    stackConfigDir: str | None = None  # noqa: N815 Pulumi's spelling
    backend: Backend | None = None
    options: Options | None = None
    template: dict[str, Any] | None = None
    plugins: dict[str, Any] | None = None
    packages: dict[str, Any] | None = None
    requiredPulumiVersion: str | None = None  # noqa: N815 Pulumi's spelling


class StackFile(Strict):
    """Pulumi.<stack>.yaml."""

    config: dict[str, Any] | None = None
    secretsprovider: str | None = None
    encryptedkey: str | None = None
    encryptionsalt: str | None = None
    environment: list[str] | dict[str, Any] | None = None
    mainEnvironment: str | None = None  # noqa: N815 Pulumi's spelling
