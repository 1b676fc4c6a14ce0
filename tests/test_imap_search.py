"""Keys joined and written, and keys too long for one command: what several commands find is what one would have."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb.imap import keys, search, sets
from imapdb.imap.keys import ALL, NOTHING, Key, both, either
from tests.kit.searching import Perfect, finds

if TYPE_CHECKING:
    from array import array

    from tests.kit.oracle import Row

A, B, C, D = (keys.system_flag(name, True) for name in ("seen", "answered", "flagged", "draft"))
LONGEST_COMMAND = 8_000
ROWS: list[Row] = [
    {
        "uid": uid,
        **{name: int(uid % number == 0) for number, name in enumerate(("seen", "answered", "flagged", "draft"), 2)},
        "flags": json.dumps(["work"] if uid % 3 else []),
        "size": uid * 7 % 50,
        "created": f"2024-02-{uid % 28 + 1:02} 12:00:00",
        "sent": None if uid % 4 == 0 else f"2024-03-{uid % 28 + 1:02} 12:00:00",
        "subject": None if uid % 5 == 0 else f"word{uid % 7} Größe{uid % 11}",
    }
    for uid in (*range(1, 40), 5_000, 100_000, 4_000_000_000)
]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (both([]), "ALL"), (either([]), "NOT ALL"), (both([A]), "SEEN"), (either([A]), "SEEN"),
        (both([A, ALL]), "SEEN"), (either([A, ALL]), "ALL"), (both([A, NOTHING]), "NOT ALL"),
        (either([A, NOTHING]), "SEEN"), (both([ALL, ALL]), "ALL"), (either([NOTHING, NOTHING]), "NOT ALL"),
        (both([A, A]), "SEEN"), (either([A, A]), "SEEN"), (both([A, B]), "SEEN ANSWERED"),
        (either([A, B]), "OR SEEN ANSWERED"), (both([A, both([B, C])]), "SEEN ANSWERED FLAGGED"),
        (both([both([A, B]), both([B, A])]), "SEEN ANSWERED"),
        (either([A, either([B, C])]), "OR SEEN OR ANSWERED FLAGGED"),
        (either([either([A, B]), either([C, D])]), "OR OR SEEN ANSWERED OR FLAGGED DRAFT"),
        (either([A, both([B, C])]), "OR SEEN (ANSWERED FLAGGED)"),
        (both([A, either([B, C])]), "SEEN OR ANSWERED FLAGGED"),
        (both([either([A, B]), either([C, D])]), "OR SEEN ANSWERED OR FLAGGED DRAFT"),
        (either([both([A, B]), both([C, D])]), "OR (SEEN ANSWERED) (FLAGGED DRAFT)"),
        (either([both([A, either([B, C])]), D]), "OR (SEEN OR ANSWERED FLAGGED) DRAFT"),
        (either([both([A, NOTHING]), B]), "ANSWERED"), (both([either([A, ALL]), B]), "ANSWERED"),
        (either([keys.undated(), A]), "OR NOT SENTSINCE 2-Jan-1970 SEEN"),
    ],
)  # fmt: skip
def test_keys_joined(key: Key, said: str) -> None:
    assert str(key) == said


def test_an_or_of_many_nests_no_deeper_than_it_must() -> None:
    written = str(either(keys.uid_range(uid, uid) for uid in range(1, 1025)))
    deepest, open_ = 0, 0
    # In prefix notation the number of operands still to come grows by one with each OR.
    for word in written.replace("UID ", "UID").split():
        open_ += 1 if word == "OR" else -1
        deepest = max(deepest, open_)
    assert written.count("OR") == 1023
    assert deepest == 10


def uid_sets(most: int = 4_000) -> st.SearchStrategy[Key]:
    """UIDs with gaps, so that a set of many is long; of some of the rows among them."""
    return st.builds(
        lambda first, count, step: keys.uids({first + number * step for number in range(count)} | {5_000}),
        st.integers(1, 200_000), st.integers(1, most), st.integers(2, 5),
    )  # fmt: skip


def many_words() -> st.SearchStrategy[Key]:
    return st.builds(
        lambda count, part, word: either([keys.text("SUBJECT", f"{word}{n}{part}") for n in range(count)]),
        st.integers(1, 600), st.sampled_from(("", "xxxxxxxxxxxxxxxx")), st.sampled_from(("word", "größe")),
    )  # fmt: skip


SHORT = st.one_of(
    st.sampled_from((A, B, C, D, ALL, NOTHING, keys.system_flag("seen", False), keys.keyword("work"), keys.undated())),
    st.builds(keys.larger, st.integers(0, 50)),
    st.builds(lambda day: keys.since(datetime.date(2024, 2, day)), st.integers(1, 28)),
    st.builds(lambda word: keys.text("SUBJECT", word), st.sampled_from(("word1", "größe2", 'x"y'))),
)
KEYS = st.recursive(
    st.one_of(SHORT, SHORT, uid_sets(), many_words()),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=5).map(both), st.lists(inner, min_size=1, max_size=5).map(either)
    ),
    max_leaves=12,
)


def split(key: Key) -> tuple[set[int], list[Key]]:
    """Find what a key holds for as `search` does, on a server that finds what it should."""
    asked: list[Key] = []

    def ask(part: Key) -> array[int]:
        asked.append(part)
        return sets.uid_array(sorted(finds(part, ROWS)))

    found = search._found(key, ask)
    assert list(found) == sorted(set(found))
    return set(found), asked


@given(key=KEYS)
def test_several_commands_find_what_one_would(key: Key) -> None:
    found, asked = split(key)
    assert found == finds(key, ROWS)
    for part, command in zip(asked, search.commands(key, esearch=True), strict=True):
        assert part.octets <= search.MAX_KEY
        assert len(command.encode()) < LONGEST_COMMAND
    assert len(asked) == 1 or key.octets > search.MAX_KEY


def set_of_octets(octets: int) -> Key:
    """A UID set as long as that, of UIDs of four digits and, at the end, of five."""
    fives = octets % 5
    uids = [*range(1_000, 1_000 + 2 * ((octets - 6 * fives) // 5), 2), *range(10_000, 10_000 + 2 * fives, 2)]
    return keys.uids(uids)


@pytest.mark.parametrize("octets", range(3_490, 3_506))
def test_a_list_of_just_half_a_command_is_cut_too(octets: int) -> None:
    """It was not, once, and the search went on for ever."""
    beside = next(key for n in range(3_500) if (key := keys.text("SUBJECT", "x" * n)).octets == search.MAX_KEY // 2 - 1)
    found, asked = split(both([set_of_octets(octets), beside]))
    assert found == set()
    assert all(part.octets <= search.MAX_KEY for part in asked)


def test_one_value_that_is_too_long_goes_out_as_it_is() -> None:
    key = both([A, keys.text("SUBJECT", "x" * 9_000), keys.uids(range(1, 6_000, 2))])
    found, asked = split(key)
    assert found == set()
    assert [part for part in asked if part.octets > search.MAX_KEY] == [keys.text("SUBJECT", "x" * 9_000)]


@pytest.mark.parametrize(
    ("key", "uids"),
    [
        (keys.uid_range(1, 3), {1, 2, 3}), (both([keys.uid_range(1, 9), A]), {2, 4, 6, 8}),
        (both([keys.uid_range(1, 9), keys.system_flag("seen", False)]), {1, 3, 5, 7, 9}),
        (both([keys.uid_range(1, 6), keys.keyword("WORK")]), {1, 2, 4, 5}),
        (both([keys.uid_range(1, 6), keys.keyword("work", value=False)]), {3, 6}),
        (both([keys.uid_range(1, 4), keys.larger(7), keys.smaller(22)]), {2, 3}),
        (both([keys.uid_range(1, 5), keys.since(datetime.date(2024, 2, 4))]), {3, 4, 5}),
        (both([keys.uid_range(1, 5), keys.before(datetime.date(2024, 2, 4))]), {1, 2}),
        (both([keys.uid_range(1, 5), keys.undated()]), {4}),
        (both([keys.uid_range(1, 9), keys.text("SUBJECT", "GRÖSSE8")]), {8}),
        (both([keys.uid_range(1, 9), keys.header("SUBJECT", "")]), {1, 2, 3, 4, 6, 7, 8, 9}),
        (both([keys.uid_range(1, 4), either([both([A, B]), both([keys.larger(20), C])])]), {4}), (NOTHING, set()),
    ],
)  # fmt: skip
def test_what_a_perfect_server_finds(key: Key, uids: set[int]) -> None:
    assert finds(key, ROWS) == uids


def test_a_server_elsewhere_counts_its_own_days() -> None:
    row = ROWS[0] | {"created": "2024-02-29 23:00:00"}
    key = keys.since(datetime.date(2024, 3, 1))
    assert [Perfect(zone).finds(key, row) for zone in (-12, 0, 1, 14)] == [False, False, True, True]
