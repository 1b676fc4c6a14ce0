"""SEARCH or FETCH in several mailboxes, in one round trip: EXAMINE and the command for each, ahead of all answers.

A server takes commands in their order where one has a bearing on the next (RFC 3501 5.5), as EXAMINE has on SEARCH. Of
a mailbox where anything but a plain answer comes nothing is said: whoever wants to know asks for it alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from imapdb.errors import ConnectionLost, ProtocolError, ServerRefused
from imapdb.imap import search, sets
from imapdb.imap.connection import Selected
from imapdb.imap.fetched import Unreadable, read_fetch
from imapdb.imap.items import told
from imapdb.imap.mailboxes import mailbox_argument
from imapdb.imap.wire import Literal

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Sequence

    from imapdb.imap.connection import Connection
    from imapdb.imap.fetched import Fetched
    from imapdb.imap.items import Items
    from imapdb.imap.keys import Key
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.imap.wire import Pending, Wire

__all__ = ["Surveyed", "can_survey", "count_each", "fetch_each", "search_each"]

T = TypeVar("T")
Q = TypeVar("Q")

MOST_OCTETS: Final = 1_000  # of a key: a flood that nobody reads would block both sides


class Surveyed(NamedTuple):
    """What was found in a mailbox, under the UIDVALIDITY it had."""

    uids: array[int]
    uidvalidity: int


def can_survey(mailbox: Mailbox, key: Key) -> bool:
    """Say whether a SEARCH may be sent ahead with others: all of it, without waiting in its midst."""
    words = (*key.arguments, mailbox_argument(mailbox.wire_name))
    return key.octets <= MOST_OCTETS and not any(isinstance(word, Literal) for word in words)


def search_each(connection: Connection, asked: Sequence[tuple[Mailbox, Key]]) -> list[Surveyed | None]:
    """Search mailboxes, each for its key; None where one has to be asked alone."""

    def ask(wire: Wire, key: Key) -> Pending:
        return search.ask(wire, key, esearch=connection.esearch)

    def answer(wire: Wire, pending: Pending, selected: Selected) -> Surveyed | None:
        found = search.answer(wire, pending)
        return Surveyed(found, selected.uidvalidity) if search.is_whole(pending) else None

    return _each(connection, asked, ask, answer)


def count_each(connection: Connection, asked: Sequence[tuple[Mailbox, Key]]) -> list[int | None]:
    """Count in mailboxes, each what its key finds; None where one has to be asked alone."""

    def ask(wire: Wire, key: Key) -> Pending:
        return search.ask_count(wire, key) if connection.esearch else search.ask(wire, key, esearch=False)

    def answer(wire: Wire, pending: Pending, selected: Selected) -> int | None:
        if connection.esearch:
            return search.answer_count(wire, pending)
        found = search.answer(wire, pending)
        return len(found) if search.is_whole(pending) else None

    return _each(connection, asked, ask, answer)


def fetch_each(
    connection: Connection, asked: Sequence[tuple[Mailbox, Surveyed]], items: Items
) -> list[dict[int, Fetched] | None]:
    """Fetch the few messages found in each mailbox; None where not all of them came whole, or it was rebuilt."""
    offered = items.offered(connection.capabilities)
    if not offered:
        return [None] * len(asked)
    command = offered.command(connection.capabilities)
    wanted = {mailbox.wire_name: surveyed for mailbox, surveyed in asked}

    def ask(wire: Wire, surveyed: Surveyed) -> Pending:
        (uid_set,) = sets.pieces(surveyed.uids)
        return wire.send("UID FETCH", uid_set, command)

    def answer(wire: Wire, pending: Pending, selected: Selected) -> dict[int, Fetched] | None:
        surveyed = wanted[selected.mailbox.wire_name]
        found: dict[int, Fetched] = {}
        octets = 0
        is_plain = selected.uidvalidity == surveyed.uidvalidity
        for response in wire.answer(pending):
            try:
                message = read_fetch(response)
            except Unreadable:
                is_plain = False
                continue
            if message is not None:
                is_plain &= message.uid not in found
                found[message.uid] = message
                octets += sum(map(len, response))
        is_plain &= found.keys() == set(surveyed.uids)
        is_whole = all(getattr(message, name) is not None for message in found.values() for name in told(offered))
        if not is_plain or not is_whole:
            return None
        before = connection.fetched.get(offered, (0, 0))
        connection.fetched[offered] = before[0] + len(found), before[1] + octets
        return found

    return _each(connection, asked, ask, answer)


def _each(
    connection: Connection,
    asked: Sequence[tuple[Mailbox, Q]],
    ask: Callable[[Wire, Q], Pending],
    answer: Callable[[Wire, Pending, Selected], T | None],
) -> list[T | None]:
    connection.free()
    wire = connection.wire
    answers: list[T | None] = []
    try:
        # Whatever was sent ahead for a session that has just begun.
        wire.settle()
        connection.selected = None
        sent = [
            (mailbox, wire.send("EXAMINE", mailbox_argument(mailbox.wire_name)), ask(wire, question))
            for mailbox, question in asked
        ]
        for mailbox, entering, pending in sent:
            selected = Selected(mailbox)
            if _has_entered(wire, entering, selected):
                connection.selected = selected
                answers.append(_answered(wire, pending, selected, answer))
            else:
                connection.selected = None
                _answered(wire, pending, selected, answer)
                answers.append(None)
    except (ConnectionLost, ServerRefused, ProtocolError):
        # Asked alone, they are asked on a new session.
        pass
    except BaseException:
        # Interrupted: what is still under way would be taken for the answer to something else.
        wire.close()
        raise
    return answers + [None] * (len(asked) - len(answers))


def _has_entered(wire: Wire, pending: Pending, selected: Selected) -> bool:
    is_plain = True
    try:
        for response in wire.answer(pending):
            selected.note(response[0])
            is_plain &= not response[0][:9].upper().startswith((b"* SEARCH", b"* ESEARCH"))
    except (ServerRefused, ProtocolError):
        if pending.conclusion is None:
            raise
        return False
    return is_plain


def _answered(
    wire: Wire,
    pending: Pending,
    selected: Selected,
    answer: Callable[[Wire, Pending, Selected], T | None],
) -> T | None:
    try:
        return answer(wire, pending, selected)
    except (ServerRefused, ProtocolError):
        # Asked alone it may do, or will say so again.
        return None
