"""Refuses, as soon as it is imported, a Python that cannot import the rest of the program; so it comes first.

Pulumi's language host makes the virtual environment of Pulumi.yaml with whatever `python3` there is.
"""

from __future__ import annotations

import platform
import sys

import pulumi

if sys.version_info < (3, 11):  # noqa: UP036 it is not known which one this is
    raise pulumi.RunError(
        f"Mayfly needs Python 3.11 or newer, and its virtual environment has {platform.python_version()}."
        " Make it anew: rm -r .venv, and then make setup PYTHON=python3.12"
    )
