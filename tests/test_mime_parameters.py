"""Parameters of Content-Type and Content-Disposition, in each way that mailers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb.mime import parameters


def decoded(*pairs: tuple[bytes, bytes]) -> tuple[dict[str, str], list[str]]:
    problems: list[str] = []
    return parameters.decode(pairs, problems.append), problems


@pytest.mark.parametrize(
    ("pairs", "text", "problem"),
    [
        ([(b"N", b"plain")], "plain", None),
        ([(b"n", "Grüße".encode())], "Grüße", None),
        ([(b"n", b"Gr\xfc\xdfe")], "Grüße", "a parameter is in raw octets that are not UTF-8"),
        ([(b"n", b"=?iso-8859-1?Q?Gr=FC=DFe?=")], "Grüße", None),
        ([(b"n", b"=?utf-8?B?R3LD?=\r\n =?utf-8?B?vMOfZQ==?=")], "Grüße", None),
        ([(b"n", b"a\r\nb\0c")], "a b c", None),
        ([(b"n*", b"utf-8'de'Gr%C3%BC%c3%9Fe")], "Grüße", None),
        ([(b"n*", b"iso-8859-1''Gr%FC%DFe")], "Grüße", None),
        ([(b"n*", b"''Gr%C3%BC%C3%9Fe")], "Grüße", None),
        ([(b"n*", b"UTF-8''it's%20'here'")], "it's 'here'", None),
        ([(b"n*", b"x-none''Gr%C3%BC%C3%9Fe")], "Grüße", "a parameter is in a charset that is not known"),
        ([(b"n*", b"Gr%C3%BC%C3%9Fe")], "Grüße", "a parameter does not say its charset"),
        ([(b"n*", b"utf-8''100%")], "100%", None),
        ([(b"n*", b"utf-8''a%0D%0Ab%00")], "a  b", None),
        # The later ones may come first, and cut a character in two.
        ([(b"n*1*", b"%BC%C3%9F"), (b"n*0*", b"utf-8''Gr%C3"), (b"n*2", b"e%41")], "Grüße%41", None),
        ([(b"n*%d" % n, b"%d" % (n % 10)) for n in range(12)], "012345678901", None),
        ([(b"n*0", b"=?utf-8?Q?Gr=C3=BC"), (b"n*1", b"=C3=9Fe?=")], "Grüße", None),
        ([(b"n*0", b"a"), (b"n*2", b"c")], "ac", "a parameter lacks one of its pieces"),
        ([(b"n*0", b"a"), (b"n*1*", b"%C3%9F")], "aß", "a parameter does not say its charset"),
        # Several of one name.
        ([(b"n", b"plain"), (b"n*", b"utf-8''best")], "best", None),
        ([(b"n", b"plain"), (b"n*0", b"be"), (b"n*1", b"st")], "best", None),
        ([(b"n*", b"utf-8''best"), (b"n*0", b"piece"), (b"n", b"plain")], "best", None),
        ([(b"n", b"first"), (b"n", b"second")], "first", "a parameter is there twice"),
        ([(b"n*0", b"first"), (b"n*0", b"second")], "first", None),
    ],
)
def test_parameters(pairs: list[tuple[bytes, bytes]], text: str, problem: str | None) -> None:
    assert decoded(*pairs) == ({"n": text}, [] if problem is None else [problem])


@pytest.mark.parametrize("name", [b"*", b"n**", b"n*x", b"*0*", b"n*0*1", b"", "ñ".encode(), b"n*9999999999"])
def test_names_that_are_odd(name: bytes) -> None:
    values, _ = decoded((name, b"x"))
    assert values == {name.decode(): "x"}


@pytest.mark.parametrize(
    ("raw", "word", "pairs"),
    [
        (b"", b"", []),
        (b"inline", b"inline", []),
        (b" inline ; ", b"inline", []),
        (
            b'attachment; filename="a;b\\"c\\\\.pdf"; size=5',
            b"attachment",
            [(b"filename", b'a;b"c\\.pdf'), (b"size", b"5")],
        ),
        (b"attachment;\r\n filename = a b.pdf ;x=", b"attachment", [(b"filename", b"a b.pdf"), (b"x", b"")]),
        (b'a; b="unfinished; c=d', b"a", [(b"b", b"unfinished; c=d")]),
        (b'a; b="unfinished\\', b"a", [(b"b", b"unfinished")]),
        (b'a; b="x" junk; c=d', b"a", [(b"b", b"x"), (b"c", b"d")]),
        (b'a; b; ; =x; "q"=y; c=d', b"a", [(b"c", b"d")]),
        (b"a; b*0*=utf-8''x; b*1=y", b"a", [(b"b*0*", b"utf-8''x"), (b"b*1", b"y")]),
    ],
)
def test_split(raw: bytes, word: bytes, pairs: list[tuple[bytes, bytes]]) -> None:
    assert parameters.split(raw) == (word, pairs)


PARAMETER_PIECES = st.sampled_from(
    [b"n", b"*", b"0", b"1", b"'", b"%C3", b"%", b"=?utf-8?Q?", b"?=", b";", b"=", b'"', b"\\", b" ", b"\r\n", b"\0",
     b"utf-8", b"\xe4", b"\xc3\xa4", b"utf-7''+2AA-"]
)  # fmt: skip
PARAMETER_OCTETS = st.lists(PARAMETER_PIECES, max_size=12).map(b"".join)


@given(st.lists(st.tuples(PARAMETER_OCTETS, PARAMETER_OCTETS), max_size=6), PARAMETER_OCTETS)
def test_any_parameters(pairs: list[tuple[bytes, bytes]], raw: bytes) -> None:
    for given_pairs in (pairs, parameters.split(raw)[1]):
        values, _ = decoded(*given_pairs)
        for text in (*values, *values.values()):
            text.encode()
            assert not set("\r\n\0") & set(text)
