from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest

from infra.config import ConfigError
from infra.payload import build_archive
from infra.payload_files import OWN_FOLDER, payload_files

SCRIPT = ["./run.py"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder: a script and what it needs."""
    (tmp_path / "mine" / "lib").mkdir(parents=True)
    (tmp_path / "mine" / "run.py").write_text("print('mine')\n")
    (tmp_path / "mine" / "lib" / "README.md").write_text("read by the script\n")
    return tmp_path / "mine"


def members(archive: Path) -> dict[str, int]:
    with tarfile.open(archive) as tar:
        return {member.name: member.mode for member in tar}


def test_the_payload_depends_on_content_and_modes_alone(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("copy"), copy_function=shutil.copy)
    first, copy = (build_archive(payload_files(each, SCRIPT)) for each in (folder, folder.with_name("copy")))
    assert first == copy
    (folder / "run.py").chmod(0o755)
    other = build_archive(payload_files(folder, SCRIPT))
    assert other != first
    assert (members(first)["run.py"], members(other)["run.py"]) == (0o644, 0o755)


def test_the_wrapper_is_ours_and_everything_else_the_users(folder: Path) -> None:
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "run.pyc").write_bytes(b"")
    names = set(members(build_archive(payload_files(folder, SCRIPT))))
    wrapper = {f"wrapper/{path.name}" for path in (OWN_FOLDER / "wrapper").glob("*.py")}
    assert names == {"run.py", "lib/README.md", "run_job.py", *wrapper}


def test_the_folder_that_comes_with_mayfly_is_taken_as_it_is() -> None:
    files = payload_files(OWN_FOLDER, ["./script.py"])
    assert files["script.py"] == OWN_FOLDER / "script.py"
    assert {"README.md", "bootstrap.py"}.isdisjoint(files)


@pytest.mark.parametrize("name", ["run_job.py", "run_job/__init__.py", "wrapper.py", "wrapper/log.py", "__init__.py"])
def test_no_file_takes_the_place_of_the_wrapper(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("")
    with pytest.raises(ConfigError, match=f"mayfly:payloadFolder has {name}, which would take the place"):
        payload_files(folder, SCRIPT)


def test_a_folder_without_files_or_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="which is no folder"):
        payload_files(tmp_path / "missing", SCRIPT)
    with pytest.raises(ConfigError, match="there is no file"):
        payload_files(tmp_path, SCRIPT)


@pytest.mark.parametrize("word", ["./other.py", "other.py", "lib/other", "../run.py", "other.sh"])
def test_a_script_that_is_not_there_is_refused(folder: Path, word: str) -> None:
    with pytest.raises(ConfigError, match=rf"mayfly:script is '{word}', which is no file in"):
        payload_files(folder, [word])


@pytest.mark.parametrize("word", ["./run.py", "run.py", "lib/../run.py", "sh", "python3.11", "/usr/bin/env"])
def test_a_file_of_the_folder_or_a_command_of_the_image_will_do(folder: Path, word: str) -> None:
    assert payload_files(folder, [word])


def test_a_script_that_could_not_be_started_is_refused(folder: Path) -> None:
    (folder / "run").write_text("#!/bin/sh\n")
    with pytest.raises(ConfigError, match=r"'\./run', which is not executable: chmod \+x"):
        payload_files(folder, ["./run"])
