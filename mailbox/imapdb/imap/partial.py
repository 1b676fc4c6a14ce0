"""One section of one message, its encoded octets in bounded pieces (RFC 3501 6.4.5: `BODY.PEEK[2]<65536.1048576>`).

What has come stays, whatever happens to the connection: the next piece is asked for on another session, from where the
last one ended.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import TYPE_CHECKING, Final

from imapdb.errors import ConnectionLost, Error, OperationalError, ProtocolError, ServerRefused
from imapdb.imap.patience import Patience, has_taken_long
from imapdb.imap.section import Told, read_section, section_name
from imapdb.imap.wire import MAX_ANSWER
from imapdb.mime.structure import parse

if TYPE_CHECKING:
    from imapdb.imap.connection import Connection, Selected
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.imap.wire import Pending
    from imapdb.mime.part_tree import Part

__all__ = ["FIRST_PIECE", "LARGEST_PIECE", "SectionStream"]

# Octets asked for at once: a small file comes in one piece, and of a large one no more than two pieces are in memory.
FIRST_PIECE: Final = 64 * 1024
LARGEST_PIECE: Final = 1024 * 1024
# What is taken from a server that knows of no pieces and sends all at once.
MAX_WHOLE: Final = 1_000_000_000


@dataclasses.dataclass(slots=True)
class _Piece:
    """Octets from place `offset` of the section on: sent (`pending` is set), then read (`is_read`).

    `session` is the number of the one it was sent in, on `connection`. `is_fresh` says that the mailbox was entered
    right before: a message of which nothing is told then is gone. `octets` is None where nothing was told; `is_rest`
    says that nothing comes behind them. `error` is what reading it came to.
    """

    offset: int
    size: int
    pending: Pending | None = None
    connection: Connection | None = None
    session: int = 0
    selected: Selected | None = None
    is_fresh: bool = False
    is_read: bool = False
    is_rest: bool = False
    octets: bytes | None = None
    error: Error | None = None

    @property
    def is_lost(self) -> bool:
        """Whether it is under way on a session that is gone."""
        if self.is_read or self.connection is None:
            return False
        try:
            self.connection.session(self.session)
        except ConnectionLost:
            return True
        return False


class SectionStream:
    """The octets of a section as they are encoded, one piece at a time; `ahead` more pieces are under way meanwhile.

    `section` is what stands in `BODY[…]`, such as "1.2" or "" for the whole message. With `span`, it is only the octets
    of it from `span[0]` up to, not including, `span[1]`. `size` is how many octets the section has, as far as anybody
    told; it may be wrong. `uidvalidity` is what the UID was found under, None where that is not known.

    With `describe`, BODYSTRUCTURE is asked for with the first piece: then `structure` is the message's outermost part.
    Raises ProgrammingError for what cannot be a section.
    """

    def __init__(
        self,
        connection: Connection,
        mailbox: Mailbox,
        uid: int,
        section: str,
        *,
        span: tuple[int, int] | None = None,
        size: int | None = None,
        uidvalidity: int | None = None,
        describe: bool = False,
        ahead: int = 1,
    ) -> None:
        # Another one may take its place while nothing is under way, that is after `park`.
        self.connection = connection
        self.structure: Part | None = None
        self.uidvalidity = uidvalidity
        self._mailbox = mailbox
        self._uid = uid
        self._section = section_name(section)
        self._offset = 0 if span is None else span[0]
        self._end = None if span is None else span[1]
        self._size = size if self._end is None else self._end
        self._describes = describe
        self._most = 1 + ahead
        self._step = FIRST_PIECE
        self._ahead: deque[_Piece] = deque()
        self._is_over = self._offset == self._end
        # Whether the mailbox has to be entered anew before the next question.
        self._is_doubtful = False
        # Whether the server has shown that it knows of pieces.
        self._cuts = False

    def next(self) -> bytes:
        """Return the octets that follow, empty at the end.

        Raises StaleMailbox where UIDVALIDITY is another than before, OperationalError where the message is gone, and
        what the server or the connection does that is not got over by asking again.
        """
        while not self._is_over:
            octets = self._note(self._read())
            if octets:
                return octets
        self.connection.let_go(self)
        return b""

    def close(self) -> None:
        """End: what is under way is read and dropped, so that the session stays in step."""
        self._is_over = True
        self._drop_ahead()
        self.connection.let_go(self)

    def park(self) -> None:
        """Read what is under way, so that another command can be sent; never raises what came of it."""
        for piece in self._ahead:
            try:
                self._collect(piece)
            except ConnectionLost:
                # Asked for again when its turn comes.
                continue
            except Error as error:
                piece.error = error

    def _read(self) -> _Piece:
        """Read the next piece, asking again for what a lost connection or a refusal for now kept back."""
        patience = Patience()
        if self._ahead and self._ahead[0].is_lost:
            # It went down with an earlier piece: not a loss of its own.
            self._ahead.clear()
        while True:
            try:
                if self._ahead and self._ahead[0].error is not None:
                    raise self._ahead[0].error
                self._send_enough()
                piece = self._ahead[0]
                self._collect(piece)
            except Error as error:
                # A line that breaks again and again may yet bear small pieces.
                self._step = FIRST_PIECE
                self._drop_ahead()
                try:
                    patience.endure(error)
                except ConnectionLost:
                    if not self._describes or self.structure is not None or has_taken_long(error):
                        raise
                    # Some servers end the session over a structure that they cannot tell: it is done without.
                    self.structure = parse([])
                    patience = Patience()
            else:
                return self._ahead.popleft()

    def _note(self, piece: _Piece) -> bytes:
        """Take what a piece brought, and see whether more is to come."""
        octets = piece.octets
        if octets is None:
            if piece.is_fresh:
                raise OperationalError(
                    f"message {self._uid} is no longer in mailbox {self._mailbox.name!r}: it was moved or expunged",
                    command="UID FETCH",
                )
            self._doubt()
            return b""
        if self._end is not None:
            octets = octets[: self._end - piece.offset]
        if not piece.is_rest:
            octets = octets[: piece.size]
        self._offset += len(octets)
        if piece.is_rest or self._offset == self._end:
            self._is_over = True
        elif len(octets) < piece.size:
            # Of a message that is gone Dovecot and Courier tell empty sections; and pymap and GreenMail tell sizes that
            # are too large. So an end that is not where it was said to be is asked for once more.
            self._is_over = self._offset == self._size or (piece.is_fresh and not octets)
            if not self._is_over:
                self._doubt()
        if self._is_over:
            self._drop_ahead()
        return octets

    def _doubt(self) -> None:
        self._drop_ahead()
        self._is_doubtful = True

    def _send_enough(self) -> None:
        """Have as much under way as there should be."""
        most = self._most if self._cuts and not self._is_doubtful else 1
        while len(self._ahead) < most:
            last = self._ahead[-1] if self._ahead else None
            offset = self._offset if last is None else last.offset + last.size
            if last is not None and self._size is not None and offset >= self._size:
                return
            piece = _Piece(offset, self._step if self._end is None else min(self._step, self._end - offset))
            try:
                self._send(piece)
            except ConnectionLost:
                if last is None:
                    raise
                # Whoever reads the piece before it will hear of that.
                return
            self._ahead.append(piece)
            self._step = min(self._step * 4, LARGEST_PIECE)

    def _send(self, piece: _Piece) -> None:
        connection = self.connection
        if connection.streaming is not self:
            connection.free()
        wire = connection.wire
        before = connection.selected
        connection.enter(wire, self._mailbox, refresh=self._is_doubtful)
        self._is_doubtful = False
        connection.streaming = self
        piece.connection, piece.session, piece.selected = connection, connection.opened, connection.selected
        piece.is_fresh = piece.selected is not before
        items = b"UID BODYSTRUCTURE" if self._describes and self.structure is None else b"UID"
        what = b"(%s BODY.PEEK[%s]<%d.%d>)" % (items, self._section, piece.offset, piece.size)
        piece.pending = wire.send("UID FETCH", b"%d" % self._uid, what)
        if not self._cuts:
            piece.pending.max_literal, piece.pending.room = MAX_WHOLE, MAX_WHOLE + MAX_ANSWER

    def _collect(self, piece: _Piece) -> None:
        """Read the answer to a piece; it is not under way any more, whatever the server says to it."""
        if piece.is_read or piece.pending is None or piece.connection is None:
            return
        wire = piece.connection.session(piece.session)
        strange: ProtocolError | None = None
        try:
            for response in wire.answer(piece.pending):
                try:
                    self._take(read_section(response, self._uid, self._section))
                except ProtocolError as error:
                    # The rest of the answer is to be read all the same.
                    strange = error
        except (ServerRefused, ProtocolError) as error:
            piece.is_read = True
            # Expunged while we were reading (RFC 5530).
            if isinstance(error, ProtocolError) or (piece.pending.code or b"").upper() != b"EXPUNGEISSUED":
                raise
        piece.is_read = True
        if piece.selected is not None:
            self.uidvalidity = piece.selected.checked(self.uidvalidity)
        if strange is not None and piece.octets is None:
            raise strange

    def _take(self, told: Told | None) -> None:
        """Keep what a response tells of our section with the piece it belongs to."""
        if told is None:
            return
        if told.structure is not None and self.structure is None:
            self.structure = parse(told.structure)
            sizes = [part.size for part in self.structure.walk() if part.section.encode() == self._section]
            if self._size is None and sizes and self.structure.usable:
                self._size = sizes[0]
        waiting = [piece for piece in self._ahead if piece.octets is None and not piece.is_read]
        if told.octets is None or not waiting:
            return
        if told.origin is None:
            # It knows of no pieces, and each one would cost as much as all.
            waiting[0].octets = told.octets[waiting[0].offset :]
            waiting[0].is_rest = bool(told.octets)
            return
        found = [piece for piece in waiting if piece.offset == told.origin]
        if not found and told.octets:
            raise ProtocolError("the server told of octets that were not asked for", command="UID FETCH")
        # That there are none is not always told with the place that was asked for.
        (found or waiting)[0].octets = told.octets
        self._cuts = True

    def _drop_ahead(self) -> None:
        """Read what is under way and drop it; never raises what a server or a connection did."""
        for piece in self._ahead:
            try:
                self._collect(piece)
            except Error:
                # The next answer comes all the same; or the session is gone, and `session` says so.
                continue
        self._ahead.clear()
