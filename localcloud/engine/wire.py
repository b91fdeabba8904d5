"""Pulumi's wire values (protobuf structs) to plain Python and back.

The signatures are those of pulumi/sdk/go/common/resource (properties.go, asset, archive); they are part of the
protocol between every Pulumi SDK and the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf import json_format, struct_pb2

from localcloud.engine.records import Blob

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 a type signature
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
# One for each kind of value (sdk/go/common/resource/plugin/rpc.go).
_UNKNOWNS = {
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
}


class Unknown:
    """What is only known once something else has been deployed; previews are full of it."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN = Unknown()


class Decoder:
    """Reads wire values; relative paths of assets are taken from `folder`, where the program runs.

    With `reads_files` off, assets and archives are empty and told apart by their hashes: recorded state may name files
    that have changed or are gone.
    """

    def __init__(self, folder: Path, *, reads_files: bool = True) -> None:
        self._folder = folder
        self._reads_files = reads_files

    def struct(self, struct: struct_pb2.Struct) -> dict[str, Any]:
        """A struct without a signature, with unset values left out (as Pulumi's own providers see them).

        Sorted, because the order of a protobuf map differs from run to run.
        """
        values = {key: self._value(value) for key, value in sorted(struct.fields.items())}
        return {key: value for key, value in values.items() if value is not None}

    def _value(self, value: struct_pb2.Value) -> Any:
        match value.WhichOneof("kind"):
            case "struct_value":
                return self._signed(value.struct_value)
            case "list_value":
                return [self._value(item) for item in value.list_value.values]
            case "number_value":  # the protocol has doubles only
                number = value.number_value
                return int(number) if number.is_integer() else number
            case "string_value":
                return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
            case "bool_value":
                return value.bool_value
            case _:
                return None

    def _signed(self, struct: struct_pb2.Struct) -> Any:
        signature = _signature(struct)
        if not signature:
            return self.struct(struct)
        if signature in (_SECRET, _OUTPUT):
            return self._value(struct.fields["value"]) if "value" in struct.fields else UNKNOWN
        if signature in (_ASSET, _ARCHIVE):
            return self._content(struct)
        if signature == _RESOURCE:
            return struct.fields["id" if "id" in struct.fields else "urn"].string_value
        raise ValueError(f"a value with the unknown signature {signature}")

    def _content(self, struct: struct_pb2.Struct) -> Blob:
        """Read when the resource is registered, so that a record stays true when files change afterwards."""
        if not self._reads_files:
            return Blob(b"", struct.fields["hash"].string_value)
        if "text" in struct.fields:
            return Blob(struct.fields["text"].string_value.encode(), "<text>")
        if "path" not in struct.fields:
            raise ValueError(
                "assets and archives are files here: nothing is fetched from an address, and nothing packed"
            )
        path = self._folder / struct.fields["path"].string_value
        if not path.is_file():
            raise ValueError(f"{path} of an asset or archive is no file")
        return Blob(path.read_bytes(), str(path))


def encode(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """JSON-like values as a struct; None is left out."""
    struct = struct_pb2.Struct()
    json_format.ParseDict({key: value for key, value in values.items() if value is not None}, struct)
    return struct


def state(inputs: struct_pb2.Struct, outputs: Mapping[str, Any]) -> struct_pb2.Struct:
    """A resource's state: its inputs as they came (secrets stay secret), then what the provider adds."""
    merged = struct_pb2.Struct()
    merged.CopyFrom(inputs)
    secrets = {key for key, value in inputs.fields.items() if _holds_secret(value)}
    for key, value in encode(outputs).fields.items():
        if key not in secrets:
            merged.fields[key].CopyFrom(value)
    return merged


def _signature(struct: struct_pb2.Struct) -> str:
    return struct.fields[_SIGNATURE].string_value if _SIGNATURE in struct.fields else ""


def _holds_secret(value: struct_pb2.Value) -> bool:
    if value.WhichOneof("kind") == "list_value":
        return any(map(_holds_secret, value.list_value.values))
    if value.WhichOneof("kind") != "struct_value":
        return False
    struct = value.struct_value
    return _signature(struct) == _SECRET or any(map(_holds_secret, struct.fields.values()))
