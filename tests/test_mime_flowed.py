"""format=flowed: what RFC 3676 says, and what mailers make of it."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb.mime.flowed import unflow


@pytest.mark.parametrize(
    ("flowed", "text"),
    [
        ("", ""),
        ("fixed\nfixed too\n", "fixed\nfixed too\n"),
        ("one \ntwo \nthree\nfour", "one two three\nfour"),
        # Stuffing: a space before what begins with a space, with > or with From.
        ("  indented\n >no quote\n From me", " indented\n>no quote\nFrom me"),
        (" stuffed \n  and joined", "stuffed  and joined"),
        # Quotes
        ("> one \n> two\n>> three \n>> four\nanswer", "> one two\n>> three four\nanswer"),
        (">one \n>two", "> one two"),
        (">\n> a\n>", ">\n> a\n>"),
        ("> > not deeper", "> > not deeper"),
        # Breaks that join nothing
        ("> one \nanswer", "> one\nanswer"),
        ("> one \n>> two", "> one\n>> two"),
        ("one \n\ntwo", "one\n\ntwo"),
        ("> one \n>\n> two", "> one\n>\n> two"),
        ("one \n-- \nme", "one\n-- \nme"),
        ("> one \n> -- \n> me", "> one\n> -- \n> me"),
        ("-- \nname \nstreet", "-- \nname street"),
        ("-- no signature \nbut text", "-- no signature but text"),
        ("the end ", "the end"),
        ("the end \n", "the end\n"),
        (" \nx", "\nx"),
    ],
)
def test_flowed(flowed: str, text: str) -> None:
    assert unflow(flowed) == text


@pytest.mark.parametrize(
    ("flowed", "text"),
    [
        ("これは \n一行", "これは一行"),
        ("two  \nwords", "two words"),
        ("> quo \n> ted", "> quoted"),
        ("one \n-- \nme", "one\n-- \nme"),
    ],
)
def test_delsp(flowed: str, text: str) -> None:
    assert unflow(flowed, delsp=True) == text


WORD = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=9)
PARAGRAPH = st.lists(WORD, max_size=30).map(" ".join)


@given(st.lists(st.tuples(st.integers(0, 3), PARAGRAPH), max_size=6))
def test_what_was_flowed_comes_back(paragraphs: list[tuple[int, str]]) -> None:
    lines: list[str] = []
    for depth, paragraph in paragraphs:
        pieces = textwrap.wrap(paragraph, 30, break_long_words=False) or [""]
        for number, piece in enumerate(pieces, 1):
            stuffed = f" {piece}" if depth and piece else piece
            lines.append(">" * depth + stuffed + (" " if number < len(pieces) else ""))
    wanted = [f"{'>' * depth} {text}" if depth and text else ">" * depth + text for depth, text in paragraphs]
    assert unflow("\n".join(lines)) == "\n".join(wanted)


@given(st.text(st.sampled_from("> -a\n"), max_size=60), st.booleans())
def test_anything_is_read(text: str, delsp: bool) -> None:
    lines = unflow(text, delsp=delsp).split("\n")
    assert len(lines) <= text.count("\n") + 1
    assert "".join(lines).count("a") == text.count("a")


@pytest.mark.parametrize("piece", [">", " ", "a \n", "> \n", "\n", "-- \n", " >\n"])
def test_any_long_run_is_read(piece: str) -> None:
    unflow(piece * (300_000 // len(piece)))
