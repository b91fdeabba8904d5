"""The drawn tree of errors and the classes say the same."""

from __future__ import annotations

import re

from functions.jobs import errors


def test_the_drawn_tree_has_every_error_at_its_place() -> None:
    drawn = re.findall(r"^([│ ├└─]*)(\w+)(?: {2}| *$)", errors.__doc__ or "", flags=re.MULTILINE)
    tree = {name: len(branch) // 4 for branch, name in drawn}
    classes = [each for each in vars(errors).values() if isinstance(each, type)]
    assert tree == {each.__name__: each.__mro__.index(errors.MayflyError) for each in classes}
