"""The sample account: some four hundred messages in nine mailboxes, the same for the same `now`.

INBOX holds conversations (our replies are in Sent), newsletters, notices with attachments, notes in a dozen languages,
and a few messages that break a rule. The newest is minutes old and most are recent, so that questions such as "unread
since yesterday" have answers whenever they are asked.
"""

from __future__ import annotations

import socket
from datetime import UTC
from imaplib import Time2Internaldate
from itertools import chain
from typing import TYPE_CHECKING, Any

from imapclient.imap_utf7 import encode as utf7

from imapdb.demo import bulk, correspondence, oddities
from imapdb.errors import ServerRefused

if TYPE_CHECKING:
    from datetime import datetime
    from imaplib import IMAP4

    from imapdb.demo.letter import Letter

__all__ = ["fill", "letters"]


def letters(now: datetime) -> list[Letter]:
    """Write the whole account as it stands at `now`, oldest first; a naive `now` is local time."""
    now = now.astimezone(UTC).replace(microsecond=0)
    written = chain(
        correspondence.conversations(now),
        correspondence.notes(now),
        correspondence.archive(now),
        correspondence.travel(now),
        correspondence.japanese(now),
        correspondence.drafts(now),
        bulk.newsletters(now),
        bulk.notices(now),
        bulk.builds(now),
        bulk.discussion(now),
        oddities.odd(now),
        oddities.junk(now),
    )
    return sorted(written, key=lambda letter: letter.received)


def fill(imap: IMAP4, now: datetime) -> int:
    """Load the sample mail through a logged-in connection, by CREATE and APPEND; return the number of messages.

    Mailbox names are written with the hierarchy delimiter of the server. Raises ServerRefused where the server does
    not take a mailbox or a message.
    """
    # imaplib sends a literal and the line end after it apart: without this every APPEND waits 40 ms for an answer to
    # the first (Nagle's algorithm against delayed acknowledgement).
    imap.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    delimiter = _delimiter(imap)
    made = {"INBOX"}
    sample = letters(now)
    for letter in sample:
        name = _quoted(letter.mailbox.replace("/", delimiter))
        if letter.mailbox not in made:
            _check(imap.create(name))
            made.add(letter.mailbox)
        when = Time2Internaldate(letter.received)
        _check(imap.append(name, f"({' '.join(letter.flags)})", when, letter.raw))
    return len(sample)


def _check(answer: tuple[str, list[Any]]) -> None:
    status, lines = answer
    if status != "OK":
        said = b" ".join(line for line in lines if isinstance(line, bytes)).decode("ascii", "replace")
        raise ServerRefused("the server does not take the sample mail", server_text=said)


def _delimiter(imap: IMAP4) -> str:
    """Ask the server what stands between the levels of a name (RFC 3501 6.3.8): a quoted character."""
    _, lines = imap.list('""', '""')
    line = lines[0] if lines else None
    pieces = line.decode("ascii").split('"') if isinstance(line, bytes) else []
    return pieces[1] if len(pieces) > 1 else "/"


def _quoted(name: str) -> str:
    encoded: bytes = utf7(name)
    return '"' + encoded.decode("ascii").replace("\\", "\\\\").replace('"', '\\"') + '"'
