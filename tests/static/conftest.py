from __future__ import annotations

from tests.infra.conftest import open_to_all, production, recorded, signed_in

__all__ = ["open_to_all", "production", "recorded", "signed_in"]
