"""The forms of an answer, over values nobody would want to see in a terminal."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from itertools import count, islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from imapdb.cli.formats import Column, columns_of, write_csv, write_json, write_tsv
from imapdb.cli.harmless import one_line, shown
from imapdb.cli.table import fitted, write_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COLUMNS = [Column("uid", "INTEGER"), Column("seen", "BOOLEAN"), Column("subject", "TEXT"), Column("flags", "JSON")]
HOSTILE = "\x1b]0;owned\x07 [red]x[/red]\r\nBcc: y\tz\0 \x9b2J \u202etxt.exe :smile:"
ROWS: list[tuple[object, ...]] = [
    (1, 1, "plain", '["\\\\Seen"]'),
    (2, 0, HOSTILE, "[]"),
    (3, None, None, "no json"),
    (4, 1, b"\0\xff", "日本語"),
]


def table(columns: Sequence[Column], rows: Sequence[Sequence[object]], width: int = 200) -> list[str]:
    out = io.StringIO()
    write_table(Console(file=out, width=width, markup=False, emoji=False, highlight=False), columns, rows)
    return out.getvalue().splitlines()


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("plain", "plain"),
        ("Grüße, 日本語, \u200f\u05e9", "Grüße, 日本語, \u200f\u05e9"),
        ("a\r\n b\tc\u2028d", "a  b c d"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x9b\x7f\0", "\\x9b\\x7f\\x00"),
        ("\u202e\u2066\ud800", "\\u202e\\u2066\\ud800"),
    ],
)
def test_one_line(value: str, line: str) -> None:
    assert one_line(value) == line


@given(st.text())
def test_no_text_reaches_a_terminal_with_controls(value: str) -> None:
    line = one_line(value)
    assert not [char for char in line if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")]
    assert one_line(line) == line


def test_shown() -> None:
    assert [shown(value) for value in (None, 5, 1.5, b"x" * 1234, "a\nb")] == ["", "5", "1.5", "(1,234 octets)", "a b"]


def test_columns_of_a_description() -> None:
    description = [("uid", "integer", None, None, None, None, None), ("count(*)", None, None, None, None, None, None)]
    assert columns_of(description) == [Column("uid", "INTEGER"), Column("count(*)", "")]


def test_tab_separated_has_one_line_per_row_and_no_heading() -> None:
    out = io.StringIO()
    write_tsv(out, ROWS)
    lines = out.getvalue().split("\n")
    assert lines == [
        '1\t1\tplain\t["\\\\Seen"]',
        "2\t0\t\\x1b]0;owned\\x07 [red]x[/red] Bcc: y z\\x00 \\x9b2J \\u202etxt.exe :smile:\t[]",
        "3\t\t\tno json",
        "4\t1\tAP8=\t日本語",
        "",
    ]


def test_csv_keeps_values() -> None:
    out = io.StringIO(newline="")
    write_csv(out, COLUMNS, ROWS, careful=False)
    read = list(csv.reader(io.StringIO(out.getvalue(), newline="")))
    assert read == [
        ["uid", "seen", "subject", "flags"],
        ["1", "1", "plain", '["\\\\Seen"]'],
        ["2", "0", HOSTILE, "[]"],
        ["3", "", "", "no json"],
        ["4", "1", "AP8=", "日本語"],
    ]


def test_csv_on_a_terminal_is_harmless() -> None:
    out = io.StringIO()
    write_csv(out, COLUMNS, ROWS, careful=True)
    assert "\x1b" not in out.getvalue()
    assert len(out.getvalue().splitlines()) == len(ROWS) + 1


def test_json_keeps_values_and_types() -> None:
    out = io.StringIO()
    write_json(out, COLUMNS, ROWS)
    assert json.loads(out.getvalue()) == [
        {"uid": 1, "seen": True, "subject": "plain", "flags": ["\\Seen"]},
        {"uid": 2, "seen": False, "subject": HOSTILE, "flags": []},
        {"uid": 3, "seen": None, "subject": None, "flags": "no json"},
        {"uid": 4, "seen": True, "subject": "AP8=", "flags": "日本語"},
    ]
    assert "\x9b" not in out.getvalue()
    assert "\u202e" not in out.getvalue()


def test_json_of_nothing_and_of_names_that_come_again() -> None:
    out = io.StringIO()
    write_json(out, COLUMNS, [])
    assert json.loads(out.getvalue()) == []
    out = io.StringIO()
    write_json(out, [Column("a"), Column("a"), Column("a_2"), Column("x")], [(1, 2, 3, float("inf"))])
    assert json.loads(out.getvalue()) == [{"a": 1, "a_2": 2, "a_2_2": 3, "x": None}]


def test_json_in_an_encoding_that_lacks_the_characters() -> None:
    octets = io.BytesIO()
    out = io.TextIOWrapper(octets, encoding="iso-8859-1")
    write_json(out, COLUMNS, ROWS)
    out.flush()
    assert json.loads(octets.getvalue())[3]["flags"] == "日本語"


@given(st.text())
def test_json_reads_back(value: str) -> None:
    out = io.StringIO()
    write_json(out, [Column("x")], [(value,)])
    assert json.loads(out.getvalue()) == [{"x": value}]


@pytest.mark.parametrize("write", [write_tsv, lambda out, rows: write_json(out, [Column("n")], rows)])
def test_rows_are_written_as_they_arrive(write: object) -> None:
    taken = []

    def rows() -> Iterator[tuple[int]]:
        for number in count():
            taken.append(number)
            yield (number,)

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            if len(self.getvalue()) > 100:
                raise BrokenPipeError
            return super().write(text)

    assert callable(write)
    with pytest.raises(BrokenPipeError):
        write(Full(), rows())
    assert len(taken) < 60


def test_table_is_text_and_nothing_else() -> None:
    lines = table(COLUMNS, ROWS)
    assert len(lines) == len(ROWS) + 1
    assert lines[0].split() == ["uid", "seen", "subject", "flags"]
    assert "[red]x[/red]" in lines[2]
    assert ":smile:" in lines[2]
    assert "\x1b" not in "".join(lines)
    assert "(2 octets)" in lines[4]


def test_table_fits_the_screen() -> None:
    rows = [(1, 1, "ü" * 300, "日本語" * 50), (2, 0, "short", "short")]
    lines = table(COLUMNS, rows, width=60)
    assert max(map(cell_len, lines)) <= 60
    assert "…" in lines[1]


def test_table_shows_numbers_whole() -> None:
    lines = table([Column("n"), Column("s")], [(5, "x")] * 100 + [(1234, "y"), (123456, "z")], width=40)
    assert [line.split() for line in lines[-3:]] == [["1234", "y"], ["1234", "z"], ["56"]]


def test_table_becomes_lists_where_columns_get_too_narrow() -> None:
    lines = table([Column(f"c{n}") for n in range(10)], [tuple("a value that is long" for _ in range(10))], width=60)
    assert lines[0] == "row 1"
    assert lines[1] == "c0  a value that is long"
    assert len(lines) == 11


def test_table_of_nothing() -> None:
    assert table(COLUMNS, []) == ["uid  seen  subject  flags", "(no rows)"]


def test_table_says_that_dates_are_utc() -> None:
    assert table([Column("created", "DATETIME")], [("2026-11-20 10:00:00",)])[0].strip() == "created (UTC)"


def test_table_starts_before_the_last_row_is_there() -> None:
    seen_at = []
    out = io.StringIO()

    def rows() -> Iterator[tuple[int]]:
        for number in islice(count(), 1000):
            seen_at.append(len(out.getvalue()))
            yield (number,)

    write_table(Console(file=out, width=40), [Column("n")], rows())
    assert seen_at[0] == 0
    assert seen_at[300] > 0
    assert len(out.getvalue().splitlines()) == 1001


@given(st.lists(st.integers(0, 300), min_size=1, max_size=20), st.integers(20, 300))
def test_fitted(natural: list[int], room: int) -> None:
    widths = fitted(natural, room)
    assert sum(widths) <= room
    assert all(given <= wanted for given, wanted in zip(widths, natural, strict=True))
    if sum(natural) <= room:
        assert widths == natural
