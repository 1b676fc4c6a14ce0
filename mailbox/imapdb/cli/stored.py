"""Messages as the server has them: listed first, then fetched whole, a few hundred at a time."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from imapdb.cli.statement import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imapdb.dbapi import Connection

__all__ = ["ASKED", "Listed", "Stored", "stored"]

# What is asked of the messages to be fetched.
ASKED = ("mailbox", "uid", "size")
_AT_ONCE = 500
_COLUMNS = ("mailbox", "uid", "subject", "sender_address", "created", "email")


class Listed(NamedTuple):
    """A message to be fetched, in the mailbox that calls itself so."""

    mailbox: str
    uid: int
    size: int | None


class Stored(NamedTuple):
    """A message, and what its files are named by. `octets` is None where the server does not give them."""

    mailbox: str
    uid: int
    subject: str | None
    sender: str | None
    created: str | None
    octets: bytes | None


def stored(connection: Connection, table: str, listed: Sequence[Listed]) -> Iterator[Stored]:
    """Fetch listed messages of a table, by mailbox and uid, one at a time; those that are gone are left out."""
    for mailbox, group in groupby(sorted(listed), itemgetter(0)):
        uids = [message.uid for message in group]
        for start in range(0, len(uids), _AT_ONCE):
            some = uids[start : start + _AT_ONCE]
            sql = (
                f"SELECT {', '.join(map(quoted, _COLUMNS))} FROM {quoted(table)} "  # noqa: S608 - quoted
                f"WHERE mailbox = ? AND uid IN ({', '.join('?' * len(some))}) ORDER BY uid"
            )
            with connection.cursor() as cursor:
                for row in cursor.execute(sql, (mailbox, *some)):
                    yield Stored(*row)
