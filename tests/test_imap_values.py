"""Sets, tokens and SEARCH: what is written, and what is read of good and bad answers."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb import errors
from imapdb.account import Account
from imapdb.imap import keys, search, sets
from imapdb.imap.connection import Connection
from imapdb.imap.tokens import tokens
from tests.kit.transcript import Transcript

uid_sets = st.sets(st.one_of(st.integers(1, 200), st.integers(1, sets.MAX_UID)), max_size=300)


@given(uid_sets)
def test_expand_undoes_compress(uids: set[int]) -> None:
    if uids:
        assert list(sets.expand(sets.compress(uids))) == sorted(uids)
    else:
        assert sets.compress(uids) == b""


@given(uid_sets, st.integers(25, 200))
def test_pieces_hold_everything_once_and_keep_to_the_limit(uids: set[int], limit: int) -> None:
    written = list(sets.pieces(uids, limit))
    assert all(len(piece) <= limit for piece in written)
    assert [uid for piece in written for uid in sets.expand(piece)] == sorted(uids)


@pytest.mark.parametrize(
    ("uids", "written"), [([1], b"1"), ([3, 1, 2, 2], b"1:3"), ([1, 2, 4], b"1:2,4"), ([sets.MAX_UID], b"4294967295")]
)
def test_compressed(uids: list[int], written: bytes) -> None:
    assert sets.compress(uids) == written


@pytest.mark.parametrize(
    ("written", "uids"), [(b"5:3,4", [3, 4, 5]), (b"9,1", [1, 9]), (b"1:3,2:4", [1, 2, 3, 4]), (b"7,7", [7])]
)
def test_expanded(written: bytes, uids: list[int]) -> None:
    assert list(sets.expand(written)) == uids


def set_of(runs: list[tuple[int, int]]) -> bytes:
    return b",".join([b"%d:%d" % (start, start + more) if more else b"%d" % start for start, more in runs])


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9)), min_size=1, max_size=8))
def test_whatever_order_a_set_is_in(runs: list[tuple[int, int]]) -> None:
    """In order it is read quickly, in any other order carefully: the same UIDs come of it."""
    expected = sorted({uid for start, more in runs for uid in range(start, start + more + 1)})
    assert list(sets.expand(set_of(runs))) == expected
    assert list(sets.expand(set_of(sorted(runs)))) == expected
    assert list(sets.expand(sets.compress(expected))) == expected


@pytest.mark.parametrize(
    "hostile",
    [b"", b",", b"1,", b"1:", b":1", b"*", b"1:*", b"-1", b"a", b"1 2", b"0", b"0:5", b"4294967296", b"1:4294967295",
     b"99999999999", b"1:999999999", b"1:2:3", b"1\r\n", b"1_0"],
)  # fmt: skip
def test_a_set_that_is_none_is_refused_at_once(hostile: bytes) -> None:
    with pytest.raises(errors.ProtocolError):
        sets.expand(hostile)


@pytest.mark.parametrize(
    ("response", "read"),
    [
        ([b"a NIL nil 12 \\Seen\r\n"], [b"a", None, None, b"12", b"\\Seen"]),
        ([b'"NIL" "a \\"b\\" \\\\" ""\r\n'], [b"NIL", b'a "b" \\', b""]),
        ([b"(() ((a)) b)\r\n"], [[[], [[b"a"]], b"b"]]),
        ([b"BODY[HEADER.FIELDS (FROM TO)]<0> x\r\n"], [b"BODY[HEADER.FIELDS (FROM TO)]<0>", b"x"]),
        ([b'BODY[HEADER.FIELDS ("FROM" "TO")] NIL\r\n'], [b'BODY[HEADER.FIELDS ("FROM" "TO")]', None]),
        ([b"binary.size[1.2] 5\r\n"], [b"binary.size[1.2]", b"5"]),
        ([b"FLAGS ($[x a]b) BODY[] {3}\r\n", b"a)(", b")\r\n"], [b"FLAGS", [b"$[x", b"a]b"], b"BODY[]", b"a)(", b")"]),
        ([b"[Gmail]/All x\r\n"], [b"[Gmail]/All", b"x"]),
        ([b"(a {1}\r\n", b"x", b" {2+}\r\n", b"yz", b")\r\n"], [[b"a", b"x", b"yz"]]),
        ([b'"open\r\n'], [b'"', b"open"]),
        ([b""], []),
    ],
)
def test_tokens(response: list[bytes], read: list[object]) -> None:
    if read[-1:] == [b")"]:
        with pytest.raises(errors.ProtocolError):
            tokens(response)
        response[-1] = b"\r\n"
        read = read[:-1]
    assert tokens(response) == read


@pytest.mark.parametrize("wrong", [b"(", b")", b"(()", b"(" * 100_000, b"(" * 300 + b")" * 300])
def test_parentheses_that_do_not_match_are_refused(wrong: bytes) -> None:
    with pytest.raises(errors.ProtocolError):
        tokens([wrong + b"\r\n"])


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_no_octets_make_the_tokens_fail_otherwise(parts: list[bytes]) -> None:
    try:
        tokens(parts)
    except errors.ProtocolError:
        return


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (keys.ALL, "ALL"),
        (keys.system_flag("seen", True), "SEEN"),
        (keys.system_flag("seen", False), "UNSEEN"),
        (keys.system_flag("recent", False), "NOT RECENT"),
        (keys.keyword("$Junk"), "KEYWORD $Junk"),
        (keys.larger(0), "LARGER 0"),
        (keys.smaller(sets.MAX_UID), "SMALLER 4294967295"),
        (keys.since(date(2024, 2, 29)), "SINCE 29-Feb-2024"),
        (keys.before(date(7, 1, 2)), "BEFORE 2-Jan-0007"),
        (keys.text("FROM", 'a "b"'), 'FROM "a \\"b\\""'),
        (keys.text("BODY", "é"), "BODY 'é'"),
        (keys.uids([1, 2, 3, 9]), "UID 1:3,9"),
        (keys.uid_range(5, 9), "UID 5:9"),
        (keys.both([]), "ALL"),
        (keys.both([keys.ALL, keys.larger(5), keys.uids([1])]), "LARGER 5 UID 1"),
    ],
)
def test_a_key_in_words(key: keys.Key, said: str) -> None:
    assert str(key) == said


def test_what_is_no_key_is_refused() -> None:
    for name in ("", "a b", "a(b", "a)", 'a"', "a*", "a%", "a\\", "é", "a]", "a{"):
        with pytest.raises(errors.UnsendableValue):
            keys.keyword(name)
    for size in (-1, sets.MAX_UID + 1):
        with pytest.raises(errors.UnsendableValue):
            keys.larger(size)
    with pytest.raises(ValueError, match="HEADER"):
        keys.text("HEADER", "x")


def searched(*lines: str, esearch: bool, key: keys.Key = keys.ALL) -> tuple[list[int], str]:
    script: list[str | bytes] = [
        "S: * OK [CAPABILITY IMAP4rev1] ready",
        "C: LOGIN ...",
        "S: $tag OK [CAPABILITY IMAP4rev1 LITERAL+] in",
        "C: UID SEARCH ...",
        *(f"S: {line}" for line in lines),
        "S: $tag OK done",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = Connection(Account(server.host, "u", server.port, password="p", tls="none", timeout=5))
        try:
            found = list(search.search(connection.wire, key, esearch=esearch))
        finally:
            connection.close()
    return found, server.commands[1]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], []),
        (["* SEARCH"], []),
        (["* SEARCH "], []),
        (["* SEARCH 1 2 3"], [1, 2, 3]),
        (["* search 1"], [1]),
        (["* SEARCH 3 1 2 3"], [1, 2, 3]),
        (["* SEARCH 4 5", "* 9 EXISTS", "* SEARCH 1"], [1, 4, 5]),
        (["* SEARCH 1 2 (MODSEQ 917)"], [1, 2]),
        (["* SEARCH 4294967295"], [4294967295]),
        (['* ESEARCH (TAG "$tag") UID ALL 1:3,7'], [1, 2, 3, 7]),
        (['* ESEARCH (TAG "$tag") UID'], []),
        (['* ESEARCH (TAG "$tag") UID COUNT 2 ALL 4,6 MODSEQ 12'], [4, 6]),
        (["* ESEARCH (tag $tag) uid all 4"], [4]),
        (["* ESEARCH UID ALL 4"], [4]),
        (['* ESEARCH (TAG "ZZ") UID ALL 9'], []),
        (['* ESEARCH (TAG "$tag") UID ALL 9', '* ESEARCH (TAG "$tag") UID ALL 1:2'], [1, 2, 9]),
    ],
)  # fmt: skip
def test_answers_to_search(lines: list[str], found: list[int]) -> None:
    assert searched(*lines, esearch=False) == (found, "UID SEARCH ALL")
    assert searched(*lines, esearch=True) == (found, "UID SEARCH RETURN (ALL) ALL")


@pytest.mark.parametrize(
    "line",
    ["* SEARCH 1 x", "* SEARCH -1", "* SEARCH 4294967296", "* SEARCH 0", "* SEARCH 1_0", "* ESEARCH UID ALL x",
     "* ESEARCH (", "* ESEARCH UID ALL 1:4294967295", "* ESEARCH UID ALL *"],
)  # fmt: skip
def test_an_answer_that_is_none_is_an_error(line: str) -> None:
    with pytest.raises(errors.ProtocolError):
        searched(line, esearch=True)


def test_a_charset_is_named_only_where_it_is_needed() -> None:
    _, said = searched(esearch=True, key=keys.text("SUBJECT", "é"))
    assert said == "UID SEARCH RETURN (ALL) CHARSET UTF-8 SUBJECT {2+}\r\né"


@pytest.mark.parametrize("line", [b'"' + b'\\"' * 200_000, b"BODY[ " * 100_000, b'a" ' * 200_001, b"(" * 150])
def test_a_long_line_that_never_ends_what_it_begins_is_read_at_once(line: bytes) -> None:
    # Nothing is timed: read anew for each mark, these take hours.
    if line.startswith(b"("):
        with pytest.raises(errors.ProtocolError):
            tokens([line + b"\r\n"])
    else:
        assert tokens([line + b"\r\n"])
