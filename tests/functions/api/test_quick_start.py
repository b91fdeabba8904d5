"""What importing the API leaves out, which only a fresh interpreter shows."""

from __future__ import annotations

import subprocess
import sys

from tests.test_structure import ROOT

CODE = """
import sys
from fastapi.testclient import TestClient
import functions.api.handler
from functions.api.app import create_app
with TestClient(create_app(None)) as client:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/nothing").status_code == 404
print("pydantic.v1" in sys.modules)
assert client.get("/openapi.json").json()["components"]["schemas"]["JobAnswer"]["properties"]["machines"]
"""


def test_neither_import_nor_a_request_brings_pydantic_1_along() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n", done.stderr
