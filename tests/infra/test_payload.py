from __future__ import annotations

import os
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
    assert files["script.py"].path == OWN_FOLDER / "script.py"
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


@pytest.mark.parametrize(("name", "mode"), [("run", 0o755), ("run.py", 0o644)])
def test_the_script_can_be_executed_on_the_machine_whatever_its_mode_here(folder: Path, name: str, mode: int) -> None:
    """A computer without such a right packs none (terraform-provider-archive 58); a .py file needs none."""
    (folder / name).write_text("#!/bin/sh\n")
    (folder / "other").write_text("#!/bin/sh\n")
    modes = members(build_archive(payload_files(folder, [f"./{name}"])))
    assert (modes[name], modes["other"]) == (mode, 0o644)


@pytest.mark.parametrize(("name", "mode"), [("run", 0o755), ("run", 0o644), ("run.py", 0o755)])
def test_a_script_whose_first_line_ends_with_a_carriage_return_is_refused(folder: Path, name: str, mode: int) -> None:
    """execve(2) takes it for a part of the interpreter's name (mindaro 5)."""
    (folder / name).write_bytes(b"#!/usr/bin/env python3\r\nprint()\r\n")
    (folder / name).chmod(mode)
    with pytest.raises(ConfigError, match=rf"'\./{name}', whose first line ends with a carriage return.*\(LF\)"):
        payload_files(folder, [f"./{name}"])


def test_carriage_returns_do_no_harm_where_the_first_line_is_not_read(folder: Path) -> None:
    (folder / "run.py").write_bytes(b"#!/usr/bin/env python3\r\nprint()\r\n")
    (folder / "run.py").chmod(0o644)
    assert payload_files(folder, SCRIPT)


def test_links_to_files_and_folders_bring_what_they_lead_to(folder: Path) -> None:
    """pathlib's rglob passes over a link to a folder (pulumi 6709, aws-cdk 731)."""
    outside = folder.with_name("outside")
    (outside / "deep").mkdir(parents=True)
    (outside / "deep" / "data.txt").write_text("needed")
    (folder / "linked").symlink_to(outside)
    (folder / "again").symlink_to(folder / "lib")
    (folder / "file.txt").symlink_to(outside / "deep" / "data.txt")
    files = payload_files(folder, SCRIPT)
    assert {"linked/deep/data.txt", "again/README.md", "file.txt"} <= set(files)
    assert members(build_archive(files))["linked/deep/data.txt"] == 0o644


def test_what_cannot_be_packed_is_refused_by_its_name(folder: Path) -> None:
    (folder / "lib" / "loop").symlink_to(folder)
    with pytest.raises(ConfigError, match=r"has lib/loop, a link to a folder that it is in itself"):
        payload_files(folder, SCRIPT)
    (folder / "lib" / "loop").unlink()
    (folder / "other").mkdir()
    (folder / "lib" / "there").symlink_to(folder / "other")
    (folder / "other" / "back").symlink_to(folder / "lib")
    with pytest.raises(ConfigError, match=r"has lib/there/back, a link to a folder that it is in itself"):
        payload_files(folder, SCRIPT)
    (folder / "other" / "back").unlink()
    (folder / "lib" / "gone.txt").symlink_to("nowhere")
    with pytest.raises(ConfigError, match=r"has lib/gone\.txt, which is a broken link"):
        payload_files(folder, SCRIPT)
    (folder / "lib" / "gone.txt").unlink()
    os.mkfifo(folder / "lib" / "pipe")
    with pytest.raises(ConfigError, match=r"has lib/pipe, which is neither file nor folder"):
        payload_files(folder, SCRIPT)
