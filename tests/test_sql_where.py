"""No row that a statement needs is ever left out: shown without any server, over real tables of SQLite.

Every table is cut down to the rows a perfect server finds by the table's key, and the statement's answer must stay.
The SQL is drawn from a seed, which is quicker by far; what fails is printed as it was run.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import apsw
import pytest
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from imapdb.errors import UnsendableValue
from imapdb.imap import keys
from imapdb.imap.profiles import PROFILES
from imapdb.sql import functions
from imapdb.sql.catalog import fold
from imapdb.sql.columns import by_name
from imapdb.sql.statement import Statement
from imapdb.sql.tree import All, AnyOf, Constant, Fixed, Is, Leaf, Node, Not
from imapdb.sql.where import Where
from tests.kit.odd_sql import BOXES, Writer, Written, made_rows
from tests.kit.oracle import COLUMNS
from tests.kit.searching import Perfect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.kit.oracle import Row

DOVECOT = PROFILES["dovecot"]
SIZES = (14, 9, 7)
WORLDS = 5
EXAMPLES = max(500, 5 * settings().max_examples)
SEEDS = st.integers(0, 2**64 - 1)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class World:
    """The tables of an account, and each of them cut down for a while."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.rows = {name: made_rows(chance, name, count) for name, count in zip(BOXES, SIZES, strict=True)}
        self.rows["messages"] = [row for name in BOXES for row in self.rows[name]]
        self._database = apsw.Connection(":memory:")
        self._database.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
        functions.register(self._database)
        declared = ", ".join(f"{quoted(name)} {kind}" for name, kind in COLUMNS.items())
        marks = ", ".join("?" * len(COLUMNS))
        for table, rows in self.rows.items():
            self._database.execute(f"CREATE TABLE {quoted(table)} ({declared})")
            values = [tuple(row[name] for name in COLUMNS) for row in rows]
            self._database.executemany(f"INSERT INTO {quoted(table)} VALUES ({marks})", values)

    def run(self, written: Written) -> list[str] | None:
        """Give the answer in an order that means nothing; None where SQLite refuses the statement."""
        try:
            return sorted(map(repr, self._database.execute(written.sql, written.parameters)))
        except apsw.Error:
            return None

    def run_cut(self, written: Written, kept: dict[str, list[Row]]) -> list[str] | None:
        self._database.execute("SAVEPOINT whole")
        try:
            for table, rows in kept.items():
                held = {(row["mailbox"], row["uid"]) for row in rows}
                gone = {(row["mailbox"], row["uid"]) for row in self.rows[table]} - held
                self._database.executemany(f"DELETE FROM {quoted(table)} WHERE mailbox = ? AND uid = ?", list(gone))
            return self.run(written)
        finally:
            self._database.execute("ROLLBACK TO whole")
            self._database.execute("RELEASE whole")


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [World(seed) for seed in range(WORLDS)]


def found_by_key(world: World, written: Written, server: Perfect) -> dict[str, list[Row]]:
    """Give the rows of each table that its key finds, of the tables that have one."""
    statement = Statement(written.sql, written.parameters)
    kept = {}
    for table, rows in world.rows.items():
        where = statement.where(fold(table))
        if where is not None:
            said = {name: where.key(DOVECOT, name) for name in (BOXES if table == "messages" else (table,))}
            kept[table] = [row for row in rows if server.finds(said[row["mailbox"]], row)]
    return kept


def check(world: World, written: Written, zone: int) -> None:
    # OR, so that it is read even where SQLite would hand all of it over.
    written = Written(f"{written.sql} -- OR", written.parameters)
    note(f"{written.sql!r} {written.parameters!r}")
    whole = world.run(written)
    assume(whole is not None)
    kept = found_by_key(world, written, Perfect(zone))
    note(str({table: [row["uid"] for row in rows] for table, rows in kept.items()}))
    assert world.run_cut(written, kept) == whole


@pytest.mark.parametrize("zone", [-12, 0, 14])
@settings(max_examples=EXAMPLES)
@given(seed=SEEDS, number=st.integers(0, WORLDS - 1))
def test_a_condition_needs_no_other_rows_than_its_key_finds(
    worlds: list[World], seed: int, number: int, zone: int
) -> None:
    check(worlds[number], Writer(random.Random(seed)).condition_statement(), zone)


@pytest.mark.parametrize("zone", [-12, 14])
@settings(max_examples=EXAMPLES)
@given(seed=SEEDS, number=st.integers(0, WORLDS - 1))
def test_whether_something_is_true_needs_no_other_rows(worlds: list[World], seed: int, number: int, zone: int) -> None:
    check(worlds[number], Writer(random.Random(seed)).truth_statement(), zone)


@settings(max_examples=EXAMPLES)
@given(seed=SEEDS, number=st.integers(0, WORLDS - 1))
def test_a_statement_needs_no_other_rows_than_its_keys_find(worlds: list[World], seed: int, number: int) -> None:
    check(worlds[number], Writer(random.Random(seed)).statement(), 0)


def test_the_keys_of_random_conditions_do_narrow(worlds: list[World]) -> None:
    """Else the tests above would show nothing."""
    chance = random.Random(1)
    cut = 0
    for _ in range(300):
        written = Writer(chance).condition_statement()
        kept = found_by_key(worlds[0], Written(f"{written.sql} -- OR", written.parameters), Perfect())
        cut += any(len(rows) < len(worlds[0].rows[table]) for table, rows in kept.items())
    assert cut > 60


def leaf(column: str, operator: str, *values: Any) -> Leaf:
    return Leaf(by_name()[column], operator, tuple(map(Fixed, values)))


def deep(levels: int) -> Node:
    node: Node = leaf("seen", "=", 1)
    for _ in range(levels):
        node = All((AnyOf((node, leaf("flagged", "=", 1))), leaf("draft", "=", 1)))
    return node


def test_what_is_too_deep_for_the_stack_narrows_nothing() -> None:
    assert str(Where(deep(3), ()).key(DOVECOT)).count("OR") == 3
    assert Where(deep(5_000), ()).key(DOVECOT) == keys.ALL


def test_what_no_row_can_satisfy_asks_for_nothing() -> None:
    nodes: Sequence[Node] = (
        Constant(None), Constant(False), Not(Constant(True)), Not(Constant(None)), Is(Constant(None), True),
        Is(leaf("seen", "=", None), True), leaf("uid", "=", 0), All((leaf("seen", "=", 1), leaf("uid", "IN"))),
        Not(leaf("seen", "IN", 0, None)), AnyOf((leaf("seen", "=", 7), leaf("size", "<", 0))),
    )  # fmt: skip
    for node in nodes:
        assert Where(node, ()).key(DOVECOT) == keys.NOTHING, node


def test_a_server_that_takes_no_or_is_asked_for_none() -> None:
    node = All((AnyOf((leaf("seen", "=", 1), leaf("flagged", "=", 1))), leaf("draft", "=", 0)))
    assert str(Where(node, ()).key(PROFILES["icloud"])) == "UNDRAFT"


def test_a_line_break_in_any_of_the_terms_is_refused() -> None:
    node = AnyOf((leaf("seen", "=", 1), leaf("subject", "LIKE", "a\r\nb")))
    with pytest.raises(UnsendableValue):
        Where(node, ()).key(DOVECOT)
