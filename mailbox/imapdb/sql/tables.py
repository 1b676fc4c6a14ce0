"""The virtual tables of a connection: one for each mailbox, made when a statement first names it, and our own three."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from imapdb.errors import NotSupportedError
from imapdb.imap.mailboxes import Mailbox, check_name
from imapdb.imap.status import list_with_statuses
from imapdb.sql.catalog import RESERVED, Catalog, Numbered, fold
from imapdb.sql.columns import ALIASES, ATTACHMENT_COLUMNS, COLUMNS, MAILBOX_COLUMNS
from imapdb.sql.functions import SCALARS
from imapdb.sql.listing import MailboxesTable, Table
from imapdb.sql.plan import FUNCTIONS, make_plan
from imapdb.sql.scan import MessageScan
from imapdb.sql.statement import MATCH_ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import apsw

    from imapdb.imap.connection import Connection
    from imapdb.imap.status import Statuses
    from imapdb.sql.counting import Counting
    from imapdb.sql.request import Recorder
    from imapdb.sql.statement import Statement
    from imapdb.sql.values import SQLValue

    _Overload: TypeAlias = tuple[int, Callable[..., SQLValue]] | Callable[..., SQLValue] | None

__all__ = ["Tables", "quote_identifier"]

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
_ATTACHED_COLUMNS: Final = _declaration(
    [(column.name, column.sql_type, column.hidden) for column in ATTACHMENT_COLUMNS]
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
        # What a scan may do for a count(*), instead of giving its rows.
        self.counting: Counting | None = None
        # Set while a statement is explained: its scans are told to it and not done.
        self.explaining: Recorder | None = None
        self._brought_along = frozenset(row[0] for row in database.execute("SELECT name FROM pragma_module_list"))
        database.create_module(MODULE, self, use_bestindex_object=True, read_only=True)

    @property
    def catalog(self) -> Catalog:
        """The mailboxes as last listed; listed now where they never were."""
        return self._catalog or self.refresh()

    def refresh(self) -> Catalog:
        """List the mailboxes anew."""
        return self.refresh_with(())[0]

    def refresh_with(self, items: Sequence[str]) -> tuple[Catalog, Statuses]:
        """List the mailboxes anew, and what STATUS tells of them, as far as that comes along."""
        listed = list_with_statuses(self._imap, items)
        self._catalog = Catalog(listed.mailboxes, self._brought_along, dict(self._names))
        self._names.update(self._catalog.table_names)
        return self._catalog, listed.statuses

    def make(self, table_name: str) -> bool:
        """Create the virtual table SQLite did not find, and say whether there is one of that name."""
        check_name(table_name)
        folded = fold(table_name)
        if folded not in RESERVED:
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

    def numbered(self, items: Sequence[str] = ()) -> list[Numbered]:
        """List every selectable mailbox with its number, which stays the same while this connection lives."""
        catalog, statuses = self.refresh_with(items)
        return [
            Numbered(self._number(mailbox), mailbox, statuses.get(mailbox.name, {}).get("MESSAGES"))
            for mailbox in catalog.selectable
        ]

    def behind(self, folded: str) -> list[Numbered]:
        """Give the numbered mailboxes whose messages a table has that was made."""
        return self.numbered() if folded in RESERVED else [Numbered(0, self._made_for[folded])]

    def _number(self, mailbox: Mailbox) -> int:
        return self._numbers.setdefault(mailbox.name, len(self._numbers) + 1)

    # What apsw calls.

    def Create(self, _database: Any, _module: str, _schema: str, table_name: str, *_: Any) -> tuple[str, Any]:  # noqa: N802
        """Make the table of that name."""
        folded = fold(table_name)
        if folded == "mailboxes":
            return _LISTED_COLUMNS, MailboxesTable(self._imap, self)
        if folded == "attachments":
            from imapdb.sql.attachments import AttachmentsTable  # noqa: PLC0415 - few statements need it

            return _ATTACHED_COLUMNS, AttachmentsTable(self._imap, self, self.numbered)
        if folded == "messages":
            return _MESSAGE_COLUMNS, _MessagesTable(self._imap, self, folded, self.numbered, of_all=True)
        alone = self.behind(folded)
        return _MESSAGE_COLUMNS, _MessagesTable(self._imap, self, folded, lambda _: alone, of_all=False)

    Connect = Create

    def ShadowName(self, _suffix: str) -> bool:  # noqa: N802 - apsw's name
        """Say that no table is a shadow of one of ours."""
        return False


class _MessagesTable(Table):
    """The messages of one mailbox, or of all."""

    def __init__(
        self,
        imap: Connection,
        tables: Tables,
        name: str,
        behind: Callable[[Sequence[str]], Sequence[Numbered]],
        *,
        of_all: bool,
    ) -> None:
        self._imap = imap
        self._tables = tables
        self._name = name
        self._behind = behind
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
            self._behind,
            of_all=self._of_all,
            name=self._name,
            statement=statement,
            where=None if statement is None else statement.where(self._name),
            recorder=self._tables.explaining,
            counting=self._tables.counting,
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
