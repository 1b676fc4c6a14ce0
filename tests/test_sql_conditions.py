"""Which key of SEARCH each operator of each column becomes, and whether SQLite still checks it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb.imap.profiles import GENERIC, PROFILES, Profile, recognise
from imapdb.imap.sets import MAX_SIGNED, MAX_UID
from imapdb.sql.columns import COLUMNS, by_name
from imapdb.sql.words import LONGEST_WORD, MOST_WORDS, fragments

DOVECOT, GREENMAIL, PYMAP = (PROFILES[name] for name in ("dovecot", "greenmail", "pymap"))
if TYPE_CHECKING:
    from imapdb.sql.narrowing import Condition, Narrowing

NEVER = "never"
EVERY = "every"


def condition(column: str) -> Condition:
    found = COLUMNS[by_name()[column]].condition
    assert found is not None
    return found


def said(narrowing: Narrowing) -> str:
    if narrowing.never:
        return NEVER
    if narrowing.key is not None:
        return str(narrowing.key)
    if narrowing.uids is not None:
        listed = narrowing.uids
        return f"uids {listed[0]}:{listed[-1]}" if isinstance(listed, range) else f"uids {sorted(listed)}"
    return EVERY


def narrow(column: str, operator: str, value: Any, profile: Profile = DOVECOT) -> str:
    return said(condition(column).narrow(operator, value, profile))


def test_the_columns_that_sqlite_need_not_check() -> None:
    exact = {column.name for column in COLUMNS if column.condition is not None and column.condition.exact}
    assert exact == {"uid", "seen", "answered", "flagged", "deleted", "draft", "recent", "flags", "size"}


@pytest.mark.parametrize("name", ["seen", "answered", "flagged", "deleted", "draft"])
def test_a_flag_is_its_key_or_the_opposite(name: str) -> None:
    assert narrow(name, "=", 1) == name.upper()
    assert narrow(name, "=", 0) == f"UN{name.upper()}"


@pytest.mark.parametrize(
    ("operator", "value", "key"),
    [
        ("=", 1, "SEEN"), ("=", True, "SEEN"), ("=", "1", "SEEN"), ("=", 1.0, "SEEN"), ("=", "0", "UNSEEN"),
        ("=", 2, NEVER), ("=", -1, NEVER), ("=", 0.5, NEVER), ("=", "abc", NEVER), ("=", b"1", NEVER),
        ("=", None, NEVER), ("IS", None, NEVER), ("IS", 1, "SEEN"), ("IS NOT", None, EVERY), ("IS NOT", 1, "UNSEEN"),
        ("IS NOT", 2, EVERY), ("!=", 1, "UNSEEN"), ("!=", 2, EVERY), ("!=", None, NEVER), ("!=", "abc", EVERY),
        ("<", 1, "UNSEEN"), ("<", 0, NEVER), ("<", "abc", EVERY), ("<=", 0, "UNSEEN"), ("<=", 1, EVERY),
        (">", 0, "SEEN"), (">", 0.5, "SEEN"), (">", 1, NEVER), (">", "abc", NEVER), (">=", 1, "SEEN"),
        (">=", 0, EVERY), (">", b"", NEVER), ("IS NULL", None, NEVER), ("IS NOT NULL", None, EVERY),
    ],
)  # fmt: skip
def test_whatever_is_compared_with_a_flag(operator: str, value: Any, key: str) -> None:
    assert narrow("seen", operator, value) == key


def test_a_set_of_flags() -> None:
    for values, key in (
        ({0}, "UNSEEN"),
        ({1, 5}, "SEEN"),
        ({0, 1}, EVERY),
        ({"x"}, NEVER),
        ({None}, NEVER),
        ((), NEVER),
    ):
        assert said(condition("seen").narrow_set(frozenset(values), DOVECOT)) == key


def test_a_searched_flag_need_not_be_fetched() -> None:
    assert condition("seen").narrow("=", 0, DOVECOT).constant == 0
    assert condition("seen").narrow(">=", 0, DOVECOT).constant is None


def test_recent_is_not_old_nor_new() -> None:
    assert narrow("recent", "=", 1) == "RECENT"
    assert narrow("recent", "=", 0) == "NOT RECENT"


@pytest.mark.parametrize(
    ("operator", "value", "uids"),
    [
        ("=", 5, "uids 5:5"), ("=", "5", "uids 5:5"), ("IS", 5.0, "uids 5:5"), ("=", 5.5, NEVER), ("=", 0, NEVER),
        ("=", MAX_UID + 1, NEVER), ("=", "x", NEVER), ("IS", None, NEVER), (">", 10, f"uids 11:{MAX_UID}"),
        (">=", 10, f"uids 10:{MAX_UID}"), ("<", 10, "uids 1:9"), ("<=", 10.5, "uids 1:10"), ("<", 1, NEVER),
        (">", MAX_UID, NEVER), ("<", "x", f"uids 1:{MAX_UID}"), (">", -3, f"uids 1:{MAX_UID}"),
    ],
)  # fmt: skip
def test_whatever_is_compared_with_a_uid(operator: str, value: Any, uids: str) -> None:
    assert narrow("uid", operator, value) == uids


def test_a_set_of_uids_keeps_what_can_be_one() -> None:
    values = frozenset({5, "7", 8.5, None, 0, 2**32, b"9", "x", 3.0})
    assert said(condition("uid").narrow_set(values, DOVECOT)) == "uids [3, 5, 7]"
    assert said(condition("uid").narrow_set(frozenset({None, 0}), DOVECOT)) == NEVER


@pytest.mark.parametrize(
    ("operator", "value", "key"),
    [
        ("=", 100, "LARGER 99 SMALLER 101"), ("=", 0, "SMALLER 1"), ("=", -1, NEVER), ("=", 5.5, NEVER),
        (">", 100, "LARGER 100"), (">=", 100, "LARGER 99"), (">", -1, EVERY), (">=", 0, EVERY),
        ("<", 100, "SMALLER 100"),
        ("<=", 100, "SMALLER 101"), ("<", 0, NEVER), ("<", "x", EVERY), (">", "x", NEVER), ("IS", None, NEVER),
        ("<=", "100.5", "SMALLER 101"), ("<", 0.5, "SMALLER 1"), (">", MAX_UID, f"LARGER {MAX_SIGNED}"),
        (">", 2**40, f"LARGER {MAX_SIGNED}"), ("<", 2**40, EVERY),
        ("<", MAX_SIGNED, f"SMALLER {MAX_SIGNED}"),
    ],
)  # fmt: skip
def test_whatever_is_compared_with_a_size(operator: str, value: Any, key: str) -> None:
    assert narrow("size", operator, value) == key


@pytest.mark.parametrize(
    ("operator", "value", "unproved"),
    [
        (">", 100, False), ("<", 100, False), (">=", 0, False), ("<", "x", False), (">", MAX_SIGNED, False),
        (">", MAX_SIGNED + 1, True), ("<", MAX_SIGNED, False), ("<=", MAX_SIGNED, True), ("<", 2**40, True),
        ("=", 2**33, True),
    ],
)  # fmt: skip
def test_what_32_bits_cannot_say_of_a_size_is_decided_here(operator: str, value: Any, unproved: bool) -> None:
    narrowing = condition("size").narrow(operator, value, DOVECOT)
    assert narrowing.is_unproved == unproved
    assert narrowing.accepts is not None
    for held in (0, 99, 100, 101, MAX_SIGNED, MAX_SIGNED + 1, MAX_UID, MAX_UID + 1, 2**33, 2**40, 2**50):
        number = float("inf") if value == "x" else value
        told = {">": held > number, "<": held < number, ">=": held >= number, "<=": held <= number, "=": held == number}
        assert narrowing.accepts(held) == told[operator]


def test_greenmail_is_not_asked_for_sizes() -> None:
    narrowing = condition("size").narrow(">", 100, GREENMAIL)
    assert said(narrowing) == EVERY
    assert narrowing.is_unproved


@pytest.mark.parametrize(
    ("operator", "value", "key"),
    [
        ("=", "2024-02-29 12:00:00", "SINCE 28-Feb-2024 BEFORE 2-Mar-2024"),
        (">", "2024-02-29", "SINCE 28-Feb-2024"), (">=", "2024-03-01 00:00:00", "SINCE 29-Feb-2024"),
        ("<", "2024-02-29 23:59:59", "BEFORE 2-Mar-2024"), ("<=", "2024-12-31", "BEFORE 2-Jan-2025"),
        (">", "2024-02-30", EVERY), (">", "2024", EVERY), (">", "", EVERY), (">", 5, EVERY), (">", "1970-01-05", EVERY),
        ("<", "2037-01-05", EVERY), ("<", "9999-12-31", EVERY), (">", "٢٠٢٤-02-29", EVERY), ("=", b"2024-02-29", EVERY),
    ],
)  # fmt: skip
def test_a_date_is_asked_for_by_days_wider_than_any_zone(operator: str, value: Any, key: str) -> None:
    assert narrow("created", operator, value) == key


@pytest.mark.parametrize(
    ("operator", "value", "key"),
    [
        ("LIKE", "2026-11-%", "SINCE 31-Oct-2026 BEFORE 2-Dec-2026"),
        ("LIKE", "2026-11-_0 12%", "SINCE 31-Oct-2026 BEFORE 2-Dec-2026"),
        ("LIKE", "2026-12-%", "SINCE 30-Nov-2026 BEFORE 2-Jan-2027"),
        ("LIKE", "2024-02-%", "SINCE 31-Jan-2024 BEFORE 2-Mar-2024"),
        ("LIKE", "2023-02-%", "SINCE 31-Jan-2023 BEFORE 2-Mar-2023"),
        ("LIKE", "2026-%", "SINCE 31-Dec-2025 BEFORE 2-Jan-2027"),
        ("LIKE", "2026-__-20%", "SINCE 31-Dec-2025 BEFORE 2-Jan-2027"),
        ("LIKE", "2026-11-20%", "SINCE 19-Nov-2026 BEFORE 22-Nov-2026"),
        ("GLOB", "2026-11-*", "SINCE 31-Oct-2026 BEFORE 2-Dec-2026"),
        ("GLOB", "2026-11-?? *", "SINCE 31-Oct-2026 BEFORE 2-Dec-2026"),
        ("GLOB", "2026-11-[12]*", "SINCE 31-Oct-2026 BEFORE 2-Dec-2026"),
        ("GLOB", "2026-*", "SINCE 31-Dec-2025 BEFORE 2-Jan-2027"),
        ("LIKE", "1971-%", "SINCE 31-Dec-1970 BEFORE 2-Jan-1972"),
        ("LIKE", "2036-12-%", "SINCE 30-Nov-2036 BEFORE 2-Jan-2037"),
        ("LIKE", "1970-%", EVERY), ("LIKE", "2037-01-%", EVERY), ("LIKE", "0000-%", EVERY), ("LIKE", "9999-%", EVERY),
        ("LIKE", "2026-00-%", EVERY), ("LIKE", "2026-13-%", EVERY), ("LIKE", "2026-11-", EVERY),
        ("LIKE", "2026-", EVERY),
        ("LIKE", "2026-1%", EVERY), ("LIKE", "2026-11-2%", EVERY), ("LIKE", "2026%", EVERY),
        ("LIKE", "202_-11-%", EVERY),
        ("LIKE", "2026_11-%", EVERY), ("LIKE", "%2026-11-%", EVERY), ("LIKE", " 2026-11-%", EVERY),
        ("LIKE", "2026-11-*", EVERY), ("LIKE", "2026-11-?", EVERY), ("LIKE", "2026-[0-9]", EVERY),
        ("GLOB", "2026-11-%", EVERY), ("GLOB", "2026-11-_", EVERY), ("GLOB", "[2]026-11-*", EVERY),
        ("LIKE", "٢٠٢٦-11-%", EVERY), ("LIKE", b"2026-11-%", EVERY), ("LIKE", 2026, EVERY), ("LIKE", "", EVERY),
        ("LIKE", "2026-11-%\n", "SINCE 31-Oct-2026 BEFORE 2-Dec-2026"),
        ("=", "2026-11-%", EVERY), (">=", "2026-11-", EVERY), ("<", "2026-%", EVERY), ("IS", "2026-11-%", EVERY),
    ],
)  # fmt: skip
def test_a_pattern_that_names_a_month_or_a_year(operator: str, value: Any, key: str) -> None:
    assert narrow("created", operator, value) == key


def test_a_month_of_date_headers_is_wider_by_two_days() -> None:
    undated = "NOT SENTSINCE 2-Jan-1970"
    assert narrow("sent", "GLOB", "2026-11-*").startswith(
        f"OR SENTSINCE 30-Oct-2026 {undated} OR SENTBEFORE 3-Dec-2026 "
    )
    assert narrow("sent", "LIKE", "2026-%").startswith(f"OR SENTSINCE 30-Dec-2025 {undated} OR SENTBEFORE 3-Jan-2027 ")
    assert narrow("sent", "LIKE", "2026-%", GENERIC) == narrow("sent", "=", "2026-11-20", GENERIC)


@pytest.mark.parametrize(
    ("operator", "value", "key"),
    [
        ("LIKE", "%Smith, John <j%", 'FROM "Smith" FROM "John"'), ("LIKE", "%sales%", 'FROM "sales"'),
        ("contains", "meeting room", 'FROM "meeting" FROM "room"'), ("LIKE", "a_b%c", EVERY), ("LIKE", None, EVERY),
        ("LIKE", 5, EVERY), ("ilike", "%meeting%", 'FROM "meeting"'), ("contains", "", EVERY),
        ("contains", b"ab", EVERY),
        ("contains", "münchen", "OR FROM 'münchen' FROM \"xn--\""), ("contains", "Strasse", 'FROM "ra"'),
    ],
)  # fmt: skip
def test_only_the_words_of_a_pattern_are_asked_for(operator: str, value: Any, key: str) -> None:
    assert narrow("sender", operator, value) == key


def test_words_that_are_not_ascii_go_where_they_are_trusted() -> None:
    assert narrow("subject", "contains", "日本語 Grüße", DOVECOT) == "SUBJECT 'Grü' SUBJECT '日本語'"
    assert narrow("subject", "contains", "日本語 Grüße", GENERIC) == 'SUBJECT "Gr"'
    assert narrow("sender", "contains", "Müller", GREENMAIL) == EVERY


def test_a_server_that_folds_ascii_only_is_not_asked_for_s_and_k() -> None:
    assert narrow("subject", "contains", "packages", PYMAP) == 'SUBJECT "age" SUBJECT "pac"'
    assert narrow("subject", "contains", "packages", DOVECOT) == 'SUBJECT "package"'
    assert narrow("subject", "LIKE", "%packages%", PYMAP) == 'SUBJECT "packages"'


def test_at_most_so_many_words_of_such_a_length() -> None:
    words = [f"word{number}x" for number in range(30)] + ["y" * 300]
    picked = fragments(words, ascii_only=True, cut=None)
    assert len(picked) == MOST_WORDS
    assert picked[0] == "y" * LONGEST_WORD


def expanding() -> list[str]:
    """Give every character whose case folding an ASCII letter is part of."""
    return [c for c in map(chr, range(128, sys.maxunicode + 1)) if any(f.isascii() for f in c.casefold())]


EXPANDING = expanding()


@given(
    before=st.text("abcfhijklnstwy ", max_size=4),
    odd=st.sampled_from(EXPANDING),
    after=st.text("abcfhijklnstwy ", max_size=4),
    bounds=st.tuples(st.integers(0, 11), st.integers(0, 11)),
)
def test_no_word_is_asked_for_that_stands_in_one_character(
    before: str, odd: str, after: str, bounds: tuple[int, int]
) -> None:
    """A header with such a character is found by any part of what it folds to, as by a server that does not fold it."""
    pattern = f"{before}{odd}{after}".casefold()[min(bounds) : max(bounds)]
    # What a server sees that knows nothing of such characters.
    seen = f"{before}\0{after}"
    for word in fragments([pattern], ascii_only=True):
        assert word in seen


@pytest.mark.parametrize(
    ("value", "profile", "key"),
    [
        ("\\Seen", PYMAP, "SEEN"), ("\\RECENT", DOVECOT, "RECENT"), ("\\other", DOVECOT, EVERY),
        ("work", DOVECOT, "KEYWORD work"),
        ("work", PYMAP, EVERY), ("work", GENERIC, EVERY), ("no atom", DOVECOT, EVERY), ("a]", DOVECOT, EVERY),
        ("", DOVECOT, EVERY), ("x\r\nA1 LOGOUT", DOVECOT, EVERY), ("é", DOVECOT, EVERY), (5, DOVECOT, NEVER),
    ],
)  # fmt: skip
def test_has_flag_asks_for_the_flag(value: Any, profile: Profile, key: str) -> None:
    assert narrow("flags", "has_flag", value, profile) == key


def test_servers_are_known_by_what_they_say() -> None:
    assert recognise("* OK Dovecot ready.").name == "dovecot"
    assert recognise("", "GreenMail").name == "greenmail"
    assert recognise("* OK ready") is GENERIC


ANY_VALUE = st.one_of(
    st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(), st.binary(), st.dates().map(str)
)


@given(value=ANY_VALUE, others=st.frozensets(ANY_VALUE, max_size=4))
def test_no_value_raises_or_reaches_the_wire_as_a_command(value: Any, others: frozenset[Any]) -> None:
    for column in COLUMNS:
        if column.condition is None:
            continue
        for profile in (DOVECOT, PYMAP, GREENMAIL):
            # What MATCH is to search for is sent as it is, or refused.
            operators = column.condition.operators - {"MATCH"}
            narrowings = [column.condition.narrow(operator, value, profile) for operator in operators]
            narrowings.append(column.condition.narrow_set(others, profile))
            for narrowing in narrowings:
                for argument in () if narrowing.key is None else narrowing.key.arguments:
                    octets = argument if isinstance(argument, bytes) else argument.octets
                    assert not {b"\r"[0], b"\n"[0], 0} & set(octets)


def test_an_id_is_asked_for_in_its_own_words() -> None:
    """Servers decode an encoded word in an id, where it has no meaning and the column shows it as written."""
    assert narrow("message_id", "=", "<a.b-1@example.org>") == 'HEADER MESSAGE-ID "a.b-1@example.org"'
    assert narrow("message_id", "=", "=?utf-8?Q?=3Cm1=40example.org=3E?=") == EVERY
    assert narrow("references", "contains", "=?utf-8?Q?x?=") == EVERY
    assert narrow("subject", "=", "=?utf-8?Q?again?=") == 'SUBJECT "again" SUBJECT "utf"'
