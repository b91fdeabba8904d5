#!/usr/bin/env python3
"""Prints as many MB as the text says, in lines of 100 bytes; the result says so. For trying what becomes of output."""

import pathlib
import sys

LINES_IN_A_MB = 10_000

_, text, target = (pathlib.Path(argument) for argument in sys.argv[1:4])
megabytes = int(text.read_text())
for number in range(megabytes * LINES_IN_A_MB):
    print(f"{number:099d}")
target.write_text(f"{megabytes} MB printed\n")
