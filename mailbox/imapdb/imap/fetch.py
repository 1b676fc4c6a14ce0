"""FETCH: messages asked for in bounded pieces, the next under way while one is read (RFC 3501 6.4.5)."""

from __future__ import annotations

import dataclasses
import re
from collections import deque
from typing import TYPE_CHECKING

from imapdb.errors import ConnectionLost, ProtocolError, ServerRefused, StaleMailbox
from imapdb.imap import sets
from imapdb.imap.tokens import Token, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imapdb.imap.connection import Connection
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.imap.wire import Pending, Response, Wire

__all__ = ["FetchStream", "Fetched", "Items"]

FIRST_PIECE = 100
LARGEST_PIECE = 1_000
PIECE_OCTETS = 2 * 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Items:
    """What to fetch of a message besides its UID. `fields` are header field names in upper case."""

    flags: bool = False
    size: bool = False
    date: bool = False
    fields: frozenset[bytes] = frozenset()
    header: bool = False
    body: bool = False

    def __or__(self, other: Items) -> Items:
        return Items(
            flags=self.flags or other.flags,
            size=self.size or other.size,
            date=self.date or other.date,
            fields=self.fields | other.fields,
            header=self.header or other.header,
            body=self.body or other.body,
        )

    def __bool__(self) -> bool:
        return self != NOTHING

    def covers(self, other: Items) -> bool:
        """Whether fetching these brings everything `other` asks for."""
        return (
            (self.flags or not other.flags)
            and (self.size or not other.size)
            and (self.date or not other.date)
            and (self.body or not other.body)
            and (self.body or self.header or not other.header)
            and (self.body or self.header or self.fields >= other.fields)
        )

    def command(self) -> bytes:
        r"""Write the list for UID FETCH. Everything is PEEK: reading never sets `\Seen`."""
        words = [b"UID"]
        if self.flags:
            words.append(b"FLAGS")
        if self.size:
            words.append(b"RFC822.SIZE")
        if self.date:
            words.append(b"INTERNALDATE")
        if self.body:
            words.append(b"BODY.PEEK[]")
        elif self.header:
            words.append(b"BODY.PEEK[HEADER]")
        elif self.fields:
            words.append(b"BODY.PEEK[HEADER.FIELDS (%s)]" % b" ".join(sorted(self.fields)))
        return b"(%s)" % b" ".join(words)


NOTHING = Items()


class Fetched:
    """What a server told of one message: octets as they came, decoded by whoever reads them. None is "not told"."""

    __slots__ = ("body", "date", "fields", "flags", "header", "size", "uid")

    def __init__(self, uid: int) -> None:
        self.uid = uid
        self.flags: bytes | None = None
        self.size: int | None = None
        self.date: bytes | None = None
        self.header: bytes | None = None
        self.body: bytes | None = None
        self.fields: dict[bytes, list[bytes]] | None = None

    def take(self, other: Fetched) -> None:
        """Fill in what `other` knows of the same message."""
        for name in ("flags", "size", "date", "body"):
            if getattr(other, name) is not None:
                setattr(self, name, getattr(other, name))
        if other.header is not None:
            self.header = other.header
            self.fields = None


# The shape nearly every answer has: the items asked for, one literal, the end. Anything else goes to _general.
_HEAD = re.compile(
    rb"\* \d+ FETCH \((?:"
    rb"UID (?P<uid>\d+)|FLAGS \((?P<flags>[^()\r\n]*)\)|RFC822\.SIZE (?P<size>\d+)"
    rb"|INTERNALDATE \"(?P<date>[^\"\r\n]*)\""
    rb"|MODSEQ \(\d+\)"
    rb"|BODY\[(?P<section>(?:HEADER(?:\.FIELDS \([^()\r\n]*\))?)?)\] (?:\{\d+\}\r\n\Z)"
    rb"| )+(?P<end>\)\r\n\Z)?"
)


def read_fetch(response: Response) -> Fetched | None:
    """Read an untagged response: a message where it is a FETCH with a UID, else None (EXISTS, EXPUNGE, …)."""
    match = _HEAD.match(response[0])
    if match is not None and match.end() == len(response[0]):
        uid, flags, size, date, section, end = match.groups()
        # A head without a literal must be the whole response; one with a literal must have nothing behind that.
        whole = end is not None if section is None else response[2:] == [b")\r\n"]
        if uid is not None and whole:
            message = Fetched(int(uid))
            message.flags = flags
            message.date = date
            if size is not None:
                message.size = int(size)
            if section:
                message.header = response[1]
            elif section is not None:
                message.body = response[1]
            return message
    if b" FETCH " not in response[0][:40].upper():
        return None
    return _general(response)


def _general(response: Response) -> Fetched | None:
    """Read a FETCH response of any order and form."""
    match tokens(response, 2):
        case [bytes(), bytes(), list(pairs), *_]:
            pass
        case _:
            raise ProtocolError("the server sent a FETCH response that is none", command="UID FETCH")
    message = Fetched(0)
    for name, value in zip(pairs[::2], pairs[1::2], strict=False):
        if not isinstance(name, bytes):
            raise ProtocolError("the server sent a FETCH response without names", command="UID FETCH")
        try:
            _note(message, name.upper(), value)
        except ValueError:
            raise ProtocolError("the server sent no number where one belongs", command="UID FETCH") from None
    return message if message.uid else None


def _note(message: Fetched, item: bytes, value: Token) -> None:
    match item, value:
        case b"UID", bytes(number):
            message.uid = int(number)
        case b"RFC822.SIZE", bytes(number):
            message.size = int(number)
        case b"FLAGS", list(flags):
            message.flags = b" ".join(flag for flag in flags if isinstance(flag, bytes))
        case b"INTERNALDATE", bytes(date):
            message.date = date
        case b"BODY[]", _:
            message.body = value if isinstance(value, bytes) else b""
        case _ if item.startswith(b"BODY[HEADER"):
            message.header = value if isinstance(value, bytes) else b""


@dataclasses.dataclass(slots=True)
class _Piece:
    """Messages asked for together. `pending` are the commands under way for it; `found` what has been read."""

    uids: Sequence[int]
    items: Items
    pending: deque[Pending] = dataclasses.field(default_factory=deque)
    found: dict[int, Fetched] = dataclasses.field(default_factory=dict)
    opened: int = 0


class FetchStream:
    """The messages with these UIDs, in this order, one at a time; those expunged meanwhile are passed over.

    With no items nothing is asked at all: `next` then yields bare UIDs, and `require` fetches for the current piece and
    all that follow. A connection that drops is reopened and what was missing asked again, once per piece. Raises
    StaleMailbox where UIDVALIDITY is another than the UIDs were found under.
    """

    def __init__(
        self,
        connection: Connection,
        mailbox: Mailbox,
        uids: Sequence[int],
        items: Items,
        *,
        uidvalidity: int | None,
        first: int = FIRST_PIECE,
    ) -> None:
        self._connection = connection
        self._mailbox = mailbox
        self._uidvalidity = uidvalidity
        self._uids = uids
        self._asked = 0
        self._size = max(1, min(first, LARGEST_PIECE))
        self._sizes: dict[int, int] | None = None
        self._ahead: deque[_Piece] = deque()
        self._piece: _Piece | None = None
        self._place = 0
        self.items = items

    def next(self) -> Fetched | None:
        """Return the next message, or None at the end."""
        while True:
            piece = self._piece
            if piece is not None:
                while self._place < len(piece.uids):
                    uid = piece.uids[self._place]
                    self._place += 1
                    if not piece.items:
                        message = piece.found[uid] = Fetched(uid)
                        return message
                    found = piece.found.pop(uid, None)
                    if found is not None:
                        return found
            if not self._advance():
                return None

    def require(self, items: Items, current: Fetched) -> None:
        """Have `items` too from the current message on."""
        if self.items.covers(items):
            return
        self.items |= items
        piece = self._piece
        if piece is None:
            return
        rest = _Piece(piece.uids[self._place - 1 :], self.items)
        self._connection.free()
        self._fill(rest)
        told = rest.found.pop(current.uid, None)
        if told is not None:
            current.take(told)
        self._piece = rest
        self._place = 1

    def close(self) -> None:
        """End: what is under way is read and dropped, so that the session stays in step."""
        self._asked = len(self._uids)
        self._piece = None
        if any(piece.pending for piece in self._ahead):
            try:
                self.park()
            except (ConnectionLost, ServerRefused, ProtocolError):
                # Nobody wants the rows any more; the next read opens a new session where this one broke.
                self._ahead.clear()
        self._ahead.clear()
        if self._connection.streaming is self:
            self._connection.streaming = None

    def park(self) -> None:
        """Read all that is under way, so that another command can be sent."""
        for piece in self._ahead:
            self._complete(piece)

    def _advance(self) -> bool:
        """Make the next piece the current one, with one more under way behind it."""
        self._piece = None
        if not self._ahead and not self._plan():
            if self._connection.streaming is self:
                self._connection.streaming = None
            return False
        piece = self._ahead[0]
        if piece.items:
            self._send_all()
            if len(self._ahead) == 1 and self._plan():
                self._send_all()
            self._complete(piece)
        self._ahead.popleft()
        if not piece.items.covers(self.items):
            piece.items = self.items
            piece.found.clear()
            self._connection.free()
            self._fill(piece)
        self._piece = piece
        self._place = 0
        return True

    def _plan(self) -> bool:
        """Cut the next piece off the UIDs."""
        if self._asked >= len(self._uids):
            return False
        size = self._size
        if self.items.body:
            size = self._count_within(PIECE_OCTETS)
        self._ahead.append(_Piece(self._uids[self._asked : self._asked + size], self.items))
        self._asked += len(self._ahead[-1].uids)
        self._size = min(self._size * 4, LARGEST_PIECE)
        return True

    def _count_within(self, octets: int) -> int:
        """Say how many of the next messages come to `octets` together, one at least.

        Whole messages are cut by their sizes, which are asked for first: a thousand of them could be gigabytes.
        """
        if self._sizes is None:
            self._sizes = self._learn_sizes()
        total = count = 0
        while count < self._size and self._asked + count < len(self._uids):
            total += self._sizes.get(self._uids[self._asked + count], 0)
            if count and total > octets:
                break
            count += 1
        return count

    def _learn_sizes(self) -> dict[int, int]:
        if len(self._uids) == 1:
            return {}
        sizes = FetchStream(
            self._connection,
            self._mailbox,
            self._uids,
            Items(size=True),
            uidvalidity=self._uidvalidity,
            first=LARGEST_PIECE,
        )
        self._connection.free()
        return {message.uid: message.size or 0 for message in _drain(sizes)}

    def _send_all(self) -> None:
        connection = self._connection
        unsent = [piece for piece in self._ahead if piece.items and not piece.opened]
        if not unsent:
            return
        if connection.streaming is not self:
            connection.free()
        try:
            for piece in unsent:
                self._send(piece)
        except ConnectionLost:
            # _complete sees that the session these pieces belonged to is gone, and asks again.
            return
        connection.streaming = self

    def _send(self, piece: _Piece) -> None:
        connection = self._connection
        wire = connection.wire
        connection.enter(wire, self._mailbox, refresh=False)
        piece.opened = connection.opened
        piece.pending.clear()
        missing = [uid for uid in piece.uids if uid not in piece.found]
        command = piece.items.command()
        piece.pending.extend(wire.send("UID FETCH", uid_set, command) for uid_set in sets.pieces(missing))

    def _complete(self, piece: _Piece) -> None:
        """Read the answers of a piece that was sent, asking once more for what a lost connection kept back."""
        if piece.opened:
            try:
                self._collect(piece)
            except ConnectionLost:
                self._fill(piece)

    def _fill(self, piece: _Piece) -> None:
        """Ask for what is missing of a piece and read it, on a connection that is free."""
        for repeated in (False, True):
            try:
                self._send(piece)
                self._collect(piece)
            except ConnectionLost:
                if repeated:
                    raise
            else:
                return

    def _collect(self, piece: _Piece) -> None:
        places = [(frozenset(piece.uids), piece.found)]
        # With two commands under way, what answers the second may come early.
        places += [(frozenset(p.uids), p.found) for p in self._ahead if p is not piece and p.pending]
        while piece.pending:
            # Asked again for every command: another stream may have lost the session meanwhile.
            wire = self._connection.session(piece.opened)
            pending = piece.pending[0]
            try:
                for response in wire.answer(pending):
                    message = read_fetch(response)
                    if message is not None:
                        _put(places, message)
            except ServerRefused:
                # Expunged while we were reading (RFC 5530): what is still there has been sent.
                if (pending.code or b"").upper() != b"EXPUNGEISSUED":
                    piece.pending.popleft()
                    for later in piece.pending:
                        _read_off(wire, later)
                    piece.pending.clear()
                    raise
            piece.pending.popleft()
        self._check()
        found = piece.found
        # Flags that another session changed come as FETCH too, even for messages of which nothing else was sent.
        for uid in [uid for uid, message in found.items() if not _is_answer(message, piece.items)]:
            del found[uid]

    def _check(self) -> None:
        selected = self._connection.selected
        if selected is None:
            return
        if self._uidvalidity is None:
            self._uidvalidity = selected.uidvalidity
        elif selected.uidvalidity != self._uidvalidity:
            raise StaleMailbox(
                f"mailbox {self._mailbox.name!r} was rebuilt: UIDVALIDITY {self._uidvalidity} became "
                f"{selected.uidvalidity}; run the statement again",
                command="UID FETCH",
            )


def _put(places: list[tuple[frozenset[int], dict[int, Fetched]]], message: Fetched) -> None:
    """Keep a message where it was asked for; a server may tell of one in several responses."""
    for uids, found in places:
        if message.uid in uids:
            held = found.setdefault(message.uid, message)
            if held is not message:
                held.take(message)
            return


def _is_answer(message: Fetched, items: Items) -> bool:
    """Tell an answer from flags that another session changed meanwhile, which come with a UID too under CONDSTORE."""
    if items.body:
        return message.body is not None
    if items.header or items.fields:
        return message.header is not None
    return (
        (message.size is not None or not items.size)
        and (message.date is not None or not items.date)
        and (message.flags is not None or not items.flags)
    )


def _read_off(wire: Wire, pending: Pending) -> None:
    try:
        for _ in wire.answer(pending):
            pass
    except (ServerRefused, ProtocolError):
        # One refusal is being reported already.
        return


def _drain(stream: FetchStream) -> Iterator[Fetched]:
    while (message := stream.next()) is not None:
        yield message
