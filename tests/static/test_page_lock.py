"""What checks the page's types is pinned to its bytes, too."""

from __future__ import annotations

import json

from tests.static.tracked_files import ROOT

LOCK = ROOT / "package-lock.json"


def test_the_page_itself_depends_on_nothing() -> None:
    assert "dependencies" not in json.loads((ROOT / "package.json").read_text(encoding="utf-8"))


def test_every_package_is_pinned_to_its_bytes_and_no_address_is_named() -> None:
    text = LOCK.read_text(encoding="utf-8")
    root, *packages = json.loads(text)["packages"].items()
    assert (
        root[1]["devDependencies"] == json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    )
    assert packages
    for name, package in packages:
        assert package["integrity"].startswith("sha512-"), name
    assert "://" not in text
