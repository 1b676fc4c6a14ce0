"""Comparisons done in Python, against SQLite itself."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imapdb.sql.values import SQLValue, compare, integer_bounds

if TYPE_CHECKING:
    from collections.abc import Iterator

OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "IS", "IS NOT")
INTEGERS = st.integers(-(2**63), 2**63 - 1)
NUMBER_LIKE = st.from_regex(r"[ \t\n]?[+-]?[0-9]{0,20}\.?[0-9]{0,5}([eE][+-]?[0-9]{1,3})?[ x_]?", fullmatch=True)
VALUES: st.SearchStrategy[SQLValue] = st.one_of(
    st.none(),
    INTEGERS,
    st.integers(-3, 3),
    st.floats(allow_nan=False),
    st.integers(-6, 6).map(lambda number: number / 2),
    NUMBER_LIKE,
    st.text(max_size=4),
    st.binary(max_size=4),
    st.sampled_from(["0x10", "1e1", " 5 ", "5.", ".5", ".", "+", "-0", "1e400", "inf", "nan", "٣", "5\x00", "1 2"]),
)


@pytest.fixture(scope="module")
def sqlite() -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE held (number INTEGER, flag BOOLEAN)")
    yield database
    database.close()


def truth(sqlite: sqlite3.Connection, held: int, operator: str, value: SQLValue) -> bool:
    """Ask SQLite, of an INTEGER column and of a BOOLEAN one, which must not differ."""
    sqlite.execute("DELETE FROM held")
    sqlite.execute("INSERT INTO held VALUES (?, ?)", (held, held))
    ((number, flag),) = sqlite.execute(
        f"SELECT ifnull(number {operator} ?1, 0), ifnull(flag {operator} ?1, 0) FROM held", (value,)
    )
    assert number == flag
    return bool(number)


@given(held=st.one_of(INTEGERS, st.integers(-3, 6)), operator=st.sampled_from(OPERATORS), value=VALUES)
@example(held=5, operator="=", value=" 5 ")
@example(held=5, operator="<", value="5.5")
@example(held=5, operator="<", value=b"")
@example(held=5, operator="IS NOT", value=None)
@example(held=2**53 + 1, operator="=", value=float(2**53))
@example(held=2**63 - 1, operator="<", value="9223372036854775808")
def test_compare_is_sqlite(sqlite: sqlite3.Connection, held: int, operator: str, value: SQLValue) -> None:
    assert compare(held, operator, value) == truth(sqlite, held, operator, value)


def test_null_tests_have_no_value() -> None:
    assert not compare(0, "IS NULL", None)
    assert compare(0, "IS NOT NULL", None)


@given(
    held=st.one_of(INTEGERS, st.integers(0, 6)),
    operator=st.sampled_from(("=", "IS", "<", "<=", ">", ">=")),
    value=VALUES,
)
@example(held=5, operator=">", value=4.5)
@example(held=5, operator="<", value=5.5)
@example(held=0, operator=">=", value=-0.5)
def test_bounds_are_what_compare_says(held: int, operator: str, value: SQLValue) -> None:
    bounds = integer_bounds(operator, value, -(2**63), 2**63 - 1)
    assert compare(held, operator, value) == (bounds is not None and bounds[0] <= held <= bounds[1])


@pytest.mark.parametrize(
    ("operator", "value", "bounds"),
    [
        ("=", 5, (5, 5)),
        ("=", 0, None),
        ("=", 11, None),
        ("=", 5.5, None),
        ("=", "5", (5, 5)),
        ("=", "abc", None),
        ("IS", None, None),
        ("<", 1, None),
        ("<", 2**70, (1, 10)),
        ("<", "abc", (1, 10)),
        (">", "abc", None),
        (">", b"", None),
        (">", 9.5, (10, 10)),
        (">=", -5, (1, 10)),
        ("<=", None, None),
        (">", float("-inf"), (1, 10)),
        ("<=", float("-inf"), None),
    ],
)
def test_bounds_stay_in_the_range(operator: str, value: SQLValue, bounds: tuple[int, int] | None) -> None:
    assert integer_bounds(operator, value, 1, 10) == bounds
