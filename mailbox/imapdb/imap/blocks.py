"""FETCH responses of the commonest shapes, read many at a time from what the connection has buffered.

A response that is not here whole, has another shape, or tells of a message nobody waits for is left where it is: the
general way (imap/wire.py, imap/fetched.py) reads it, and decides what it means.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from imapdb.imap.fetched import Fetched

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from imapdb.imap.items import Items

__all__ = ["Block"]

# Blocks of which nothing could be taken, one after the other: a server that answers in other shapes.
MAX_IDLE = 8
_CLOSING = b")\r\n"

# Whatever is told, in any order. Behind a literal's announcement nothing is looked at: a message could begin so.
_IN_ANY_ORDER = re.compile(
    rb"\* \d{1,10} FETCH \((?: |UID (?P<uid>\d{1,10})|FLAGS \((?P<flags>[^()\r\n]*)\)|RFC822\.SIZE (?P<size>\d{1,18})"
    rb"|INTERNALDATE \"(?P<date>[^\"\r\n]*)\"|MODSEQ \(\d{1,20}\))+"
    rb"(?:BODY\[(?P<section>(?:HEADER(?:\.FIELDS \([^()\r\n]*\))?)?)\] \{(?P<octets>\d{1,9})\}\r\n|(?P<end>\)\r\n))"
)


@lru_cache(maxsize=64)
def _in_order(items: Items) -> re.Pattern[bytes]:
    """Give the shape of an answer that tells these items in the order they are asked for, as most servers do.

    It has the groups of _IN_ANY_ORDER, and takes a third of its time.
    """
    is_body = items.body or (items.whole and not items.header and not items.fields)
    if items.email_id or items.thread_id or items.labels or items.structure or items.sections or items.whole > is_body:
        # None is complete without these, and nothing here reads them.
        return re.compile(rb"(?!)")
    section = b"HEADER" if items.header else b"HEADER.FIELDS (%s)" % b" ".join(sorted(items.fields))
    told = (
        (items.flags, rb" FLAGS \(([^()\r\n]*)\)"),
        (items.size, rb" RFC822\.SIZE (\d{1,18})"),
        (items.date, rb' INTERNALDATE "([^"\r\n]*)"'),
    )
    pattern = rb"\* \d{1,10} FETCH \(UID (\d{1,10})"
    for is_wanted, shape in told:
        pattern += b"(?:%s)%s" % (shape, b"" if is_wanted else b"{0}")
    if is_body or items.header or items.fields:
        pattern += rb" BODY\[(%s)\] \{(\d{1,9})\}\r\n(?:()){0}" % (b"" if is_body else re.escape(section))
    else:
        pattern += rb"(?:()()){0}(\)\r\n)"
    return re.compile(pattern)


class Block:
    """Puts messages into `found`: those among `uids` of which nothing was found yet, asked for `items`."""

    __slots__ = ("_found", "_idle", "_in_order", "_uids", "complete", "messages", "octets")

    def __init__(self, uids: AbstractSet[int], found: dict[int, Fetched], items: Items) -> None:
        self._in_order = _in_order(items).match
        self._uids = uids
        self._found = found
        self._idle = 0
        self.messages = 0
        self.octets = 0
        # Of which all items were told.
        self.complete = 0

    def take(self, block: bytes) -> tuple[int, int]:
        """Take the messages at the beginning of `block`; say how many octets they took and how many they are."""
        if self._idle >= MAX_IDLE:
            return 0, 0
        octets, messages, complete = _take(block, self._uids, self._found, self._in_order)
        self._idle = 0 if messages else self._idle + 1
        self.complete += complete
        self.octets += octets
        self.messages += messages
        return octets, messages


def _take(  # noqa: C901 - one flat pass: a call for each message would cost a tenth of it
    block: bytes,
    uids: AbstractSet[int],
    found: dict[int, Fetched],
    in_order: Callable[[bytes, int], re.Match[bytes] | None],
) -> tuple[int, int, int]:
    position = count = incomplete = 0
    while True:
        head = in_order(block, position)
        if head is None:
            head = _IN_ANY_ORDER.match(block, position)
            if head is None:
                break
            incomplete += 1
        uid, flags, size, date, section, octets, end = head.groups()
        after = head.end()
        literal = None
        if section is not None:
            literal = block[after : after + int(octets)]
            after += int(octets) + len(_CLOSING)
            # A literal's length that is wrong would not lead to an end.
            if end is not None or not block.startswith(_CLOSING, after - len(_CLOSING)):
                break
        elif end is None:
            break
        number = int(uid or 0)
        if number not in uids or number in found:
            break
        message = found[number] = Fetched(number)
        message.flags = flags
        message.date = date
        if size is not None:
            message.size = int(size)
        if section:
            message.header = literal
        elif section is not None:
            message.body = literal
        position = after
        count += 1
    return position, count, max(0, count - incomplete)
