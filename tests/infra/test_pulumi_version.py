from __future__ import annotations

import pulumi
import pytest

from infra.pulumi_version import check_cli


def test_a_cli_that_cannot_even_be_asked_is_told_which_one_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_range: str) -> None:
        raise Exception("The installed version of the CLI is too old. Please upgrade the Pulumi CLI.")  # noqa: TRY002 as the SDK does

    monkeypatch.setattr(pulumi, "require_pulumi_version", refuse)
    with pytest.raises(
        pulumi.RunError, match=r"^The installed .* upgrade the Pulumi CLI\. .*: install the Pulumi CLI 3\."
    ):
        check_cli()


def test_the_range_goes_from_the_sdk_to_the_next_major_version(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(pulumi, "require_pulumi_version", asked.append)
    monkeypatch.setattr("importlib.metadata.version", {"pulumi": "3.272.0"}.__getitem__)
    check_cli()
    assert asked == [">=3.272.0 <4.0.0"]
