"""`pulumi-language-python` for the local cloud: runs the program in this process, with the interpreter of this one.

Pulumi's own language host makes the virtual environment that Pulumi.yaml names, and installs requirements.txt in it;
here both are those of the local cloud already. The protocol is Pulumi's (proto/pulumi/language.proto).
"""

from __future__ import annotations

import platform
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import grpc
import pulumi
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, language_pb2, language_pb2_grpc, plugin_pb2

from localcloud.engine import program
from localcloud.plugins.server import serve


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Serves `pulumirpc.LanguageRuntime`."""

    def __init__(self, engine_address: str) -> None:
        self._engine_address = engine_address
        self._running = threading.Lock()

    def Handshake(self, request: Any, _context: Any) -> language_pb2.LanguageHandshakeResponse:  # noqa: N802 the protocol's name
        self._engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, _request: Any, _context: Any) -> plugin_pb2.PluginInfo:  # noqa: N802
        return plugin_pb2.PluginInfo(version="")

    def GetRequiredPackages(self, _request: Any, _context: Any) -> language_pb2.GetRequiredPackagesResponse:  # noqa: N802
        """None, so that the engine downloads nothing and takes the provider from the PATH."""
        return language_pb2.GetRequiredPackagesResponse()

    def About(self, _request: Any, _context: Any) -> language_pb2.AboutResponse:  # noqa: N802
        return language_pb2.AboutResponse(executable=sys.executable, version=platform.python_version())

    def Cancel(self, _request: Any, _context: Any) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()

    def Run(self, request: language_pb2.RunRequest, _context: Any) -> language_pb2.RunResponse:  # noqa: N802
        """Runs `__main__.py` once; a failure is printed with the program's own lines."""
        engine = program.Engine(
            request.monitor_address,
            self._engine_address,
            is_preview=request.dryRun,
            secret_keys=tuple(request.configSecretKeys),
            organization=request.organization,
        )
        folder = Path(request.info.program_directory)
        try:
            with self._running:
                names = (request.stack, request.project)
                program.run(folder, names=names, config=dict(request.config), engine=engine)
        except (Exception, SystemExit) as error:  # noqa: BLE001 whatever the program raises is shown by the engine
            # As Pulumi's own host does: the message is the program's, and nothing is to be said of its end.
            with grpc.insecure_channel(self._engine_address) as channel:
                message = engine_pb2.LogRequest(severity=engine_pb2.ERROR, message=shown(error))
                engine_pb2_grpc.EngineStub(channel).Log(message)
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse()


def shown(error: BaseException) -> str:
    """A RunError's message alone, all else with its traceback (pulumi, sdk/python/cmd/pulumi-language-python-exec)."""
    return str(error) if isinstance(error, pulumi.RunError) else "".join(traceback.format_exception(error))


if __name__ == "__main__":
    address = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), "")
    serve(lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(address), server))
