"""The UIDs in a mailbox that criteria allow: one SEARCH, or none where they are listed already."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from imapdb.errors import ProtocolError, ServerRefused
from imapdb.imap import keys, search, sets

if TYPE_CHECKING:
    from array import array

    from imapdb.imap.connection import Connection
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.imap.patience import Patience
    from imapdb.imap.wire import Wire
    from imapdb.sql.criteria import Criteria

__all__ = ["Found", "count", "find", "found_of"]


class Found(NamedTuple):
    """UIDs, ascending, and the UIDVALIDITY they belong to; None where no server was asked yet."""

    uids: array[int]
    uidvalidity: int | None


def find(
    connection: Connection, mailbox: Mailbox, criteria: Criteria, *, fetching: bool, patience: Patience | None = None
) -> Found:
    """Find the messages. With `fetching`, UIDs that are listed need no SEARCH: FETCH tells which of them are there.

    A server that refuses the narrowing keys (BADCHARSET, a key it does not know) is asked again without them.
    """
    wanted = criteria.uids
    if criteria.is_uids_only and fetching and wanted is not None:
        return Found(sets.uid_array(sorted(wanted)), None)
    key = criteria.key(narrowed=True)
    if key == keys.NOTHING:
        return Found(sets.uid_array(), None)
    try:
        found = _search(connection, mailbox, key, patience)
    except (ServerRefused, ProtocolError) as error:
        if not criteria.narrowing or error.command == "EXAMINE":
            raise
        if not key.is_ascii and "BADCHARSET" in (error.server_text or "").upper():
            connection.note_refused_charset()
        found = _search(connection, mailbox, criteria.key(narrowed=False), None)
    selected = connection.selected
    return found_of(criteria, found, None if selected is None else selected.uidvalidity)


def found_of(criteria: Criteria, uids: array[int], uidvalidity: int | None) -> Found:
    """Cut what a SEARCH found down to the UIDs wanted, of which a long list is asked as a range."""
    wanted = criteria.uids
    if wanted is not None:
        uids = sets.uid_array(uid for uid in uids if uid in wanted)
    return Found(uids, uidvalidity)


def count(connection: Connection, mailbox: Mailbox, criteria: Criteria, *, patience: Patience | None = None) -> int:
    """Count the messages, for criteria that are decided by SEARCH alone."""
    key = criteria.key(narrowed=True)
    return connection.read(lambda wire: search.count(wire, key, esearch=connection.esearch), mailbox, patience=patience)


def _search(connection: Connection, mailbox: Mailbox, key: keys.Key, patience: Patience | None) -> array[int]:
    def ask(wire: Wire) -> array[int]:
        return search.search(wire, key, esearch=connection.esearch)

    return connection.read(ask, mailbox, patience=patience)
