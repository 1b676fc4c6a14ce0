"""ORDER BY on what costs a few octets a message: the keys of all are listed and sorted, and the rest streams.

So `ORDER BY created DESC LIMIT 10` over a hundred thousand messages fetches ten of them, not all for SQLite to sort.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from imapdb.imap import sets
from imapdb.imap.fetch import FetchStream, Items
from imapdb.sql.columns import COLUMNS, FLAGS, by_name

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable

    from imapdb.imap.connection import Connection
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.sql.find import Found

__all__ = ["Order", "arranged", "worthwhile"]

# Columns by their place, each with whether it descends; behind uid nothing decides any more.
Order: TypeAlias = tuple[tuple[int, bool], ...]

UID: Final = by_name()["uid"]
# What SQLite may just as well sort itself, as it is fetched anyway and nothing dearer is.
_CHEAP: Final = Items(size=True, date=True) | FLAGS
_SORTABLE: Final = frozenset(
    place
    for place, column in enumerate(COLUMNS)
    if column.name in ("created", "size") or (column.items == FLAGS and column.sql_type == "BOOLEAN")
)


def worthwhile(wanted: Iterable[tuple[int, bool]], used: Iterable[int]) -> Order:
    """Say which order a scan of one mailbox provides for an ORDER BY: all of it or none."""
    order: list[tuple[int, bool]] = []
    for column, descending in wanted:
        if column != UID and column not in _SORTABLE:
            return ()
        order.append((column, descending))
        if column == UID:
            break
    if not order or order[0][0] == UID:
        return tuple(order)
    is_dear = any(not _CHEAP.covers(COLUMNS[column].items) for column in used)
    return tuple(order) if is_dear else ()


def arranged(connection: Connection, mailbox: Mailbox, found: Found, order: Order) -> array[int]:
    """Bring the messages found into that order, without those that are gone meanwhile."""
    if not order:
        return found.uids
    if order[0][0] == UID:
        return found.uids[::-1] if order[0][1] else found.uids
    messages = _listed(connection, mailbox, found, order)
    if not messages:
        # All of them are gone, or nothing is asked in earnest (explain): what comes next finds that out too.
        return found.uids
    # From the last column to the first: what is equal in one stays as the ones behind it put it.
    for place, (_, descending) in reversed(list(enumerate(order))):
        messages.sort(key=_nth(place), reverse=descending)
    return sets.uid_array(uid for _, uid in messages)


def _nth(place: int) -> Callable[[tuple[tuple[Any, ...], int]], Any]:
    return lambda message: message[0][place]


def _listed(
    connection: Connection, mailbox: Mailbox, found: Found, order: Order
) -> list[tuple[tuple[tuple[bool, Any], ...], int]]:
    """Fetch the keys of every message. NULL comes before all else, as in SQLite."""
    items = Items()
    for column, _ in order:
        items |= COLUMNS[column].items
    values = [COLUMNS[column].value for column, _ in order]
    stream = FetchStream(connection, mailbox, found.uids, items, uidvalidity=found.uidvalidity)
    listed = []
    while (message := stream.next()) is not None:
        held = [value(message) for value in values]
        listed.append((tuple((value is not None, value) for value in held), message.uid))
    return listed
