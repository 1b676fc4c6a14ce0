"""The SQL functions, against slow and plain references."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import apsw
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imapdb.sql.functions import SCALARS, register

if TYPE_CHECKING:
    from collections.abc import Callable

call: dict[str, Callable[..., Any]] = SCALARS
MARKS = st.text("aAbßs%_\\.*(\n", max_size=12)


@pytest.mark.parametrize("name", sorted(set(SCALARS) - {"escaped", "unescaped"}))
def test_null_gives_null(name: str) -> None:
    assert call[name](None, "a") is None
    assert call[name]("[]", None) is None
    assert call[name](None, None) is None


@pytest.mark.parametrize(
    ("name", "text", "part", "said"),
    [
        ("contains", "Grüße aus Köln", "GRÜSSE", 1), ("contains", "abc", "", 1), ("contains", "100%", "0%", 1),
        ("contains", "a_b", "a%b", 0), ("icontains", "ΣΑΣ", "σας", 1), ("startswith", "Re: x", "re:", 1),
        ("startswith", "x re:", "re:", 0), ("istartswith", "Straße", "STRASS", 1), ("endswith", "a.PDF", ".pdf", 1),
        ("endswith", "a.pdf ", ".pdf", 0), ("iendswith", "Fuß", "SS", 1), ("contains", 12345, 234, 1),
        ("contains", b"Caf\xc3\xa9", "FÉ", 1), ("contains", b"\xff", "x", 0),
    ],
)  # fmt: skip
def test_substrings_fold_case_as_unicode_does(name: str, text: Any, part: Any, said: int) -> None:
    assert call[name](text, part) == said


def matches(text: str, pattern: str) -> bool:
    """Match by trying everything."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(matches(text[skipped:], pattern[1:]) for skipped in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and matches(text[1:], pattern[1:])


@given(text=MARKS, pattern=MARKS)
@example(text="aab", pattern="%ab")
@example(text="abab", pattern="a%ab")
@example(text="a\nb", pattern="a_b")
@example(text="ß", pattern="__")
def test_ilike_is_the_slow_matcher(text: str, pattern: str) -> None:
    assert call["ilike"](text, pattern) == matches(text.casefold(), pattern.casefold())


@given(text=MARKS, plain=MARKS)
@example(text="A", plain="a")
def test_what_is_escaped_stands_for_itself(text: str, plain: str) -> None:
    pattern = "".join("!" + char for char in plain)
    assert call["ilike"](text, call["escaped"](pattern, "!")) == (text.casefold() == plain.casefold())
    assert call["unescaped"](pattern, "!") == plain


@pytest.mark.parametrize("odd", [(None, "!"), ("a", None), ("a", ""), ("a", "!!"), (5, "!"), (b"a", "!")])
def test_an_escape_that_is_none_changes_nothing(odd: tuple[Any, Any]) -> None:
    assert call["escaped"](*odd) == odd[0]
    assert call["unescaped"](*odd) == odd[0]


def test_many_stretches_of_a_pattern_come_to_an_end() -> None:
    """Backtracking over forty of them would not end in a lifetime."""
    assert call["ilike"]("a" * 5_000, "%a" * 40 + "%b") == 0
    assert call["ilike"]("a" * 5_000 + "b", "%a" * 40 + "%b") == 1
    assert call["ilike"]("ab" * 2_500, "%ab_" * 40 + "%c%") == 0


@pytest.mark.parametrize(
    ("flags", "name", "said"),
    [
        (["\\Seen", "Work"], "work", 1), (["\\Seen"], "\\SEEN", 1), (["\\Seen"], "Seen", 0), ([], "a", 0),
        (["a b"], "a", 0),
        (["ÄB"], "äb", 1), (["a"], "", 0), (["5"], 5, None),
    ],
)  # fmt: skip
def test_has_flag_is_a_member_in_any_case(flags: list[str], name: Any, said: int | None) -> None:
    assert call["has_flag"](json.dumps(flags), name) == said


def test_has_flag_of_what_is_no_list() -> None:
    assert call["has_flag"]("no json", "a") == 0
    assert call["has_flag"]('{"a": 1}', "a") == 0
    assert call["has_flag"](5, "a") is None


def test_every_function_is_there_in_sql() -> None:
    database = apsw.Connection(":memory:")
    register(database)
    for name in SCALARS:
        database.execute(f"SELECT {name}('a', 'b')").fetchall()
    assert database.execute("SELECT ilike('Größe', 'GRÖSS_')").fetchall() == [(1,)]
