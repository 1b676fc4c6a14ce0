"""Sets of uids as people write them: `1,5,10:20,100:*`."""

from __future__ import annotations

import re

__all__ = ["LARGEST", "parse_uids"]

# RFC 3501 9: nz-number, an unsigned 32-bit number above 0.
LARGEST = 2**32 - 1

# SQLite reads expressions up to a depth of 1,000, and each OR is one deeper.
_MOST = 900

_TERM = re.compile(r"(?P<first>\d{1,10}|\*)(?::(?P<last>\d{1,10}|\*))?", re.ASCII)


def parse_uids(written: str) -> list[tuple[int, int]]:
    """Read a set of uids as ranges, sorted and merged; `*` is the largest uid there can be.

    So `100:*` is everything from 100 on, and nothing where the last message has a smaller uid, unlike in IMAP. Raises
    ValueError for anything else.
    """
    ranges: list[tuple[int, int]] = []
    for term in written.split(","):
        match = _TERM.fullmatch(term.strip())
        if match is None or match[0] == "*":
            raise ValueError(f"{term.strip()!r} is no uid: write 7, 10:20 or 100:*, several parted by commas")
        first, last = sorted(
            LARGEST if uid == "*" else int(uid) for uid in (match["first"], match["last"] or match["first"])
        )
        if first < 1 or last > LARGEST:
            raise ValueError(f"{term.strip()!r}: uids are numbers from 1 to {LARGEST}")
        ranges.append((first, last))
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    if len(merged) > _MOST:
        raise ValueError(f"more than {_MOST} separate ranges of uids")
    return merged
