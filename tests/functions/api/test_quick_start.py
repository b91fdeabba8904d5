"""What importing the API leaves out, which only a fresh interpreter shows."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.test_structure import ROOT

# Nothing of these is needed to answer a request.
LEFT_OUT = ("pydantic.v1",)
CODE = """
import json
import sys
import functions.api.handler
from fastapi.testclient import TestClient
from functions.api.app import create_app
with TestClient(create_app(None)) as client:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/nothing").status_code == 404
    loaded = set(sys.modules)
    from fastapi.openapi.models import Schema
    assert not hasattr(Schema, "model_fields")
    print(json.dumps({"loaded": sorted(loaded), "document": client.get("/openapi.json").json()}))
    again = client.get("/openapi.json")
    assert again.status_code == 200
"""


BY_ITSELF = """
import json
from fastapi.testclient import TestClient
from functions.api.app import create_app
with TestClient(create_app(None)) as client:
    print(json.dumps({"document": client.get("/openapi.json").json()}))
"""


def test_a_quick_start_leaves_out_what_no_request_needs_and_nothing_of_the_document() -> None:
    found = run(CODE)
    assert not set(LEFT_OUT) & set(found["loaded"])
    assert "functions.api.handler" in found["loaded"]
    assert found["document"] == run(BY_ITSELF)["document"]


def run(code: str) -> Any:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
