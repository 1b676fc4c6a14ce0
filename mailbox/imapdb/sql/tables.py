"""The virtual tables of a connection: one for each mailbox, made when a statement first names it, and our own two."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import apsw

from imapdb.errors import NotSupportedError
from imapdb.imap.mailboxes import Mailbox, check_name, status_of
from imapdb.sql.catalog import Catalog, fold
from imapdb.sql.columns import ALIASES, COLUMNS, MAILBOX_COLUMNS
from imapdb.sql.functions import SCALARS
from imapdb.sql.plan import FUNCTIONS, make_plan
from imapdb.sql.scan import MessageScan
from imapdb.sql.statement import MATCH_ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from imapdb.imap.connection import Connection
    from imapdb.sql.request import Recorder
    from imapdb.sql.statement import Statement
    from imapdb.sql.values import SQLValue

    _Overload: TypeAlias = tuple[int, Callable[..., SQLValue]] | Callable[..., SQLValue] | None

__all__ = ["MailboxesScan", "Tables", "quote_identifier"]

MODULE: Final = "imapdb"
INBOX: Final = Mailbox("INBOX", b"INBOX", None, (), None)


def quote_identifier(name: str) -> str:
    """Write a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _declaration(columns: Sequence[tuple[str, str, bool]]) -> str:
    listed = ", ".join(
        f"{quote_identifier(name)} {kind}{' HIDDEN' if hidden else ''}" for name, kind, hidden in columns
    )
    return f"CREATE TABLE x({listed})"


_MESSAGE_COLUMNS: Final = _declaration(
    [(column.name, column.sql_type, column.hidden) for column in COLUMNS] + [(alias, "TEXT", True) for alias in ALIASES]
)
_LISTED_COLUMNS: Final = _declaration([(column.name, column.sql_type, False) for column in MAILBOX_COLUMNS])


class Tables:
    """The module SQLite asks for tables, and the mailboxes behind them."""

    def __init__(self, imap: Connection, database: apsw.Connection, names: dict[str, str]) -> None:
        self._imap = imap
        self._database = database
        self._catalog: Catalog | None = None
        self._names = names
        self._numbers: dict[str, int] = {}
        self._made_for: dict[str, Mailbox] = {}
        # The statement whose cursor SQLite is working for; set around every call that lets it work.
        self.running: Statement | None = None
        # Set while a statement is explained: its scans are told to it and not done.
        # Whether a scan may say how many rows it has, and end.
        self.counting = False
        self.explaining: Recorder | None = None
        self._brought_along = frozenset(row[0] for row in database.execute("SELECT name FROM pragma_module_list"))
        database.create_module(MODULE, self, use_bestindex_object=True, read_only=True)

    @property
    def catalog(self) -> Catalog:
        """The mailboxes as last listed; listed now where they never were."""
        return self._catalog or self.refresh()

    def refresh(self) -> Catalog:
        """List the mailboxes anew."""
        self._catalog = Catalog(self._imap.mailboxes(), self._brought_along, dict(self._names))
        self._names.update(self._catalog.table_names)
        return self._catalog

    def make(self, table_name: str) -> bool:
        """Create the virtual table SQLite did not find, and say whether there is one of that name."""
        check_name(table_name)
        folded = fold(table_name)
        if folded not in ("messages", "mailboxes"):
            if folded == "inbox":
                # Every account has it (RFC 3501 5.1): the commonest statement needs no LIST.
                mailbox: Mailbox | None = INBOX
            else:
                known = self._catalog is not None
                mailbox = self.catalog.find_table(table_name) or (
                    self.refresh().find_table(table_name) if known else None
                )
            if mailbox is None:
                return False
            self._made_for[folded] = mailbox
        self._database.execute(f"CREATE VIRTUAL TABLE IF NOT EXISTS main.{quote_identifier(table_name)} USING {MODULE}")
        return True

    def numbered(self) -> list[tuple[int, Mailbox]]:
        """Give every selectable mailbox with its number, which stays the same while this connection lives."""
        return [(self._number(mailbox), mailbox) for mailbox in self.refresh().selectable]

    def behind(self, folded: str) -> list[tuple[int, Mailbox]]:
        """Give the numbered mailboxes whose messages a table has that was made."""
        return self.numbered() if folded == "messages" else [(0, self._made_for[folded])]

    def _number(self, mailbox: Mailbox) -> int:
        return self._numbers.setdefault(mailbox.name, len(self._numbers) + 1)

    # What apsw calls.

    def Create(self, _database: Any, _module: str, _schema: str, table_name: str, *_: Any) -> tuple[str, Any]:  # noqa: N802
        """Make the table of that name."""
        folded = fold(table_name)
        if folded == "mailboxes":
            return _LISTED_COLUMNS, _MailboxesTable(self._imap, self)
        if folded == "messages":
            return _MESSAGE_COLUMNS, _MessagesTable(self._imap, self, folded, self.numbered, of_all=True)
        alone = self.behind(folded)
        return _MESSAGE_COLUMNS, _MessagesTable(self._imap, self, folded, lambda: alone, of_all=False)

    Connect = Create

    def ShadowName(self, _suffix: str) -> bool:  # noqa: N802 - apsw's name
        """Say that no table is a shadow of one of ours."""
        return False


class _Table:
    """What every read-only virtual table answers alike."""

    def Destroy(self) -> None:  # noqa: N802 - apsw's name
        """Nothing is held."""

    def Disconnect(self) -> None:  # noqa: N802 - apsw's name
        """Nothing is held."""


class _MessagesTable(_Table):
    """The messages of one mailbox, or of all."""

    def __init__(
        self,
        imap: Connection,
        tables: Tables,
        name: str,
        numbered: Callable[[], Sequence[tuple[int, Mailbox]]],
        *,
        of_all: bool,
    ) -> None:
        self._imap = imap
        self._tables = tables
        self._name = name
        self._numbered = numbered
        self._of_all = of_all

    def BestIndexObject(self, info: apsw.IndexInfo) -> bool:  # noqa: N802 - apsw's name
        """Plan a scan."""
        statement = self._tables.running
        make_plan(
            info,
            of_all=self._of_all,
            is_read=statement is not None and statement.node(self._name) is not None,
            match=None if statement is None else statement.match_rule(self._name),
        )
        if self._tables.explaining is not None:
            info.idxStr = self._tables.explaining.tag(self._name, info.idxStr or "")
        return True

    def Open(self) -> MessageScan:  # noqa: N802 - apsw's name
        """Open a cursor."""
        statement = self._tables.running
        return MessageScan(
            self._imap,
            self._numbered,
            of_all=self._of_all,
            name=self._name,
            statement=statement,
            where=None if statement is None else statement.where(self._name),
            recorder=self._tables.explaining,
            counts=self._tables.counting,
        )

    def FindFunction(self, name: str, arguments: int) -> _Overload:  # noqa: N802
        """Have our functions arrive as constraints when their first argument is a column of this table."""
        if name.lower() == "match" and arguments == 2:  # noqa: PLR2004
            return _match_alone
        code = FUNCTIONS.get(name.lower())
        return None if code is None or arguments != 2 else (code, SCALARS[name.lower()])  # noqa: PLR2004


def _match_alone(pattern: SQLValue, column: SQLValue) -> SQLValue:
    """Stand for MATCH where SQLite would have to decide it row by row."""
    raise NotSupportedError(MATCH_ALONE)


class _MailboxesTable(_Table):
    """The table `mailboxes`: LIST, and STATUS where a statement reads what only STATUS tells."""

    def __init__(self, imap: Connection, tables: Tables) -> None:
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
        return MailboxesScan(self._imap, self._tables, self._tables.explaining)


class MailboxesScan:
    """A cursor over the mailboxes."""

    def __init__(self, imap: Connection, tables: Tables, recorder: Recorder | None = None) -> None:
        self._imap = imap
        self._tables = tables
        self._recorder = recorder
        self._rows: list[tuple[SQLValue, ...]] = []
        self._place = 0
        self._catalog: Catalog | None = None
        self._statuses: dict[str, Mapping[str, int]] = {}
        self._asked: set[str] = set()

    def Filter(self, _number: int, written: str, arguments: tuple[SQLValue, ...]) -> None:  # noqa: N802 - apsw's name
        """Start a scan. LIST and STATUS are asked once a cursor, however often a join comes back."""
        if self._recorder is not None:
            self._recorder.note(written, arguments)
            return
        if self._catalog is None:
            self._catalog = self._tables.refresh()
        catalog = self._catalog
        # A number stands for its text, as TEXT affinity has it; which text a float is, SQLite says.
        named = arguments and not isinstance(arguments[0], float)
        mailboxes = [m for m in catalog.mailboxes if not named or m.name == str(arguments[0])]
        items = [item for item in json.loads(written) if self._is_offered(item)]
        unknown = [m for m in mailboxes if m.is_selectable and m.name not in self._asked] if items else []
        if unknown:
            self._statuses.update(self._imap.read(lambda wire: status_of(wire, unknown, items)))
            self._asked.update(m.name for m in unknown)
        self._rows = [self._row(catalog, mailbox) for mailbox in mailboxes]
        self._place = 0

    def _is_offered(self, item: str) -> bool:
        needed = {"HIGHESTMODSEQ": "CONDSTORE", "SIZE": "STATUS=SIZE"}.get(item)
        return needed is None or needed in self._imap.capabilities

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
