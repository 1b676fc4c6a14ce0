"""The table `mailboxes`: LIST, and STATUS where a statement reads what only STATUS tells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

import apsw

from imapdb.imap.status import offered, statuses_of
from imapdb.sql.columns import MAILBOX_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imapdb.imap.connection import Connection
    from imapdb.imap.mailboxes import Mailbox
    from imapdb.imap.status import Statuses
    from imapdb.sql.catalog import Catalog
    from imapdb.sql.request import Recorder
    from imapdb.sql.values import SQLValue

__all__ = ["Lister", "MailboxesScan", "MailboxesTable", "Table"]


class Table:
    """What every read-only virtual table answers alike."""

    def Destroy(self) -> None:  # noqa: N802 - apsw's name
        """Nothing is held."""

    def Disconnect(self) -> None:  # noqa: N802 - apsw's name
        """Nothing is held."""


class Lister(Protocol):
    """Whoever lists the mailboxes for a scan."""

    @property
    def explaining(self) -> Recorder | None:
        """Whoever wants to know of scans without having them done."""

    def refresh_with(self, items: Sequence[str]) -> tuple[Catalog, Statuses]:
        """List the mailboxes anew, and what STATUS tells of them, as far as that comes along."""


class MailboxesTable(Table):
    """The table."""

    def __init__(self, imap: Connection, tables: Lister) -> None:
        self._imap = imap
        self._tables = tables

    def BestIndexObject(self, info: apsw.IndexInfo) -> bool:  # noqa: N802 - apsw's name
        """Claim `name = ?`, so that one mailbox's numbers cost one STATUS."""
        used = sorted({MAILBOX_COLUMNS[column].status for column in info.colUsed} - {None}, key=str)
        named = False
        for number in range(info.nConstraint):
            if (
                not named
                and info.get_aConstraint_usable(number)
                and MAILBOX_COLUMNS[info.get_aConstraint_iColumn(number)].name == "name"
                and info.get_aConstraint_op(number) == apsw.SQLITE_INDEX_CONSTRAINT_EQ
                and info.get_aConstraint_collation(number) == "BINARY"
                and not info.get_aConstraintUsage_in(number)
            ):
                info.set_aConstraintUsage_argvIndex(number, 1)
                named = True
        info.estimatedCost = 10.0 if named else 1_000.0
        info.idxStr = json.dumps(used)
        if self._tables.explaining is not None:
            info.idxStr = self._tables.explaining.tag("mailboxes", info.idxStr)
        return True

    def Open(self) -> MailboxesScan:  # noqa: N802 - apsw's name
        """Open a cursor."""
        return MailboxesScan(self._imap, self._tables)


class MailboxesScan:
    """A cursor over the mailboxes."""

    def __init__(self, imap: Connection, tables: Lister) -> None:
        self._imap = imap
        self._tables = tables
        self._recorder = tables.explaining
        self._rows: list[tuple[SQLValue, ...]] = []
        self._place = 0
        self._catalog: Catalog | None = None
        self._statuses: Statuses = {}
        self._asked: set[str] = set()

    def Filter(self, _number: int, written: str, arguments: tuple[SQLValue, ...]) -> None:  # noqa: N802 - apsw's name
        """Start a scan. LIST and STATUS are asked once a cursor, however often a join comes back."""
        if self._recorder is not None:
            self._recorder.note(written, arguments)
            return
        items = json.loads(written)
        if self._catalog is None:
            # The numbers of all come with the list; of one alone they are asked behind it.
            self._catalog, self._statuses = self._tables.refresh_with(() if arguments else items)
            self._asked.update(self._statuses)
        catalog = self._catalog
        # A number stands for its text, as TEXT affinity has it; which text a float is, SQLite says.
        named = arguments and not isinstance(arguments[0], float)
        mailboxes = [m for m in catalog.mailboxes if not named or m.name == str(arguments[0])]
        unknown = [m for m in mailboxes if m.is_selectable and m.name not in self._asked]
        if unknown and offered(items, self._imap.capabilities):
            self._statuses.update(statuses_of(self._imap, unknown, items))
            self._asked.update(m.name for m in unknown)
        self._rows = [self._row(catalog, mailbox) for mailbox in mailboxes]
        self._place = 0

    def _row(self, catalog: Catalog, mailbox: Mailbox) -> tuple[SQLValue, ...]:
        status = self._statuses.get(mailbox.name, {})
        listed: dict[str, SQLValue] = {
            "name": mailbox.name,
            "table_name": catalog.table_names.get(mailbox.name),
            "delimiter": mailbox.delimiter,
            "attributes": json.dumps(mailbox.attributes),
            "special_use": mailbox.special_use,
            "subscribed": None if mailbox.subscribed is None else int(mailbox.subscribed),
        }
        return tuple(status.get(c.status) if c.status else listed[c.name] for c in MAILBOX_COLUMNS)

    def Eof(self) -> bool:  # noqa: N802 - apsw's name
        """Say whether the rows are over."""
        return self._place >= len(self._rows)

    def Next(self) -> None:  # noqa: N802 - apsw's name
        """Go to the next row."""
        self._place += 1

    def Rowid(self) -> int:  # noqa: N802 - apsw's name
        """Give the row's number."""
        return self._place + 1

    def Column(self, place: int) -> SQLValue:  # noqa: N802 - apsw's name
        """Give a value of the row."""
        return self._place + 1 if place < 0 else self._rows[self._place][place]

    def Close(self) -> None:  # noqa: N802 - apsw's name
        """End the scan."""
        self._rows = []
