"""Makes importing FastAPI quicker; the handler imports this module before it. A fifth of the API's cold start and more.

FastAPI describes the whole of OpenAPI as pydantic models, which only /openapi.json needs: until that is asked for,
stand-ins have their names, for FastAPI's annotations and defaults. No other model is built before it is used. Pydantic
looks through every package for plug-ins, of which there are none. And of what an import makes, next to nothing is
garbage: none is looked for until all is there, and what is there by then is never looked through again. Of each
annotation FastAPI asks whether it is a model of Pydantic 1, and imports the whole of that to find out; none is.
"""

from __future__ import annotations

import gc
import os
import sys
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

# Pydantic's documentation, "Plugins", "Disable all plugins".
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
gc.disable()

from pydantic import BaseModel  # noqa: E402 - by the lines above

BaseModel.model_config["defer_build"] = True

_OPENAPI = "fastapi.openapi.models"


class _StandIns(ModuleType):
    """In the place of fastapi.openapi.models, until a document is made."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})

    @staticmethod
    def OpenAPI(**document: Any) -> BaseModel:  # noqa: N802 - FastAPI's name; fastapi.openapi.utils alone calls it
        model: BaseModel = _models().OpenAPI(**document)
        return model


@cache
def _models() -> Any:
    del sys.modules[_OPENAPI]
    return import_module(_OPENAPI)


sys.modules.setdefault(_OPENAPI, _StandIns(_OPENAPI))

from fastapi._compat import shared  # noqa: E402 - imports FastAPI, by the lines above

shared.is_pydantic_v1_model_class = lambda cls: False  # noqa: ARG005 - as it names its parameter


def finish() -> None:
    """To be called when all is imported."""
    gc.freeze()
    gc.enable()
