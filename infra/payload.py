"""What runs on the machines, as an object whose key is its SHA-256, so that a machine can check what it got."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra.bundle import BUILD, ROOT
from infra.bundling.dependencies import unfinished_at
from infra.config import StackConfig
from infra.payload_files import PayloadFile, payload_files
from infra.storage import PrivateBucket


@dataclass(frozen=True)
class PayloadArgs:
    config: StackConfig
    bucket: PrivateBucket


class Payload(pulumi.ComponentResource):
    """The payload object. `key` is where it is, `sha256` what it hashes to, in hex."""

    key: pulumi.Output[str]
    sha256: str

    def __init__(self, name: str, args: PayloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:Payload", name, None, opts)
        archive = build_archive(payload_files(ROOT / args.config.payload_folder, args.config.script))
        self.sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
        stored = aws.s3.BucketObjectv2(
            name,
            bucket=args.bucket.name,
            key=f"payload/{self.sha256}.tar.gz",
            source=pulumi.FileAsset(str(archive)),
            content_type="application/gzip",
            # The older payload stays for machines whose command already names it.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        self.key = stored.key
        self.register_outputs({"key": self.key, "sha256": self.sha256})


def build_archive(files: Mapping[str, PayloadFile]) -> Path:
    """A tar.gz of files by their names in it; its bytes depend on names, content and modes alone. Returns its path."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", filename="", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, file in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = file.path.stat().st_size
            entry.mode = 0o755 if file.is_executable else 0o644
            with file.path.open("rb") as content:
                archive.addfile(entry, content)
    data = buffer.getvalue()
    target = BUILD / "payload" / f"{hashlib.sha256(data).hexdigest()}.tar.gz"
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        unfinished = unfinished_at(target)
        unfinished.write_bytes(data)
        unfinished.replace(target)
    return target
