"""The quick way of reading BODYSTRUCTURE: it is taken for ordinary mail, and reads the same as the general way."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb.errors import ProtocolError
from imapdb.imap import fetched
from imapdb.imap.fetched import Fetched, read_fetch
from imapdb.imap.tokens import tokens
from imapdb.mime.part_tree import Part
from imapdb.mime.plain_structure import PlainStructure, cut
from imapdb.mime.structure import parse

TEXT = b'("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 5 1 NIL NIL NIL NIL)'
FILE = (
    b'("image" "png" ("name" "a b.png") "<a@b>" "a picture" "base64" 5 NIL'
    b' ("inline" ("filename" "a b.png" "size" "5")) ("en" "de") NIL)'
)
BEHIND = b' "mixed" ("boundary" "--=_b") NIL NIL NIL'
PLAIN = [
    TEXT,
    FILE,
    b'("TEXT" "PLAIN" ("CHARSET" "UTF-8") NIL NIL "BASE64" 68 2)',
    b"(%s%s%s)" % (TEXT, FILE, BEHIND),
    b"((%s%s%s)%s%s)" % (TEXT, TEXT, BEHIND, FILE, BEHIND),
    b'(%s "mixed")' % TEXT,
]


@pytest.mark.parametrize("told", PLAIN[:-1])
def test_ordinary_structures_are_plain(told: bytes) -> None:
    found = cut(told)
    assert found is not None
    assert [found.words()] == tokens([told])
    assert parse(found) == parse(found.words())
    assert all(type(part) is Part for part in parse(found).walk())


@pytest.mark.parametrize(
    "told",
    [
        b"", b"()", b"(", b"(" + TEXT, TEXT + TEXT, TEXT + b")", b"(%s)" % BEHIND, b"(%s NIL)" % TEXT,
        b"(" * 60 + TEXT + BEHIND + (b")" + BEHIND) * 59 + b")",
        TEXT.replace(b"NIL", b"nil", 1), TEXT.replace(b"utf-8", rb"utf\"8"), TEXT.replace(b" 5", b"  5"),
    ],
)  # fmt: skip
def test_others_are_not(told: bytes) -> None:
    assert cut(told) is None


WORDS = st.sampled_from(
    [
        *(b"NIL", b"nil", b'""', b'"5"', b"5", b"0", b"9" * 18, b"9" * 19, b"-1", b"()", b"(", b")", b'"', b"\\", b" "),
        *(b'("a" "b")', b'("a")', b"(NIL NIL)", b'("A" "b" "a" "c")', b'("n*0" "a" "n*1" "b")', b'("n" " a ")'),
        *(b'"a\\"b"', b'"\xff"', b'"=?utf-8?q?a?="', b'" a\t"', b'"\0"', b'"message"', b'"rfc822"', b'"multipart"'),
        *(b'"text"', b'"mixed"', b'"7bit"', b'("inline" NIL)', b'("attachment" ("filename" "a"))', b'("inline")'),
        *(b'"[x"', b"BODY[", b'"{3}"', b"{3}", b'"' + b"a" * 70 + b'"', TEXT, b'"a, b"', b"FLAGS (a)", b"UID 5"),
        *(b'FLAGS ("a" NIL  b)', b'INTERNALDATE "a\\b"', b"RFC822.SIZE 8", b"BODYSTRUCTURE", b" BODY[] {3}\r\n"),
    ]
)
HEADS = st.sampled_from(
    [
        b"* 1 FETCH (UID 7 BODYSTRUCTURE ",
        b'* 1 FETCH (FLAGS (\\Seen a) UID 7 RFC822.SIZE 9 INTERNALDATE " 1-Jan-2026 00:00:00 +0000" BODYSTRUCTURE ',
    ]
)
TAILS = st.sampled_from(
    [[b")\r\n"], [b" BODY[] {3}\r\n", b"abc", b")\r\n"], [b" BODY[HEADER.FIELDS (TO)] {3}\r\n", b"abc", b")\r\n"]]
)


def told_of(response: list[bytes]) -> object:
    try:
        message = read_fetch(response)
    except ProtocolError as error:
        return str(error), vars(error)
    if message is None:
        return None
    names = [name for name in Fetched.__slots__ if name != "structure"]
    tree = None if message.structure is None else parse(message.structure)
    return [getattr(message, name) for name in names], repr(tree)


@given(st.sampled_from(PLAIN), HEADS, TAILS, st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), WORDS), max_size=3))
def test_both_ways_read_the_same(
    structure: bytes, head: bytes, tail: list[bytes], changes: list[tuple[float, int, bytes]]
) -> None:
    words = re.findall(rb'"[^"]*"|[()]|\s+|[^\s()"]+', head + structure + tail[0])
    for place, count, word in changes:
        at = int(place * len(words))
        words[at : at + count] = [word]
    response = [b"".join(words), *tail[1:]]
    quick = told_of(response)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetched, "cut", lambda _: None)
        assert told_of(response) == quick


def test_the_quick_way_is_taken() -> None:
    for tail in ([b")\r\n"], [b" BODY[] {3}\r\n", b"abc", b")\r\n"]):
        message = read_fetch([b"* 1 FETCH (UID 7 FLAGS () BODYSTRUCTURE " + PLAIN[4] + tail[0], *tail[1:]])
        assert message is not None
        assert isinstance(message.structure, PlainStructure)
        assert (message.uid, message.flags, message.body) == (7, b"", b"abc" if tail[1:] else None)
