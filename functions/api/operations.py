"""The API's operations, noted where their functions are defined and made routes when there is an app.

FastAPI's APIRouter does the same, but builds each route when it is defined and again when it is included, and then
looks for a request's route twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fastapi import FastAPI

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class Operations:
    """In the order of the documentation; options are those of `FastAPI.add_api_route`."""

    def __init__(self) -> None:
        self._all: list[tuple[str, str, Callable[..., Any], dict[str, Any]]] = []

    def get(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._noting("GET", path, options)

    def post(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._noting("POST", path, options)

    def delete(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._noting("DELETE", path, options)

    def _noting(self, method: str, path: str, options: dict[str, Any]) -> Callable[[Endpoint], Endpoint]:
        def noted(endpoint: Endpoint) -> Endpoint:
            self._all.append((method, path, endpoint, options))
            return endpoint

        return noted

    def add_to(
        self,
        app: FastAPI,
        responses: Mapping[int | str, dict[str, Any]] | None = None,
        openapi_extra: dict[str, Any] | None = None,
    ) -> None:
        """Adds a route for each, with these documented responses and this documentation besides its own."""
        for method, path, endpoint, options in self._all:
            documented = {**(responses or {}), **options.get("responses", {})}
            app.add_api_route(
                path,
                endpoint,
                methods=[method],
                openapi_extra=openapi_extra,
                **{**options, "responses": documented},
            )
