"""The table `attachments`: a row for every attachment of every message, made of BODYSTRUCTURE alone.

Below it is a scan of `messages` that reads nothing else: terms on the mailbox and the uid are handed to that. Of an
attachment nothing is fetched before its `data` is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from imapdb.errors import ServerRefused
from imapdb.imap.fetch import FetchStream
from imapdb.imap.items import Items
from imapdb.mime import part_tree, transfer
from imapdb.mime.walk import walk
from imapdb.sql.columns import ATTACHMENT_COLUMNS, by_name
from imapdb.sql.listing import Lister, Table
from imapdb.sql.plan import OPERATORS, ROUND_TRIP, ROWS, Plan, claim
from imapdb.sql.said import described, is_as_described, said
from imapdb.sql.scan import MessageScan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import apsw

    from imapdb.imap.connection import Connection
    from imapdb.imap.fetch import Fetched
    from imapdb.mime.part_tree import Part
    from imapdb.sql.catalog import Numbered
    from imapdb.sql.criteria import Argument
    from imapdb.sql.plan import Term
    from imapdb.sql.request import Recorder
    from imapdb.sql.statement import Statement
    from imapdb.sql.values import SQLValue

__all__ = ["AttachmentScan", "AttachmentsTable"]

NAME: Final = "attachments"
_EMBEDDED: Final = "message/rfc822"
_NAMES: Final = tuple(column.name for column in ATTACHMENT_COLUMNS)
# The columns that are those of the message.
_OF_MESSAGE: Final = {place: by_name()[name] for place, name in enumerate(_NAMES) if name in ("mailbox", "uid")}
_LISTED: Final = frozenset({by_name()[NAME]})
_EQUAL_SHARE: Final = 0.002
_OTHER_SHARE: Final = 0.3


class Runner(Lister, Protocol):
    """Whoever knows which statement runs."""

    @property
    def running(self) -> Statement | None:
        """The statement SQLite works for."""


class AttachmentsTable(Table):
    """The table."""

    def __init__(self, imap: Connection, tables: Runner, behind: Callable[[Sequence[str]], Sequence[Numbered]]) -> None:
        self._imap = imap
        self._tables = tables
        self._behind = behind

    def BestIndexObject(self, info: apsw.IndexInfo) -> bool:  # noqa: N802 - apsw's name
        """Claim what is said of the message."""
        terms: list[Term] = []
        rows = float(ROWS)
        for number in range(info.nConstraint):
            operator = OPERATORS.get(info.get_aConstraint_op(number))
            column = _OF_MESSAGE.get(info.get_aConstraint_iColumn(number))
            if column is None or operator is None or not info.get_aConstraint_usable(number):
                continue
            is_set = bool(info.get_aConstraintUsage_in(number))
            term = claim(column, operator, info.get_aConstraint_collation(number), is_set=is_set)
            if term is None:
                continue
            terms.append(term)
            info.set_aConstraintUsage_argvIndex(number, len(terms))
            info.set_aConstraintUsage_omit(number, term.exact)
            if is_set:
                info.set_aConstraintUsage_in(number, True)
            rows *= _EQUAL_SHARE if operator in ("=", "IS") else _OTHER_SHARE
        info.estimatedRows = max(2, round(rows))
        info.estimatedCost = ROUND_TRIP + rows
        info.idxStr = Plan(tuple(terms), 0, _LISTED).write()
        if self._tables.explaining is not None:
            info.idxStr = self._tables.explaining.tag(NAME, info.idxStr)
        return True

    def Open(self) -> AttachmentScan:  # noqa: N802 - apsw's name
        """Open a cursor."""
        return AttachmentScan(self._imap, self._behind, self._tables.running, self._tables.explaining)


class AttachmentScan:
    """A cursor over attachments: the messages below it, and the attachments of the current one."""

    def __init__(
        self,
        connection: Connection,
        behind: Callable[[Sequence[str]], Sequence[Numbered]],
        statement: Statement | None,
        recorder: Recorder | None,
    ) -> None:
        self._connection = connection
        self._messages = MessageScan(
            connection,
            behind,
            of_all=True,
            name=NAME,
            statement=statement,
            where=None if statement is None else statement.where(NAME),
            recorder=recorder,
        )
        self._parts: Sequence[Part] = ()
        self._place = 0
        self._described: dict[str, str | int | None] = {}

    def Filter(self, number: int, written: str, arguments: tuple[Argument, ...]) -> None:  # noqa: N802 - apsw's name
        """Start a scan."""
        self._messages.Filter(number, written, arguments)
        self._parts, self._place = (), 0
        self._settle(is_new=True)

    def Next(self) -> None:  # noqa: N802 - apsw's name
        """Go to the next attachment."""
        self._place += 1
        self._settle(is_new=False)

    def _settle(self, *, is_new: bool) -> None:
        """Go to a message that has an attachment at this place."""
        while True:
            if not is_new and self._place < len(self._parts):
                self._described = described(self._parts[self._place])
                return
            if not is_new:
                self._messages.Next()
            is_new = False
            self._place = 0
            self._parts = ()
            if self._messages.Eof():
                return
            tree = said(self._messages.current.message).tree
            self._parts = () if tree is None else part_tree.attachments(tree)

    def Eof(self) -> bool:  # noqa: N802 - apsw's name
        """Say whether the rows are over."""
        return self._messages.Eof()

    def Rowid(self) -> int:  # noqa: N802 - apsw's name
        """Give the row's number."""
        return self._messages.Rowid() << 16 | self._place

    def Column(self, place: int) -> SQLValue:  # noqa: N802 - apsw's name
        """Give a value of the row."""
        if place < 0:
            return self.Rowid()
        current = self._messages.current
        match _NAMES[place]:
            case "mailbox":
                return current.mailbox.name
            case "uid":
                return current.message.uid
            case "data":
                return self._data()
            case name:
                return self._described[name]

    def Close(self) -> None:  # noqa: N802 - apsw's name
        """End the scan."""
        self._messages.Close()

    def _data(self) -> bytes | None:
        """Fetch the attachment, and decode it; None where its message is gone."""
        part, message = self._parts[self._place], self._messages.current.message
        parts = said(message)
        octets = self._fetched(part) if parts.structure is not None and parts.structure.usable else parts.octets(part)
        return None if octets is None else transfer.decode(octets, part.encoding).octets

    def _fetched(self, part: Part) -> bytes | None:
        """Fetch a part as it is encoded; cut out of the whole message where the server refuses it alone."""
        sections = [part.section]
        if part.type == _EMBEDDED and not self._connection.profile.gives_messages:
            sections = [f"{part.section}.HEADER", f"{part.section}.TEXT"]
        names = tuple(section.encode("ascii") for section in sections)
        try:
            told = self._told(Items(sections=names))
        except ServerRefused:
            told = self._told(Items(whole=True))
            if told is None or told.body is None:
                return None
            walked = walk(told.body)
            found = next((inner for inner in walked.part.walk() if inner.section == part.section), None)
            if found is None or not is_as_described(found, described(part), by_size=False):
                return None
            span = walked.spans.get(part.section)
            return None if span is None else told.body[slice(*span)]
        octets = {} if told is None else told.sections or {}
        # Where a message is told in two, the line between is told in neither.
        return b"\r\n".join(octets[name] for name in names) if octets.keys() >= set(names) else None

    def _told(self, items: Items) -> Fetched | None:
        """Have the server tell something more of the current message."""
        current = self._messages.current
        stream = FetchStream(
            self._connection, current.mailbox, [current.message.uid], items, uidvalidity=current.uidvalidity
        )
        try:
            return stream.next()
        finally:
            stream.close()
