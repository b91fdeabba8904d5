from __future__ import annotations

import ssl
from pathlib import Path

import httpx2 as httpx
import pytest

from benchmarks.certificate import self_signed
from mayfly.http_client import http_client
from tests.ec2_payload.s3_double import S3Double


def test_certificates_are_read_when_something_on_this_computer_speaks_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=certificate)
    with monkeypatch.context() as patched:
        patched.setattr("mayfly.http_client._tls_context", lambda **_: pytest.fail("read although nothing needs them"))
        http = http_client("http://127.0.0.1:8080", timeout=60)
    with S3Double(server) as s3, http:
        url, _ = s3.put("result", b"content")
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            http.get(url)
        monkeypatch.setattr("mayfly.http_client._tls_context", lambda **_: trusting)
        assert http.get(url).content == b"content"
