"""STATUS: the numbers of many mailboxes, in one LIST where that is offered, else in commands sent ahead.

RFC 3501 6.3.10, RFC 5819 (LIST-STATUS).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from imapdb.errors import ProtocolError, ServerRefused
from imapdb.imap.mailboxes import Mailbox, list_mailboxes, mailbox_argument
from imapdb.imap.patience import is_for_now
from imapdb.imap.tokens import Token, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from imapdb.imap.connection import Connection
    from imapdb.imap.wire import Pending, Response, Wire

__all__ = ["Numbers", "Statuses", "can_list_statuses", "list_with_statuses", "offered", "statuses_of"]

WINDOW = 32
MAX_DIGITS = 18  # more are no number of this protocol, and would not fit SQLite's 64 bits

# What some servers alone can tell, and how they say so.
_EXTENSIONS: Final = {"HIGHESTMODSEQ": "CONDSTORE", "SIZE": "STATUS=SIZE"}

Numbers: TypeAlias = "Mapping[str, int]"
# By the names of mailboxes.
Statuses: TypeAlias = "dict[str, Numbers]"


class Listed(NamedTuple):
    """The mailboxes, and the numbers of those of which any came along."""

    mailboxes: list[Mailbox]
    statuses: Statuses


def offered(items: Iterable[str], capabilities: frozenset[str]) -> list[str]:
    """Leave out the items this server does not know."""
    return [item for item in items if item not in _EXTENSIONS or _EXTENSIONS[item] in capabilities]


def can_list_statuses(connection: Connection) -> bool:
    """Say whether LIST brings numbers along: it is offered, and was not refused in this session."""
    return {"LIST-STATUS", "LIST-EXTENDED"} <= connection.capabilities and not connection.refuses_list_status


def list_with_statuses(connection: Connection, items: Sequence[str]) -> Listed:
    """List the mailboxes; where the server can, the numbers of all of them come along, in one round trip.

    A mailbox whose numbers it left out is not in `statuses`, nor is any where it cannot or will not.
    """

    def ask(wire: Wire) -> Listed:
        wanted = offered(items, connection.capabilities)
        if wanted and can_list_statuses(connection):
            connection.renew(wire)
            try:
                listing = list_mailboxes(
                    wire, connection.capabilities, connection.namespaces, returning=b"STATUS " + _parenthesised(wanted)
                )
            except (ServerRefused, ProtocolError) as error:
                if error.server_text is None or error.command != "LIST":
                    raise
                # Offered and not done: the mailboxes alone are still to be had.
                connection.refuses_list_status = not is_for_now(error.server_text)
            else:
                names = {_fold_inbox(mailbox.wire_name): mailbox.name for mailbox in listing.mailboxes}
                return Listed(listing.mailboxes, _read(listing.responses, names))
        return Listed(list_mailboxes(wire, connection.capabilities, connection.namespaces).mailboxes, {})

    return connection.read(ask)


def statuses_of(
    connection: Connection, mailboxes: Iterable[Mailbox], items: Iterable[str], *, renew: bool = True
) -> Statuses:
    """Ask STATUS of several mailboxes, the commands sent ahead; a mailbox that refuses is left out.

    `items` are the names of RFC 3501 6.3.10 (MESSAGES, UNSEEN, UIDNEXT, UIDVALIDITY) and of its extensions. Without
    `renew` the numbers of the mailbox that is open may be those of when it was opened.
    """
    names = {_fold_inbox(mailbox.wire_name): mailbox.name for mailbox in mailboxes}

    def ask(wire: Wire) -> Statuses:
        wanted = _parenthesised(offered(items, connection.capabilities))
        selected = connection.selected
        if renew and selected is not None and _fold_inbox(selected.mailbox.wire_name) in names:
            connection.renew(wire)
        statuses: Statuses = {}
        # A window, not a flood: a server that reads no further until its answers are read would block both sides.
        asked: deque[Pending] = deque()
        for wire_name in names:
            asked.append(wire.send("STATUS", mailbox_argument(wire_name), wanted))
            if len(asked) >= WINDOW:
                _answer(wire, asked.popleft(), names, statuses)
        for pending in asked:
            _answer(wire, pending, names, statuses)
        return statuses

    return connection.read(ask)


def _parenthesised(items: Iterable[str]) -> bytes:
    return b"(%s)" % " ".join(items).encode("ascii")


def _fold_inbox(wire_name: bytes) -> bytes:
    return b"INBOX" if wire_name.upper() == b"INBOX" else wire_name


def _answer(wire: Wire, pending: Pending, names: Mapping[bytes, str], statuses: Statuses) -> None:
    try:
        responses = list(wire.answer(pending))
    except (ServerRefused, ProtocolError):
        if pending.conclusion is None:
            raise
        # Deleted since LIST, or not ours to read: its numbers are unknown, the others' are not.
        return
    statuses.update(_read(responses, names))


def _read(responses: Iterable[Response], names: Mapping[bytes, str]) -> Statuses:
    statuses: Statuses = {}
    for response in responses:
        if response[0][:9].upper() != b"* STATUS ":
            continue
        try:
            told = tokens(response, 9)
        except ProtocolError:
            # A line that cannot be read tells nothing; the others still do.
            continue
        match told:
            case [bytes(wire_name), list(pairs)] if _fold_inbox(wire_name) in names:
                statuses[names[_fold_inbox(wire_name)]] = _numbers(pairs)
    return statuses


def _numbers(pairs: list[Token]) -> Numbers:
    named = zip(pairs[::2], pairs[1::2], strict=False)
    return {
        name.decode("ascii", "replace").upper(): int(value)
        for name, value in named
        if isinstance(name, bytes) and isinstance(value, bytes) and value.isdigit() and len(value) <= MAX_DIGITS
    }
