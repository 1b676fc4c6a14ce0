"""The loops SQLite runs a statement in: over which tables, by which plan, under which values as far as they are known.

SQLite tells of them by EXPLAIN QUERY PLAN (the loops and their aliases) and EXPLAIN (which columns each of them reads).
The values come from a dry run: the statement runs, and each scan of a mailbox is noted and has no rows. What depends on
a row of mail is never reached that way, or reached with NULL.
"""

from __future__ import annotations

import dataclasses
import re
import time
from typing import TYPE_CHECKING, Any, Final

import apsw

from imapdb.errors import Error, NotSupportedError, ProgrammingError
from imapdb.sql.binding import bound as bind
from imapdb.sql.dbapi import Connection, Cursor, translated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imapdb.sql.binding import Parameters
    from imapdb.sql.criteria import Argument
    from imapdb.sql.statement import Statement

__all__ = ["Loop", "Reading", "read"]

_READS: Final = re.compile(r"(?:[\s(;]|--[^\n]*\n|/\*.*?\*/)*(?:SELECT|WITH|VALUES)\b", re.IGNORECASE | re.DOTALL)
_LOOP: Final = re.compile(r"(?:SCAN|SEARCH) (.*) VIRTUAL TABLE INDEX \d+:#(\d+) ", re.DOTALL)
_MARK: Final = re.compile(r"#(\d+) ")
ONLY_READS: Final = "only statements that read can be explained (SELECT, WITH, VALUES); nothing was sent"
LONGEST_RUN: Final = 2.0  # seconds; loops over other tables than ours run for real, and may be long
STEPS: Final = 10_000  # of SQLite's machine, between two looks at the clock


@dataclasses.dataclass(slots=True)
class Loop:
    """One loop of a statement over one of our tables.

    `table` is the folded name, `written` the plan. `cursor` is SQLite's number for the place in FROM: the sides of an
    OR (`is_side`) may be loops of their own over one cursor. `reads` are the declared columns it reads, in the order of
    the program. `calls` is how often the dry run came here; `arguments` are those of the first time, `varying` the
    numbers of those that were others later. `is_certain` says that none of them can depend on a row of mail.
    """

    table: str
    alias: str
    written: str
    cursor: int
    reads: tuple[int, ...]
    is_side: bool
    calls: int = 0
    arguments: tuple[Argument, ...] = ()
    varying: frozenset[int] = frozenset()
    is_certain: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """A statement as SQLite understood it. `streams`: its rows are wanted one after the other, from the first on."""

    statement: Statement
    text: str
    parameters: Any
    loops: tuple[Loop, ...]
    streams: bool
    was_cut: bool


def read(connection: Connection, sql: str, parameters: Parameters) -> Reading:
    """Read a statement. Raises ProgrammingError for one that does not read, and what running it would raise."""
    if not _READS.match(sql):
        raise ProgrammingError(ONLY_READS)
    with _DryCursor(connection, sql, bind(parameters)) as cursor:
        return cursor.reading()


class _Recorder:
    """What is told of plans and scans while a statement is prepared and run dry."""

    def __init__(self) -> None:
        self.plans: list[tuple[str, str]] = []
        self.calls: dict[int, int] = {}
        self.arguments: dict[int, tuple[Argument, ...]] = {}
        self.varying: dict[int, set[int]] = {}
        # Which scans had begun before this one did.
        self.before: dict[int, frozenset[int]] = {}

    def tag(self, table: str, written: str) -> str:
        """Mark a plan by its number: SQLite asks for plans in the same order each time it prepares a text."""
        self.plans.append((table, written))
        return f"#{len(self.plans) - 1} {written}"

    def note(self, tagged: str, arguments: tuple[Argument, ...]) -> str:
        """Take note of a scan."""
        match = _MARK.match(tagged)
        if match is None:
            return tagged
        number = int(match[1])
        self.calls[number] = self.calls.get(number, 0) + 1
        if number not in self.arguments:
            self.before[number] = frozenset(self.arguments)
            self.arguments[number] = arguments
        pairs = zip(arguments, self.arguments[number], strict=False)
        self.varying.setdefault(number, set()).update(n for n, (now, first) in enumerate(pairs) if now != first)
        return tagged[match.end() :]


class _Prepared(Exception):
    """The statement is right, and reads."""


class _DryCursor(Cursor):
    """A cursor on which a statement is prepared, described and run dry."""

    def __init__(self, connection: Connection, sql: str, bound: Any) -> None:
        super().__init__(connection)
        self._sql = sql
        self._bound = bound
        self._recorder = _Recorder()
        self._said = self._statement = connection.read_statement(sql, bound)
        self._must_read = False

    def reading(self) -> Reading:
        """Have SQLite tell all it knows of the statement."""
        self._check()
        described = self._all_of("EXPLAIN QUERY PLAN ")
        program = self._all_of("EXPLAIN ")
        was_cut = self._run_dry()
        loops = tuple(self._loops(described, program))
        is_sorted = any("TEMP B-TREE" in row[3] for row in described)
        has_offset = any(row[1] == "OffsetLimit" for row in program)
        return Reading(
            self._said, self._sql, self._bound, loops, streams=not (is_sorted or has_offset), was_cut=was_cut
        )

    def _check(self) -> None:
        """Raise where the statement is wrong, or is none that reads."""
        self._must_read = True
        try:
            self._dry("")
        except _Prepared:
            return
        except NotSupportedError as error:
            # SQLite's own "may not be modified" is another way of saying so.
            if isinstance(error.__cause__, apsw.Error):
                raise ProgrammingError(ONLY_READS) from error
            raise
        finally:
            self._must_read = False

    def _starting(self, cursor: apsw.Cursor, sql: str, bindings: Any) -> bool:
        super()._starting(cursor, sql, bindings)
        if not self._must_read:
            return True
        if not cursor.is_readonly or cursor.is_explain or self._description is None:
            raise ProgrammingError(ONLY_READS)
        raise _Prepared

    def _dry(self, word: str) -> None:
        """Begin with the statement, `word` in front of it."""
        self._recorder.plans.clear()
        self._description = None
        self._operation = word + self._sql
        tables = self.connection.tables
        before, tables.explaining = tables.explaining, self._recorder
        try:
            # Neither are plans taken that were made without marks, nor such left behind.
            self._start(self._operation, self._bound, can_cache=False)
        finally:
            tables.explaining = before

    def _all_of(self, word: str) -> list[tuple[Any, ...]]:
        self._dry(word)
        return self.fetchall()

    def _run_dry(self) -> bool:
        """Run the statement and drop its rows; say whether that was given up for the time it took."""
        database = self.connection.database
        end = time.monotonic() + LONGEST_RUN
        database.set_progress_handler(lambda: time.monotonic() > end, STEPS)
        try:
            self._dry("")
            for _ in self._working(lambda: self._cursor):
                if time.monotonic() > end:
                    return True
        except apsw.InterruptError:
            return True
        except apsw.Error as error:
            raise translated(error) from error
        except Error as error:
            if isinstance(error.__cause__, apsw.InterruptError):
                return True
            raise
        finally:
            database.set_progress_handler(None)
        return False

    def _loops(self, described: Sequence[tuple[Any, ...]], program: Sequence[tuple[Any, ...]]) -> list[Loop]:
        cursors: dict[int, int] = {}
        reads: dict[int, dict[int, None]] = {}
        for _, opcode, first, second, _, fourth, *_ in program:
            if opcode == "VFilter" and (match := _MARK.match(fourth or "")):
                cursors[int(match[1])] = first
            elif opcode == "VColumn":
                reads.setdefault(first, {}).setdefault(second)
        recorder = self._recorder
        details = {row[0]: row[3] for row in described}
        found = []
        for row in described:
            match = _LOOP.match(row[3])
            if match is None:
                continue
            number = int(match[2])
            table, written = recorder.plans[number]
            cursor = cursors.get(number, -1)
            others = {cursors.get(before) for before in recorder.before.get(number, ())} - {cursor}
            found.append(
                Loop(
                    table,
                    # As newer SQLite says of a loop it made of an EXISTS.
                    match[1].removesuffix(" EXISTS"),
                    written,
                    cursor,
                    tuple(reads.get(cursor, ())),
                    details.get(row[1], "").startswith("INDEX "),
                    recorder.calls.get(number, 0),
                    recorder.arguments.get(number, ()),
                    frozenset(recorder.varying.get(number, ())),
                    is_certain=number in recorder.arguments and not others,
                )
            )
        return found
