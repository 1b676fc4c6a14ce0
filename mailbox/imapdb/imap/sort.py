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
    is_plain = True
    for response in wire.answer(pending):
        if not response[0][:7].upper().startswith(b"* SORT"):
            continue
        line = _SORTED.fullmatch(response[0])
        uids = [] if line is None else list(map(int, line[1].split()))
        is_plain &= line is not None and min(uids, default=1) > 0 and max(uids, default=1) <= sets.MAX_UID
        if is_plain:
            found = found or sets.uid_array()
            found.extend(uids)
    is_whole = not (pending.code or b"").upper().startswith(b"MESSAGELIMIT")
    if found is None or not is_plain or not is_whole or len(set(found)) < len(found):
        raise ProtocolError("the server did not list what it sorted, each message once", command="UID SORT")
    return found
