"""The shape of Pulumi.yaml and Pulumi.<stack>.yaml.

From pulumi/sdk/go/common/workspace (project.json, project.go). What the engine has no use for may be anything.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]
_INTEGER = re.compile(r"[+-]?\d+")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ConfigItems(Strict):
    """The type of a configuration value, or of an array's items."""

    type: Literal["string", "integer", "boolean", "array"]
    items: ConfigItems | None = None

    @model_validator(mode="after")
    def _array_has_items(self) -> ConfigItems:
        if self.type == "array" and self.items is None:
            raise ValueError("an array needs `items` with the type of its items")
        return self

    def __str__(self) -> str:
        """As Pulumi writes it, such as `array<string>`."""
        return self.type if self.items is None else f"array<{self.items}>"

    def fits(self, value: Any) -> bool:
        """As Pulumi checks it (ValidateConfigValue); texts of integers and booleans count, and JSON of arrays."""
        match self.type:
            case "string":
                return isinstance(value, str)
            case "integer":
                return type(value) is int or (isinstance(value, str) and _INTEGER.fullmatch(value) is not None)
            case "boolean":
                return isinstance(value, bool) or value in ("true", "false")
            case "array":
                items = _parsed(value)
                return isinstance(items, list) and self.items is not None and all(map(self.items.fits, items))


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


class ConfigDeclaration(ConfigItems):
    """A typed configuration key of the project's own."""

    description: str | None = None
    secret: bool = False
    default: Any = None


class ProjectFile(Strict):
    """Pulumi.yaml. Pulumi ignores keys that it does not know; here they are mistakes."""

    name: Name
    runtime: Literal["python"] | dict[str, Any]
    config: dict[str, Any] | None = None
    stackConfigDir: str = ""  # noqa: N815 Pulumi's spelling
    description: Any = None
    author: Any = None
    website: Any = None
    license: Any = None
    main: Any = None
    backend: Any = None
    options: Any = None
    template: Any = None
    plugins: Any = None
    packages: Any = None
    requiredPulumiVersion: Any = None  # noqa: N815


class StackFile(Strict):
    """Pulumi.<stack>.yaml."""

    config: dict[str, Any] | None = None
    secretsprovider: Any = None
    encryptedkey: Any = None
    encryptionsalt: Any = None
    environment: Any = None
    mainEnvironment: Any = None  # noqa: N815
