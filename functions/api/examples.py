"""The values that the documentation shows as examples; they fit each other."""

from __future__ import annotations

EXAMPLE_ID = "01926b3c-7f3e-7c2a-9d51-3f0a5b8c1e27"
EXAMPLE_BATCH = "f81d4fae-7dec-41d0-a765-00a0c91e6bf6"
EXAMPLE_OWNER = "7304c852-9051-7088-2f6b-d1e4a90c35b6"
EXAMPLE_POSITION = "f/37294859201748592017485920174859201748592017485920174859"
EXAMPLE_TIME = "2026-01-31T09:15:02.345Z"
EXAMPLE_PATH = f"inputs/anonymous/{EXAMPLE_ID}/report.txt"
EXAMPLE_SHA256 = "0123456789abcdef" * 4
EXAMPLE_SIZE = 700 * 1024 * 1024
EXAMPLE_UPLOAD_ID = "VXBsb2FkIElE.6J5vHlRtbXAz_9a--"
EXAMPLE_HOST = "https://mayfly-dev-uploads.s3.eu-central-1.amazonaws.com"
EXAMPLE_PART_URL = f"{EXAMPLE_HOST}/{EXAMPLE_PATH}?partNumber=1&uploadId={EXAMPLE_UPLOAD_ID}&X-Amz-Signature=1f2e"
