#!/usr/bin/env python3
"""Counts the words of a text file and writes a page about them: `report.py INPUT_FILE TEXT_FILE OUTPUT_FILE`.

The output is one HTML file that needs nothing else, with the text as its title. Memory stays the same whatever the size
of the file: it is read in pieces, and no more than `MOST_WORDS` different words are kept (see Tally). Standard library
only, Python 3.9 or newer.
"""

from __future__ import annotations

import codecs
import html
import os
import pathlib
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 1 << 20
"""Bytes that are read at once."""
MOST_WORDS = 100_000
LONGEST_WORD = 100
"""Characters. What is longer is data rather than a word."""
SHOWN = 30
JOINERS = "'\N{RIGHT SINGLE QUOTATION MARK}-"
WORD = re.compile(rf"[^\W\d_]+(?:[{JOINERS}][^\W\d_]+)*")
CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(127, 160)), "\N{REPLACEMENT CHARACTER}")
BAR, GAP, LABEL, WIDTH = 18, 6, 180, 420  # of the chart, in its own units


class Tally:
    """How often each word came, in bounded memory.

    Up to `most` different words, every count is exact. When there are twice as many, the count of the word in place
    `most` is taken from all, and who has nothing left is dropped (Misra and Gries, "Finding repeated elements"): the
    frequent words stay, and no count is more than `missed` too low.
    """

    def __init__(self, most: int = MOST_WORDS) -> None:
        self.counts: dict[str, int] = {}
        self.words = 0
        self.missed = 0
        self._most = most

    def add(self, text: str) -> None:
        for found in WORD.finditer(text):
            if found.end() - found.start() <= LONGEST_WORD:
                word = found.group().lower()
                self.counts[word] = self.counts.get(word, 0) + 1
                self.words += 1
                if len(self.counts) >= 2 * self._most:
                    self._forget()

    def _forget(self) -> None:
        floor = sorted(self.counts.values(), reverse=True)[self._most]
        self.counts = {word: count - floor for word, count in self.counts.items() if count > floor}
        self.missed += floor

    def top(self, count: int) -> list[tuple[str, int]]:
        """The most frequent words, most frequent first; of equals, by the alphabet."""
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))[:count]


class Statistics:
    def __init__(self, source: pathlib.Path, most_words: int = MOST_WORDS) -> None:
        self.size = source.stat().st_size
        self.lines = self.characters = 0
        self.tally = Tally(most_words)
        rest, last = "", "\n"
        for piece in pieces(source):
            self.lines += piece.count("\n")
            self.characters += len(piece)
            last = piece[-1]
            whole, rest = cut(rest + piece)
            self.tally.add(whole)
        self.tally.add(rest)
        self.lines += last != "\n"


def pieces(source: pathlib.Path) -> Iterator[str]:
    """The file's text, piece by piece. What is no UTF-8 (or UTF-16, where the file begins as such) is replaced."""
    with source.open("rb") as file:
        start = file.read(2)
        file.seek(0)
        encoding = "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        while data := file.read(PIECE):
            if text := decoder.decode(data):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text


def cut(text: str) -> tuple[str, str]:
    """The text up to its last word, which may go on in the next piece, and that word's beginning."""
    end = len(text)
    while end and len(text) - end <= LONGEST_WORD and (text[end - 1].isalpha() or text[end - 1] in JOINERS):
        end -= 1
    return text[:end], text[end:]


def page(title: str, facts: Statistics) -> str:
    """The report as HTML."""
    top = facts.tally.top(SHOWN)
    missed = facts.tally.missed
    different = f"{len(facts.tally.counts):,}" if not missed else f"more than {MOST_WORDS:,}"
    numbers = {
        "Bytes": f"{facts.size:,}",
        "Lines": f"{facts.lines:,}",
        "Characters": f"{facts.characters:,}",
        "Words": f"{facts.tally.words:,}",
        "Different words": different,
    }
    rows = "".join(f"<tr><th scope=row>{name}<td>{value}" for name, value in numbers.items())
    note = f"<p>The counts of single words may be up to {missed:,} too low." if missed else ""
    chart = bars(top) if top else "<p>There is no word in it."
    head = escaped(title.strip().split("\n")[0][:100])
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{head}</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }}
  h1 {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
  th {{ text-align: left; font-weight: normal; padding-right: 2rem; }}
  td {{ text-align: right; font-variant-numeric: tabular-nums; }}
  svg {{ width: 100%; height: auto; font-size: 14px; }}
</style>
<h1>{escaped(title.strip())}</h1>
<table>{rows}</table>
<h2>Most frequent words</h2>
{chart}
{note}
</html>
"""


def bars(top: list[tuple[str, int]]) -> str:
    """A bar for each word, as wide as its count in proportion to the first."""
    parts = []
    for place, (word, count) in enumerate(top):
        y = place * (BAR + GAP)
        width = max(1, round(WIDTH * count / top[0][1]))
        shown = word if len(word) <= SHOWN else f"{word[:SHOWN]}…"
        parts.append(
            f'<text x="{LABEL - 8}" y="{y + 14}" text-anchor="end">{escaped(shown)}</text>'
            f'<rect x="{LABEL}" y="{y}" width="{width}" height="{BAR}" fill="#2f7d6b"/>'
            f'<text x="{LABEL + width + 8}" y="{y + 14}">{count:,}</text>'
        )
    height = len(top) * (BAR + GAP)
    return f'<svg viewBox="0 0 {LABEL + WIDTH + 100} {height}" role="img" aria-label="Bar chart">{"".join(parts)}</svg>'


def escaped(text: str) -> str:
    """As text in HTML, whatever it holds."""
    return html.escape(text.translate(CONTROLS))


def main(input_file: str, text_file: str, output_file: str) -> None:
    text = pathlib.Path(text_file).read_text(encoding="utf-8")
    title = text.strip() or os.environ.get("MAYFLY_FILENAME", "") or "Word statistics"
    facts = Statistics(pathlib.Path(input_file))
    pathlib.Path(output_file).write_text(page(title, facts), encoding="utf-8")
    print(f"{facts.tally.words:,} words in {facts.lines:,} lines")


if __name__ == "__main__":
    main(*sys.argv[1:4])
