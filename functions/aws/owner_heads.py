"""Reads the first few items of each owner out of one partition, however many each of them has.

The range key begins with the owner, so a query can go on after all of an owner's items without reading them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from functions.aws.attribute_values import Item

# From then on the partition is read in large pages, whatever is in them; DynamoDB ends a page at 1 MB.
_MOST_SKIPS, _LARGEST_PAGE = 50, 1_000
# Sorts before any owner.
_BEGINNING = " "

# The items, and the key of the last one that was looked at, None where there are no more.
Page = Callable[[str, int], tuple[list[Item], Item | None]]


def owners_key(owner: str, name: str) -> str:
    """The range key of an owner's item."""
    return f"{owner}/{name}"


def first_of_each_owner(page: Page, limit: int) -> list[Item]:
    """Up to `limit` items of each owner; `page` answers a query for so many items after a range key.

    One page where that is everything. Pages of one owner's items alone stay small, since the next one skips the rest of
    them; pages with several owners double, since skipping would mean a query for each owner.
    """
    seen: Counter[str] = Counter()
    found: list[Item] = []
    after, size, pages = _BEGINNING, limit, 0
    while True:
        items, last = page(after, size)
        owners = [_owner_of(item) for item in items]
        for item, owner in zip(items, owners, strict=True):
            seen[owner] += 1
            found += [item] if seen[owner] <= limit else []
        if last is None:
            return found
        owner, pages = _owner_of(last), pages + 1
        after = last["id"]
        if seen[owner] >= limit:
            after = max(after, _after_all_of(owner))  # never back, whatever a key is like
        is_one_owners = set(owners) == {owner} and pages < _MOST_SKIPS
        size = limit if is_one_owners else min(2 * size, _LARGEST_PAGE)


def _owner_of(item: Item) -> str:
    return str(item["id"]).rpartition("/")[0]


def _after_all_of(owner: str) -> str:
    """Sorts after all of an owner's keys, and before the next owner's."""
    return owner + chr(ord("/") + 1)
