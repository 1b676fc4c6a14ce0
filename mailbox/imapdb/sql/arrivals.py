"""What a server that sorts by arrival saves: `ORDER BY created` without a listing, and counting by `created`.

SEARCH knows days, and those of a zone of its own; so what it finds for `created >= X` has to be checked. Sorted, all
that is in doubt stands at the ends of the list: only messages near a bound are looked at.
"""

from __future__ import annotations

import operator
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from imapdb.errors import ProtocolError, ServerRefused
from imapdb.imap import keys, sort
from imapdb.imap.fetch import FetchStream, Items
from imapdb.sql.columns import COLUMNS, by_name
from imapdb.sql.find import Found, found_of

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable, Sequence

    from imapdb.imap.connection import Connection
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.sql.criteria import Argument, Criteria
    from imapdb.sql.order import Order
    from imapdb.sql.plan import Term

__all__ = ["Bound", "bounds_of", "count_between", "find_arranged"]

_CREATED: Final = by_name()["created"]
_UID: Final = by_name()["uid"]
_COMPARES: Final = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
# Text as the column has it, which compares with it as SQLite does.
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?", re.ASCII)
# Whoever sorts by the time a clock showed, whatever its zone, is at most so far off: from UTC+14 to UTC-12.
_DOUBT: Final = timedelta(hours=26)
# So many are likely to be enough; nothing is sent ahead of them.
_NEAR: Final = 100


class Bound(NamedTuple):
    """A comparison of `created` with a moment; beyond `sure`, in its direction, no message is in doubt."""

    compare: Callable[[str, str], bool]
    moment: str
    sure: str
    is_lower: bool


def bounds_of(terms: Sequence[Term], values: Sequence[Argument]) -> list[Bound] | None:
    """Give the comparisons of `created` among the terms; None where others are left that SEARCH does not decide."""
    bounds = []
    for term, value in zip(terms, values, strict=True):
        if term.exact:
            continue
        bound = None if term.column != _CREATED or term.is_set else _bound(term.operator, value)
        if bound is None:
            return None
        bounds.append(bound)
    return bounds


def _bound(name: str, value: Argument) -> Bound | None:
    if name not in _COMPARES or not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return None
    is_lower = name.startswith(">")
    try:
        moment = datetime.fromisoformat(value)
        sure = moment + _DOUBT if is_lower else moment - _DOUBT
    except (ValueError, OverflowError):
        return None
    return Bound(_COMPARES[name], value, str(sure), is_lower)


def count_between(connection: Connection, mailbox: Mailbox, criteria: Criteria, bounds: Sequence[Bound]) -> int | None:
    """Count the messages that meet the criteria and the bounds; None where the server is not to be asked so."""
    found = _sorted(connection, mailbox, criteria)
    if found is None:
        return None
    uids, uidvalidity = found
    left: set[int] = set()
    for is_lower, ordered in ((True, uids), (False, uids[::-1])):
        if of_end := [bound for bound in bounds if bound.is_lower == is_lower]:
            left |= _outside(connection, mailbox, ordered, of_end, uidvalidity)
    return len(uids) - len(left)


def find_arranged(connection: Connection, mailbox: Mailbox, criteria: Criteria, order: Order) -> Found | None:
    """Find the messages in that order; None where it is another than the server's, or the server has none.

    What arrived in the same second is in the order of its UIDs.
    """
    is_ours = bool(order) and order[0][0] == _CREATED and order[1:] in ((), ((_UID, order[0][1]),))
    found = _sorted(connection, mailbox, criteria) if is_ours and not criteria.is_uids_only else None
    if found is None:
        return None
    found = found_of(criteria, *found)
    return found._replace(uids=found.uids[::-1]) if order[0][1] else found


def _sorted(connection: Connection, mailbox: Mailbox, criteria: Criteria) -> Found | None:
    """Have the server find and sort the messages; None where it cannot, and what it finds has to be looked at."""
    if not connection.profile.sorts_arrival or "SORT" not in connection.capabilities:
        return None
    key = criteria.key(narrowed=True)
    if key == keys.NOTHING or key.octets > sort.MAX_KEY:
        return None
    try:
        uids = connection.read(lambda wire: sort.by_arrival(wire, key), mailbox)
    except (ServerRefused, ProtocolError) as error:
        if error.command != "UID SORT":
            raise
        return None
    selected = connection.selected
    return Found(uids, None if selected is None else selected.uidvalidity)


def _outside(
    connection: Connection, mailbox: Mailbox, uids: array[int], bounds: Iterable[Bound], uidvalidity: int | None
) -> set[int]:
    """Give those of the messages that are not within the bounds or not there; they come first."""
    created = COLUMNS[_CREATED].value
    stream = FetchStream(connection, mailbox, uids, Items(date=True), uidvalidity=uidvalidity, first=_NEAR)
    left: set[int] = set()
    places = iter(uids)
    try:
        while (message := stream.next()) is not None:
            for uid in places:
                if uid == message.uid:
                    break
                left.add(uid)
            moment = created(message)
            if not isinstance(moment, str) or not all(bound.compare(moment, bound.moment) for bound in bounds):
                left.add(message.uid)
            elif all(moment > bound.sure if bound.is_lower else moment < bound.sure for bound in bounds):
                return left
        return left | set(places)
    finally:
        stream.close()
