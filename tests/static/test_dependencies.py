"""What comes from outside is pinned to its bytes: packages by the lock files, vendored files by their checksums.

`make audit` asks, over the network, whether something is known against the pinned versions.
"""

from __future__ import annotations

import email
import hashlib
import re
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.bundle import API, ORCHESTRATOR, Bundle
from infra.bundling.target import Target
from tests.static.tracked_files import ROOT, tracked_files

pytestmark = pytest.mark.thorough

LOCKS = [path for path in tracked_files() if re.fullmatch(r"requirements.*\.txt", path.name)]
SOURCES = [path for path in tracked_files() if re.fullmatch(r"requirements.*\.in", path.name)]
VENDORED = sorted(path for path in (ROOT / "frontend" / "vendor").iterdir() if path.is_dir())
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_LICENCES = re.compile(r"(.+\.)?(LICENSE|NOTICE)(\.txt)?")


def entries(path: Path) -> list[str]:
    """The logical lines of a requirements file, without comments."""
    joined = re.sub(r"\\\n", " ", (ROOT / path).read_text(encoding="utf-8"))
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]


def requirements(path: Path) -> list[Requirement]:
    return [Requirement(line.split("--hash")[0]) for line in entries(path) if not line.startswith("-r ")]


def pins(path: Path) -> dict[str, str]:
    """Name → version of what a lock file installs here."""
    return {
        canonicalize_name(each.name): str(each.specifier).removeprefix("==")
        for each in requirements(path)
        if each.marker is None or each.marker.evaluate()
    }


def test_every_source_has_a_lock_and_every_lock_a_source() -> None:
    assert LOCKS
    assert [path.with_suffix("") for path in LOCKS] == [path.with_suffix("") for path in SOURCES]


@pytest.mark.parametrize("lock", LOCKS, ids=str)
def test_a_lock_pins_versions_and_bytes_and_names_no_address(lock: Path) -> None:
    for line in entries(lock):
        pinned, *hashes = line.split(" --hash", 1)
        assert re.fullmatch(r"==[\w.+!-]+", str(Requirement(pinned).specifier)), line
        assert hashes, f"{pinned} has no hash"
        assert re.fullmatch(rf"({_HASH.pattern}\s*)+", f"--hash{hashes[0]}"), pinned
        assert Requirement(pinned).url is None
    assert "://" not in (ROOT / lock).read_text(encoding="utf-8")


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_a_lock_has_whatever_its_source_asks_for(source: Path) -> None:
    locked = {canonicalize_name(each.name): each for each in requirements(source.with_suffix(".txt"))}
    asked = requirements(source)
    assert asked
    for each in asked:
        (version,) = locked[canonicalize_name(each.name)].specifier
        assert each.specifier.contains(version.version, prereleases=True), each


@pytest.mark.parametrize("bundle", [API, ORCHESTRATOR], ids=lambda bundle: str(bundle.handlers))
@pytest.mark.parametrize("target", [Target("", "", host=True), Target("3.13", "arm64")], ids=str)
def test_a_bundle_has_exactly_what_its_lock_file_says(bundle: Bundle, target: Target) -> None:
    archive = zipfile.ZipFile(bundle.build(target))
    found = {}
    for name in archive.namelist():
        if re.fullmatch(r"[^/]+\.dist-info/METADATA", name):
            metadata = email.message_from_bytes(archive.read(name))
            found[canonicalize_name(metadata["Name"])] = metadata["Version"]
    assert found == pins(Path(bundle.requirements))


@pytest.mark.parametrize("bundle", [API, ORCHESTRATOR], ids=lambda bundle: str(bundle.handlers))
def test_what_is_bundled_depends_on_no_marker(bundle: Bundle) -> None:
    # Pip would ask the Python that runs it, not the one that the bundle is for.
    assert [str(each) for each in requirements(Path(bundle.requirements)) if each.marker] == []


def test_what_is_deployed_has_the_versions_that_were_tested() -> None:
    tested = {canonicalize_name(each.name): str(each.specifier) for each in requirements(Path("requirements-dev.txt"))}
    for lock in ("requirements.txt", API.requirements, ORCHESTRATOR.requirements):
        for each in requirements(Path(lock)):
            assert tested[canonicalize_name(each.name)] == str(each.specifier)


@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: str(folder.name))
def test_a_vendored_library_is_byte_for_byte_its_release(folder: Path) -> None:
    release, *lines = (folder / "VERSION").read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"[\w@/.-]+ \d+\.\d+\.\d+", release)
    sums = {name: digest for _, digest, name in (line.split() for line in lines)}
    files = {path.name for path in folder.iterdir()} - {"VERSION"}
    assert {name for name in files if not _LICENCES.fullmatch(name)} == set(sums)
    assert {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in sums} == sums


@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: str(folder.name))
def test_a_vendored_library_comes_with_its_licence(folder: Path) -> None:
    assert "license" in (folder / "LICENSE").read_text(encoding="utf-8").lower()
