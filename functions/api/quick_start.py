"""Makes importing FastAPI quicker; the handler imports this module before it. About a fifth of the API's cold start.

FastAPI describes the whole of OpenAPI as pydantic models, of which a function that answers requests uses none: no
model is built before it is used. And of what an import makes, next to nothing is garbage: none is looked for until all
is there, and what is there by then is never looked through again. Of each annotation FastAPI asks whether it is a model
of Pydantic 1, and imports the whole of that to find out; none is.
"""

from __future__ import annotations

import gc

from pydantic import BaseModel

BaseModel.model_config["defer_build"] = True
gc.disable()

from fastapi._compat import shared  # noqa: E402 - imports FastAPI, by the two lines above

shared.is_pydantic_v1_model_class = lambda cls: False  # noqa: ARG005 - as it names its parameter


def finish() -> None:
    """To be called when all is imported."""
    gc.freeze()
    gc.enable()
