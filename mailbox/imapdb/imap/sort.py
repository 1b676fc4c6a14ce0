"""The SORT command, which finds UIDs in an order of the server's making (RFC 5256 3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imapdb.errors import ProtocolError
from imapdb.imap import sets
from imapdb.imap.search import MAX_KEY

if TYPE_CHECKING:
    from array import array

    from imapdb.imap.keys import Key
    from imapdb.imap.wire import Wire

__all__ = ["MAX_KEY", "by_arrival"]

_SORTED = re.compile(rb"\* SORT((?: \d{1,10})*) ?\r?\n", re.IGNORECASE)


def by_arrival(wire: Wire, key: Key) -> array[int]:
    """Ask for the UIDs of the messages `key` holds for, those that arrived first first.

    Raises ProtocolError for an answer that lists none, or not all it should.
    """
    charset = b"US-ASCII" if key.is_ascii else b"UTF-8"
    pending = wire.send("UID SORT", b"(ARRIVAL)", charset, *key.arguments)
    found = None
    for response in wire.answer(pending):
        if line := _SORTED.fullmatch(response[0]):
            found = found or sets.uid_array()
            found.extend(map(int, line[1].split()))
    if found is None or (pending.code or b"").upper().startswith(b"MESSAGELIMIT"):
        raise ProtocolError("the server did not list what it sorted", command="UID SORT")
    return found
