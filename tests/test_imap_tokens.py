"""Words of a response: the quick way for plain lines is the general way."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapdb.errors import ProtocolError
from imapdb.imap import tokens as reading
from imapdb.imap.tokens import Token, tokens

PIECES = st.sampled_from(
    [
        *(b"(", b")", b'"', b'"a b"', b'""', b"NIL", b"nil", b'"NIL"', b"\\Seen", b"{3}\r\n"),
        *(b"BODY[1]<0>", b"[x", b"]"),
        *(b" ", b"  ", b"\t", b"\r\n", b"\xff", b"a", b"17", b"\0", b"\x0b", b"*", b"\\", b"a\\b", b"((", b"))"),
    ]
)


def read(line: bytes) -> list[Token] | str:
    try:
        return tokens([line])
    except ProtocolError as error:
        return str(error)


@settings(max_examples=max(500, settings().max_examples))
@given(pieces=st.lists(PIECES, max_size=14))
def test_both_ways_read_the_same(pieces: list[bytes]) -> None:
    line = b"".join(pieces)
    quick = read(line)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "LONGEST_PLAIN", -1)
        assert read(line) == quick


def test_words() -> None:
    assert tokens([b'* (a "b c" NIL ("" 5)) x\r\n']) == [b"*", [b"a", b"b c", None, [b"", b"5"]], b"x"]
