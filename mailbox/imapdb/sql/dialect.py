"""The SQLAlchemy dialect: SQLite's, over our DBAPI, with reflection from the column registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apsw
import sqlalchemy as sa
from sqlalchemy import pool
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler, SQLiteDialect

from imapdb.account import Account
from imapdb.errors import ConnectionLost, ProgrammingError
from imapdb.sql.catalog import RESERVED, fold
from imapdb.sql.types import UTCDateTime, attachment_columns, listed_columns, message_columns, read_json

if TYPE_CHECKING:
    from types import ModuleType

    from sqlalchemy.engine import URL, Connection
    from sqlalchemy.sql.elements import BinaryExpression

__all__ = ["IMAPDialect"]


class _Compiler(SQLiteCompiler):
    """Compiles text operators to our functions, which reach the server; SQLAlchemy's own LIKE would not say as much.

    `contains` and its relatives are case-folded Unicode substrings, in which `%` and `_` are ordinary characters;
    `autoescape` is undone. LIKE stays SQLite's.
    """

    def _function(self, name: str, binary: BinaryExpression[Any], kw: dict[str, Any], *, negated: bool) -> str:
        left = self.process(binary.left, **kw)
        right = self.process(binary.right, **kw)
        escape = binary.modifiers.get("escape")
        if escape is not None:
            undone = "escaped" if name == "ilike" else "unescaped"
            right = f"{undone}({right}, {self.render_literal_value(escape, sa.String())})"
        return f"{'NOT ' if negated else ''}{name}({left}, {right})"


def _visitor(name: str, *, negated: bool) -> Any:
    def visit(self: _Compiler, binary: BinaryExpression[Any], operator: Any, **kw: Any) -> str:
        return self._function(name, binary, kw, negated=negated)

    return visit


for _name in ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "ilike"):
    setattr(_Compiler, f"visit_{_name}_op_binary", _visitor(_name, negated=False))
    setattr(_Compiler, f"visit_not_{_name}_op_binary", _visitor(_name, negated=True))


class _Pool(pool.QueuePool):
    """Keeps one session and opens four more at most: providers allow few (Gmail 15 for all of a user's devices)."""

    def __init__(self, creator: Any, pool_size: int = 1, max_overflow: int = 4, **kw: Any) -> None:
        super().__init__(creator, pool_size=pool_size, max_overflow=max_overflow, **kw)


class IMAPDialect(SQLiteDialect):
    """`imap://` and `imaps://` for `create_engine`."""

    name = "imap"
    driver = "imapdb"
    default_paramstyle = "qmark"
    supports_statement_cache = True
    statement_compiler = _Compiler
    returns_native_bytes = True
    # SQLite has no RETURNING on virtual tables.
    insert_returning = False
    update_returning = False
    delete_returning = False
    supports_sane_rowcount_returning = False
    use_insertmanyvalues = False
    colspecs = {**SQLiteDialect.colspecs, sa.DateTime: UTCDateTime}  # noqa: RUF012 - SQLAlchemy's own way

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"json_deserializer": read_json} | kwargs)
        self._table_names: dict[str, dict[str, str]] = {}

    @classmethod
    def import_dbapi(cls) -> Any:
        """Give the PEP 249 module."""
        from imapdb.sql import dbapi  # noqa: PLC0415 - SQLAlchemy loads the driver when an engine is made

        return _Driver(dbapi)

    @classmethod
    def get_pool_class(cls, url: URL) -> type[pool.Pool]:
        """Keep sessions: opening one costs three round trips."""
        return _Pool

    def create_connect_args(self, url: URL) -> tuple[list[Any], dict[str, Any]]:
        """Read the account out of a URL. Raises ProgrammingError where it is none."""
        if url.database:
            raise ProgrammingError("an account's URL names no mailbox: nothing may follow the host but ?options")
        options = [(k, v) for k, values in url.normalized_query.items() for v in values]
        account = Account.from_parts(
            scheme=url.get_backend_name(),
            host=url.host or "",
            port=url.port,
            user=url.username or "",
            password=None if url.password is None else str(url.password),
            options=options,
        )
        # Every connection of an engine calls a mailbox the same.
        return [account], {"table_names": self._table_names.setdefault(account.url, {})}

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """Tell SQLAlchemy's pool that a session is over; the next use opens a new one by itself."""
        return isinstance(e, ConnectionLost)

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Ask NOOP (for `pool_pre_ping`)."""
        dbapi_connection.ping()
        return True

    def get_isolation_level_values(self, dbapi_conn: Any) -> Any:
        """List the isolation levels there are."""
        return ["SERIALIZABLE", "AUTOCOMMIT"]

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        """Choose one."""
        dbapi_connection.autocommit = level == "AUTOCOMMIT"

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        """Say which one is chosen."""
        return "AUTOCOMMIT" if dbapi_connection.autocommit else "SERIALIZABLE"

    def get_default_isolation_level(self, dbapi_conn: Any) -> Any:
        """Say which one a new connection has; never asks the server."""
        return "SERIALIZABLE"

    def on_connect(self) -> None:
        """Nothing has to be set: SQLite's own dialect would register a function for REGEXP on sqlite3 here."""
        return

    def _get_server_version_info(self, connection: Any) -> tuple[int, ...]:
        return _SQLITE_VERSION

    # Reflection. A schema other than main is an attached file, which SQLite knows best.

    def get_table_names(self, connection: Any, schema: Any = None, *args: Any, **kw: Any) -> Any:
        """List the tables: the mailboxes, and those of our own."""
        if not _is_ours(schema):
            return super().get_table_names(connection, schema, *args, **kw)  # type: ignore[no-untyped-call]
        catalog = _tables(connection).refresh()
        return [*catalog.table_names.values(), *RESERVED]

    def has_table(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """Say whether there is a table of that name."""
        if _is_ours(schema) and self._kind(connection, table_name) is not None:
            return True
        return super().has_table(connection, table_name, schema, **kw)  # type: ignore[no-untyped-call]

    def get_columns(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """Describe the columns, the hidden ones too."""
        kind = self._kind(connection, table_name) if _is_ours(schema) else None
        if kind is None:
            return super().get_columns(connection, table_name, schema, **kw)  # type: ignore[no-untyped-call]
        return [
            {
                "name": column.name,
                "type": column.type,
                "nullable": column.nullable,
                "default": None,
                "autoincrement": False,
                "primary_key": int(column.primary_key),
            }
            for column in _columns_of(kind)
        ]

    def get_pk_constraint(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """Describe the primary key: uid, with the mailbox in `messages`; mailbox, uid and part in `attachments`."""
        kind = self._kind(connection, table_name) if _is_ours(schema) else None
        if kind is None:
            return super().get_pk_constraint(connection, table_name, schema, **kw)  # type: ignore[no-untyped-call]
        return {"constrained_columns": [c.name for c in _columns_of(kind) if c.primary_key], "name": None}

    def _kind(self, connection: Connection, table_name: str) -> str | None:
        folded = fold(table_name)
        if folded == "inbox" or folded in RESERVED:
            return folded
        tables = _tables(connection)
        known = tables.catalog.find_table(table_name) or tables.refresh().find_table(table_name)
        return None if known is None else "mailbox"


def _nothing(kind: str) -> Any:
    """Make the reflection of what message tables have none of; that of attached files stays SQLite's."""
    inherited = getattr(SQLiteDialect, kind)

    def reflect(
        self: IMAPDialect, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        if _is_ours(schema) and self._kind(connection, table_name) is not None:
            return []
        return inherited(self, connection, table_name, schema, **kw)

    return reflect


for _name in ("get_foreign_keys", "get_indexes", "get_unique_constraints", "get_check_constraints"):
    setattr(IMAPDialect, _name, _nothing(_name))


class _Driver:
    """The DBAPI module with the one name more that SQLite's dialect asks of a driver."""

    sqlite_version_info = tuple(map(int, apsw.sqlite_lib_version().split(".")))

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


_SQLITE_VERSION: tuple[int, ...] = _Driver.sqlite_version_info


def _is_ours(schema: str | None) -> bool:
    return schema in (None, "main")


def _tables(connection: Connection) -> Any:
    return connection.connection.dbapi_connection.tables  # type: ignore[union-attr]


def _columns_of(kind: str) -> list[sa.Column[Any]]:
    match kind:
        case "mailboxes":
            return listed_columns()
        case "attachments":
            return attachment_columns()
    return message_columns(of_all=kind == "messages")
