"""No file of the project has a secret in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.core.scan import scan_file
from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector
from detect_secrets.settings import transient_settings

from tests.static.tracked_files import ROOT, tracked_files

pytestmark = pytest.mark.thorough

# What cannot be a secret by its look. Left out on purpose: the filters that pass over lines with a comment, lock files
# and whatever is called swagger; what is no secret stands in `_KNOWN` with its reason.
_FILTERS = (
    "is_sequential_string",
    "is_potential_uuid",
    "is_likely_id_string",
    "is_templated_secret",
    "is_prefixed_with_dollar_sign",
    "is_not_alphanumeric_string",
)


# Lines that no rule can find anything in, nearly half of them: hashes of what is locked, and those without a digit, a
# quotation mark, a colon or a sign of equality. What begins a private key has none of these either.
_IDLE_LINES = (r"^    --hash=sha256:[0-9a-f]{64}( \\)?$", r"""^(?!.*BEGIN)[^"'`=:0-9]*$""")


@dataclass(frozen=True)
class Known:
    """A finding that is no secret: of this kind, in this file, on lines that have `text`."""

    path: str
    kind: str
    text: str
    reason: str

    def covers(self, finding: PotentialSecret) -> bool:
        if (finding.filename, finding.type) != (self.path, self.kind):
            return False
        lines = (ROOT / self.path).read_text(encoding="utf-8").splitlines()
        return re.search(self.text, lines[finding.line_number - 1]) is not None


_SIGNATURES = "Pulumi's marks of special values on the wire, the same for everybody"
_WIRE = "localcloud/engine/wire.py"
_SIGN_IN = "tests/localcloud/emulator/test_sign_in.py"
# Published code: test_dependencies.py holds each of its bytes to the release that it comes from.
_VENDORED = "frontend/vendor/"
_KNOWN = (
    Known(_WIRE, "Hex High Entropy String", r'^_[A-Z_]+ = "[0-9a-f]{32}"', _SIGNATURES),
    Known(_WIRE, "Secret Keyword", r"^_SECRET = ", _SIGNATURES),
    Known("localcloud/emulator/settings.py", "AWS Access Key", "LOCALCLOUD", "the emulator's root, made up"),
    Known(_SIGN_IN, "Secret Keyword", "Correct-Horse-7|a guess", "passwords of a user that the test makes"),
    *(
        Known(lock, "Base64 High Entropy String", r'^ +"integrity": "sha512-', "hashes of published packages")
        for lock in ("package-lock.json", "judges/states_language/package-lock.json")
    ),
    Known("benchmarks/cold_start.py", "Secret Keyword", r"ACCESS_KEY\W+benchmark\W", "opens nothing"),
    Known("benchmarks/lambda_runtime.py", "Secret Keyword", r"ACCESS_KEY\W+function\W", "opens nothing"),
    Known("tests/localcloud/engine/test_preview.py", "Secret Keyword", '"hush"', "what a small program keeps secret"),
    Known(
        "tests/mayfly/test_hostile_environment.py", "Basic Auth Credentials", "proxy", "a proxy's, which is not there"
    ),
    Known("tests/cloud/test_scripts.py", "Secret Keyword", r"SecretId\W+any\W", "what a machine asks for in vain"),
)


# These are taken apart before they are scanned, so that their lines are not those of the file.
_TAKEN_APART = (".yaml", ".yml", ".ini", ".cfg", ".conf", ".toml")


def scan(paths: Iterable[str]) -> list[PotentialSecret]:
    """What is found. Most rules are patterns that a file as a whole shows to be in it or not, at a hundredth of the
    time that it takes line by line; a file with none of them is scanned for what is no pattern alone."""
    kinds: Mapping[str, type[BasePlugin]] = get_mapping_from_secret_type_to_class()
    patterns = [
        re.compile(pattern.pattern, pattern.flags | re.MULTILINE)
        for kind in kinds.values()
        if issubclass(kind, RegexBasedDetector)
        for pattern in cast("Iterable[re.Pattern[str]]", kind.denylist)
    ]

    def has_a_pattern(path: str) -> bool:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
        return path.endswith(_TAKEN_APART) or any(pattern.search(text) for pattern in patterns)

    with_a_pattern: dict[bool, list[str]] = {True: [], False: []}
    for path in paths:
        with_a_pattern[has_a_pattern(path)].append(path)
    others = [kind for kind in kinds.values() if not issubclass(kind, RegexBasedDetector)]
    return [*_scan(with_a_pattern[True], kinds.values()), *_scan(with_a_pattern[False], others)]


def _scan(paths: Iterable[str], kinds: Iterable[type[BasePlugin]]) -> list[PotentialSecret]:
    plugins = [{"name": kind.__name__} for kind in kinds]
    filters: list[dict[str, Any]] = [{"path": f"detect_secrets.filters.heuristic.{name}"} for name in _FILTERS]
    filters.append({"path": "detect_secrets.filters.regex.should_exclude_line", "pattern": list(_IDLE_LINES)})
    with transient_settings({"plugins_used": plugins, "filters_used": filters}):
        return [finding for path in paths for finding in scan_file(path)]


def test_no_file_has_a_secret_and_what_looks_like_one_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    findings = scan(path for path in map(str, tracked_files()) if not path.startswith(_VENDORED))
    unknown = [each for each in findings if not any(known.covers(each) for known in _KNOWN)]
    assert [f"{each.filename}:{each.line_number}: {each.type}" for each in unknown] == []
    assert [known for known in _KNOWN if not any(known.covers(each) for each in findings)] == []


# Put together here, so that this file has none of them in it.
PLANTED = {
    "AWS Access Key": "key = '" + "AKIA" + "Q3EGRIT7DVXW5KLA" + "'",
    "Private Key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "GitHub Token": "token: " + "ghp_" + "x7Kd0aP2" * 4 + "b3F9",
    "Secret Keyword": "pass" + "word = 'hunter2-but-longer'",
    "Hex High Entropy String": f"digest = '{hashlib.sha256(b'planted').hexdigest()}'",
}


@pytest.mark.parametrize("kind", sorted(PLANTED))
@pytest.mark.parametrize("name", ["planted.py", "notes.md", "package-lock.json", "swagger.js", "settings.yaml"])
def test_a_planted_secret_is_found(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / name
    path.write_text(f"# A file like any other.\n{PLANTED[kind]}  # pragma: allowlist secret\n", encoding="utf-8")
    assert kind in {each.type for each in scan([str(path)])}
