"""Statements and dot commands, one after the other: the shell without its terminal."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Protocol

import apsw

from imapdb.cli.complaints import said
from imapdb.cli.shell.names import as_written
from imapdb.errors import Error, ProgrammingError
from imapdb.sql.columns import COLUMNS, MAILBOX_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imapdb.dbapi import Connection
    from imapdb.sql.explain import Explanation

__all__ = ["COMMANDS", "MODES", "Output", "Session", "is_complete", "statements"]

MODES = ("auto", "table", "text", "csv", "json")
COMMANDS = {
    ".tables": "[PATTERN]  the tables, each as a statement wants it written; PATTERN as in *2025*",
    ".schema": "TABLE  the columns of a table, as CREATE TABLE would have them",
    ".columns": "[TABLE]  the columns of a table (default: of any mailbox), what they are and their types",
    ".explain": "SQL  what a statement would ask of the server, without asking it",
    ".mode": f"[{'|'.join(MODES)}]  the form of answers; auto is a table on a terminal, else text parted by tabs",
    ".help": "this list",
    ".quit": "leave; so does Ctrl-D",
}
_NOTHING = re.compile(r"(?:\s|;|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*\Z", re.DOTALL)


class Output(Protocol):
    """Where answers go."""

    def answer(self, sql: str, mode: str) -> None:
        """Run a statement and print its rows as they arrive."""

    def rows(self, columns: Sequence[str], rows: Sequence[Sequence[object]], mode: str) -> None:
        """Print rows that are there."""

    def explanation(self, explained: Explanation, mode: str) -> None:
        """Print what a statement would ask."""

    def text(self, text: str) -> None:
        """Print a text of several lines."""

    def error(self, message: str) -> None:
        """Say in one line what went wrong."""


def is_complete(text: str) -> bool:
    """Say whether what was typed can be run: a dot command, nothing, or statements up to a `;`."""
    return text.lstrip().startswith(".") or bool(_NOTHING.match(text)) or apsw.complete(text)


def statements(text: str) -> Iterator[tuple[str, bool]]:
    """Cut a text at each `;` that ends a statement; the last may be unfinished, which the second value says."""
    start = 0
    for match in re.finditer(";", text):
        if apsw.complete(text[start : match.end()]):
            yield text[start : match.end()], True
            start = match.end()
    if start < len(text):
        yield text[start:], False


class Session:
    """A shell on a connection, fed with lines.

    `is_over` is set once it was left, `was_interrupted` once a statement was.
    """

    def __init__(self, connection: Connection, output: Output, mode: str = "auto") -> None:
        self.mode = mode
        self.is_over = False
        self.was_interrupted = False
        self._connection = connection
        self._output = output
        self._begun = ""
        # Each statement stands alone; whoever wants more says BEGIN.
        connection.autocommit = True

    @property
    def is_within(self) -> bool:
        """Whether a statement was begun and not ended."""
        return bool(self._begun.strip())

    def feed(self, line: str) -> bool:
        """Take another line, and run what ends with it; False where that went wrong."""
        if not self.is_within and line.lstrip().startswith("."):
            return self._guarded(self._command, line.strip())
        text, self._begun = f"{self._begun}{line}\n", ""
        for statement, is_whole in statements(text):
            if not is_whole:
                self._begun = "" if _NOTHING.match(statement) else statement
            elif not _NOTHING.match(statement) and not self._guarded(self._execute, statement):
                return False
        return True

    def finish(self) -> bool:
        """Run what was begun, as if it had been ended; False where that went wrong."""
        begun, self._begun = self._begun, ""
        return not begun.strip() or self._guarded(self._execute, begun)

    def cancel(self) -> None:
        """Forget what was begun."""
        self._begun = ""

    def _guarded(self, work: Callable[[str], None], text: str) -> bool:
        try:
            work(text)
        except Error as error:
            self._output.error(said(error))
            return False
        except KeyboardInterrupt:
            # Whatever was under way in the session is not worth waiting for: the next statement opens another.
            self.was_interrupted = True
            self._connection.imap.close()
            self._output.error("interrupted")
            return False
        return True

    def _execute(self, statement: str) -> None:
        self._output.answer(statement, self.mode)

    # The dot commands.

    def _command(self, line: str) -> None:
        name, _, argument = line.partition(" ")
        argument = argument.strip().rstrip(";").strip()
        match name:
            case ".quit" | ".exit":
                self.is_over = True
            case ".help":
                width = max(map(len, COMMANDS))
                listed = [f"{command:{width}}  {what}" for command, what in COMMANDS.items()]
                self._output.text("\n".join(["SQL ends with ; and may take several lines.", *listed]))
            case ".tables":
                names = [name for name in self.tables(refresh=True) if _fits(name.strip('"'), argument)]
                self._output.text("\n".join(names) if names else f"no table is like {argument}")
            case ".schema":
                self._output.text(self._schema(argument))
            case ".columns":
                self._columns(argument)
            case ".explain":
                if not argument:
                    raise ProgrammingError(".explain wants a statement behind it")
                self._output.explanation(self._connection.explain(argument), self.mode)
            case ".mode":
                self._set_mode(argument)
            case _:
                raise ProgrammingError(f"there is no command {name}; .help lists them")

    def tables(self, *, refresh: bool = False) -> list[str]:
        """Name the tables as statements want them: mailboxes, our own two, what this session made or attached."""
        tables = self._connection.tables
        catalog = tables.refresh() if refresh else tables.catalog
        own = [*catalog.table_names.values(), "messages", "mailboxes"]
        made = self._connection.database.execute(
            "SELECT schema, name FROM pragma_table_list WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'"
        )
        further = [
            as_written(name) if schema in ("main", "temp") else f"{as_written(schema)}.{as_written(name)}"
            for schema, name in made
        ]
        return list(dict.fromkeys([*map(as_written, own), *further]))

    def _schema(self, written: str) -> str:
        columns = self._described(written)
        if columns is None:
            name = _unquoted(written)
            found = self._connection.database.execute(
                "SELECT sql FROM (SELECT name, sql FROM sqlite_temp_schema UNION ALL SELECT name, sql FROM"
                " sqlite_schema) WHERE name = ? COLLATE NOCASE AND sql IS NOT NULL",
                (name,),
            ).fetchall()
            if not found:
                raise ProgrammingError(f"no such table: {name}")
            return f"{found[0][0]};"
        name = as_written(_unquoted(written))
        wide = max(len(as_written(column)) for column, *_ in columns)
        last = len(columns) - 1
        lines = [
            f"  {as_written(column):{wide}} {kind}{'' if number == last else ','}  -- {doc}"
            for number, (column, kind, doc) in enumerate(columns)
        ]
        return "\n".join([f"CREATE TABLE {name} (", *lines, ");"])

    def _columns(self, written: str) -> None:
        columns = self._described(written or "messages")
        if columns is None:
            raise ProgrammingError(f"no such table: {_unquoted(written)}")
        self._output.rows(("column", "type", "what it is"), columns, self.mode)

    def _described(self, written: str) -> list[tuple[str, str, str]] | None:
        """Describe the columns of a table of mail; None for any other."""
        name = _unquoted(written)
        if not name:
            raise ProgrammingError("which table? .tables lists them")
        if name.lower() == "mailboxes":
            return [(column.name, column.sql_type, column.doc) for column in MAILBOX_COLUMNS]
        tables = self._connection.tables
        if name.lower() != "messages" and tables.catalog.find_table(name) is None:
            return None
        return [(column.name, column.sql_type + (" HIDDEN" if column.hidden else ""), column.doc) for column in COLUMNS]

    def _set_mode(self, mode: str) -> None:
        if not mode:
            self._output.text(self.mode)
        elif mode in MODES:
            self.mode = mode
        else:
            raise ProgrammingError(f"{mode!r} is not one of {', '.join(MODES)}")


def _fits(name: str, pattern: str) -> bool:
    return not pattern or fnmatch.fnmatch(name.lower(), pattern.lower())


def _unquoted(written: str) -> str:
    written = written.strip()
    if len(written) > 1 and written[0] == written[-1] == '"':
        return written[1:-1].replace('""', '"')
    return written
