"""Why a dependency is held back: the test that fails on the releases left out, and passes on one that may be let in."""

# ruff: noqa: N802 - apsw's names

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import apsw
import pytest

import imapdb


class _Table:
    """A table of the numbers 0 to 9 that claims `number IN (…)` as a whole set."""

    def __init__(self) -> None:
        self.left: list[int] = []
        self.asked: list[Any] = []

    def Create(self, *_: object) -> tuple[str, _Table]:
        return "CREATE TABLE x(number INTEGER)", self

    Connect = Create

    def Open(self) -> _Table:
        return self

    def Disconnect(self) -> None: ...
    def Destroy(self) -> None: ...
    def Close(self) -> None: ...

    def BestIndexObject(self, info: apsw.IndexInfo) -> bool:
        for number in range(info.nConstraint):
            if info.get_aConstraintUsage_in(number):
                info.set_aConstraintUsage_in(number, True)
                info.set_aConstraintUsage_argvIndex(number, 1)
                info.set_aConstraintUsage_omit(number, True)
        return True

    def Filter(self, _number: int, _text: str | None, arguments: tuple[Any, ...]) -> None:
        self.asked = list(arguments)
        wanted = arguments[0] if arguments else set(range(10))
        self.left = sorted(number for number in wanted or () if number in range(10))

    def Eof(self) -> bool:
        return not self.left

    def Next(self) -> None:
        del self.left[0]

    def Rowid(self) -> int:
        return self.left[0]

    def Column(self, place: int) -> int:
        return self.left[0]


@pytest.mark.parametrize(
    ("values", "rows"),
    [("()", []), ("(SELECT 1 WHERE 0)", []), ("(NULL)", []), ("(1, 2, 99)", [(1,), (2,)]), ("(1, NULL)", [(1,)])],
)
def test_apsw_hands_over_sets_the_empty_one_too(values: str, rows: list[tuple[int]]) -> None:
    """apsw 3.54.0 and 3.54.1 raise SQLError('<NULL>') for the empty set, hence `<3.54` in pyproject.toml.

    A later release with which this passes may be let in.
    """
    table: Any = _Table()
    database = apsw.Connection(":memory:")
    database.create_module("sets", table, use_bestindex_object=True)
    database.execute("CREATE VIRTUAL TABLE numbers USING sets")
    assert database.execute(f"SELECT number FROM numbers WHERE number IN {values}").fetchall() == rows
    # SQLite takes IN of a single value for an equality, and an empty list for false.
    assert all(asked is None or isinstance(asked, (set, int)) for asked in table.asked)


def test_no_pattern_repeats_a_group_possessively() -> None:
    # Up to Python 3.11.4, `(…)*+` and `(?>…)` match wrongly where the group itself can backtrack (gh-106052); Debian 12
    # has 3.11.2. On a single character or class possessive repeats are right everywhere.
    package = Path(imapdb.__file__).parent
    wrong = re.compile(r"(?<!\\)\)[*+?]\+|\(\?>")
    quoted = re.compile(r"""r?b?(?:"[^"\n]*"|'[^'\n]*')""")
    for source in package.rglob("*.py"):
        for text in quoted.findall(source.read_text(encoding="utf-8")):
            assert not wrong.search(text), f"{source.name}: {text}"
