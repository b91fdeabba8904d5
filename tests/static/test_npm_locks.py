"""What npm installs is pinned to its bytes, too: what checks the page's types, and a judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.static.tracked_files import ROOT, tracked_files

LOCKS = [path for path in tracked_files() if path.name == "package-lock.json"]


def test_the_page_itself_depends_on_nothing() -> None:
    assert "dependencies" not in json.loads((ROOT / "package.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("lock", LOCKS, ids=str)
def test_every_package_is_pinned_to_its_bytes_and_no_address_is_named(lock: Path) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    wanted = json.loads((ROOT / lock).with_name("package.json").read_text(encoding="utf-8"))
    root, *packages = json.loads(text)["packages"].items()
    for kind in ("dependencies", "devDependencies"):
        assert root[1].get(kind) == wanted.get(kind)
    assert packages
    for name, package in packages:
        assert package["integrity"].startswith("sha512-"), name
    assert "://" not in text
