"""Transfer encodings: whole, in pieces, and broken in every way."""

from __future__ import annotations

import base64
import binascii
import email
import email.policy
import io
import quopri
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imapdb.mime import transfer

ENCODINGS = ["base64", "quoted-printable", "x-uuencode", "8bit", "yenc", "nonsense", None]
PIECES = st.sampled_from(
    [
        b"=",
        b"==",
        b"=4",
        b"=41",
        b"=c3=A4",
        b"=\r\n",
        b"= \t\r\n",
        b"=\r",
        b"\r",
        b"\n",
        b"\r\n",
        b" ",
        b"\t \t",
        b" " * 997,
        b"A",
        b"YWJj",
        b"YQ==",
        b"YQ",
        b"-_!",
        b"\xe4",
        b"\0",
        b"begin 644 a.bin\n",
        b"#86)C\n",
        b"$86)C9```\n",
        b"`\nend\n",
        b"end",
        b"=ybegin line=128 size=3 name=a\r\n",
    ]
)
MIXED = st.lists(PIECES | st.binary(max_size=4), max_size=16).map(b"".join)


def uuencoded(octets: bytes, *, backtick: bool = True) -> bytes:
    pieces = [octets[start : start + 45] for start in range(0, len(octets), 45)]
    lines = [binascii.b2a_uu(piece, backtick=backtick) for piece in pieces]
    return b"begin 644 a.bin\n" + b"".join(lines) + b"`\nend\n"


def in_pieces(octets: bytes, encoding: str | None, sizes: list[int]) -> transfer.Decoded:
    one = transfer.decoder(encoding)
    out, position, turn = [], 0, 0
    while position < len(octets):
        size = sizes[turn % len(sizes)]
        out.append(one.feed(octets[position : position + size]))
        position, turn = position + size, turn + 1
    out.append(one.end())
    return transfer.Decoded(b"".join(out), one.problems)


@pytest.mark.parametrize(
    ("encoded", "octets", "problems"),
    [
        (b"", b"", []),
        (b"YWJj", b"abc", []),
        (b"YW\r\nJj\r\n", b"abc", []),
        (b" Y W\tJ j \r\n\r\n", b"abc", []),
        (b"YQ==", b"a", []),
        (b"YWI=\r\n", b"ab", []),
        (b"YQ", b"a", [transfer.BASE64_MISSING_PADDING]),
        (b"YWI", b"ab", [transfer.BASE64_MISSING_PADDING]),
        (b"YQ=", b"a", [transfer.BASE64_MISSING_PADDING]),
        (b"Y", b"", [transfer.BASE64_TRUNCATED]),
        (b"YWJjY", b"abc", [transfer.BASE64_TRUNCATED]),
        (b"YWJjY===", b"abc", [transfer.BASE64_TRUNCATED, transfer.BASE64_EXTRA_PADDING]),
        (b"Y!W*J\xffj", b"abc", [transfer.BASE64_JUNK]),
        (b"YQ==Yg==", b"ab", [transfer.BASE64_AFTER_PADDING]),
        (b"YQ==\r\nYmM=\r\nZGVm", b"abcdef", [transfer.BASE64_AFTER_PADDING]),
        (b"YQ=Yg==", b"ab", [transfer.BASE64_AFTER_PADDING, transfer.BASE64_MISSING_PADDING]),
        (b"YQ===", b"a", [transfer.BASE64_EXTRA_PADDING]),
        (b"YWJj=", b"abc", [transfer.BASE64_EXTRA_PADDING]),
        (b"====", b"", [transfer.BASE64_EXTRA_PADDING]),
    ],
)
def test_base64(encoded: bytes, octets: bytes, problems: list[str]) -> None:
    assert transfer.decode(encoded, "base64") == (octets, problems)


@pytest.mark.parametrize(
    ("encoded", "octets", "problems"),
    [
        (b"", b"", []),
        (b"a=C3=A4b", b"a\xc3\xa4b", []),
        (b"a=c3=a4b", b"a\xc3\xa4b", []),
        (b"one=\r\ntwo=\nthree", b"onetwothree", []),
        (b"one= \t\r\ntwo", b"onetwo", []),
        (b"one=\rtwo", b"onetwo", []),
        (b"one  \r\ntwo\t\nthree ", b"one\r\ntwo\nthree", []),
        (b"one=20\r\ntwo", b"one \r\ntwo", []),
        (b"one=20 \r\n", b"one \r\n", []),
        (b"a b\tc", b"a b\tc", []),
        (b"end=", b"end", []),
        (b"end= ", b"end", []),
        (b"end=\r", b"end", []),
        (b"end ", b"end", []),
        (b"end==", b"end=", [transfer.QP_BROKEN_ESCAPE]),
        (b"bare\nLF\n", b"bare\nLF\n", []),
        (b"=ZZ=4G=4", b"=ZZ=4G=4", [transfer.QP_BROKEN_ESCAPE]),
        (b"1 = 1 == 1", b"1 = 1 == 1", [transfer.QP_BROKEN_ESCAPE]),
        (b"===41", b"==A", [transfer.QP_BROKEN_ESCAPE]),
        (b"==\r41", b"=41", [transfer.QP_BROKEN_ESCAPE]),
        (b"=\r\r\n", b"\r\n", []),
        (b"a  \rb", b"a  \rb", []),
        (b"\xe4=E4", b"\xe4\xe4", [transfer.QP_RAW]),
        (b"a" + b" " * 998 + b"\r\n", b"a\r\n", []),
        (b"a" + b" " * 999 + b"\r\n", b"a" + b" " * 999 + b"\r\n", []),
    ],
)
def test_quoted_printable(encoded: bytes, octets: bytes, problems: list[str]) -> None:
    assert transfer.decode(encoded, "quoted-printable") == (octets, problems)


@pytest.mark.parametrize(
    ("encoded", "octets", "problems"),
    [
        (b"begin 644 a\n#86)C\n`\nend\n", b"abc", []),
        (b"begin 644 a\r\n#86)C\r\n \r\nend\r\n", b"abc", []),
        (b"\n\nbegin 0644 a b.txt\n#86)C\nend", b"abc", []),
        (b"begin 644 a\n#86)CX\n`\nend\n", b"abc", []),
        (b"begin 644 a\n#86)C\n", b"abc", [transfer.UU_NO_END]),
        (b"begin 644 a\n#86)C", b"abc", [transfer.UU_NO_END]),
        (b"begin 644 a\n#86\n`\nend\n", b"a\x60\x00"[:1] + b"`\0", [transfer.UU_SHORT]),
        (b"hello\nbegin 644 a\n#86)C\n`\nend\nbye\n", b"abc", [transfer.UU_JUNK]),
        (b"begin 644 a\n#86)C\nno data \xff\n#86)C\nend\n", b"abcabc", [transfer.UU_JUNK]),
        (b"#86)C\n", b"#86)C\n", [transfer.UU_NO_BEGIN]),
        (b"", b"", [transfer.UU_NO_BEGIN]),
        (b"begin here\n", b"begin here\n", [transfer.UU_NO_BEGIN]),
    ],
)
@pytest.mark.parametrize("encoding", ["uuencode", "X-UUEncode", "x-uue"])
def test_uuencode(encoded: bytes, octets: bytes, problems: list[str], encoding: str) -> None:
    assert transfer.decode(encoded, encoding) == (octets, problems)


@pytest.mark.parametrize("encoding", [None, "", "7bit", "8BIT", "8-bit", "binary", " 7Bit (a comment)"])
def test_identity(encoding: str | None) -> None:
    octets = bytes(range(256))
    assert transfer.decode(octets, encoding) == (octets, [])


def test_yenc_is_noted_by_its_label_and_by_its_first_line() -> None:
    octets = b"=ybegin line=128 size=3 name=a\r\n\x8b\x8c\x8d\r\n=yend size=3\r\n"
    assert transfer.decode(octets, "x-yenc") == (octets, [transfer.YENC])
    assert transfer.decode(b"see:\r\n" + octets, "8bit").problems == [transfer.YENC]


def test_unknown_encodings_are_read_as_they_are() -> None:
    assert transfer.decode(b"YWJj", "x-rot13") == (b"YWJj", [transfer.UNKNOWN])
    assert transfer.decode(b"YWJj", "base64" * 1000) == (b"YWJj", [transfer.UNKNOWN])


@pytest.mark.parametrize("encoding", ["BASE64", "Base-64", '"base64"', "base64; x=y", "x-base64", " base64 (why not)"])
def test_spellings(encoding: str) -> None:
    assert transfer.decode(b"YWJj", encoding) == (b"abc", [])


@given(st.binary(max_size=300))
def test_what_was_encoded_comes_back_without_a_problem(octets: bytes) -> None:
    assert transfer.decode(base64.encodebytes(octets), "base64") == (octets, [])
    # As data: RFC 2045 section 6.7 wants line ends of data escaped.
    quoted = binascii.b2a_qp(octets, istext=False)
    assert transfer.decode(quoted, "quoted-printable") == (octets, [])
    assert transfer.decode(uuencoded(octets), "uuencode") == (octets, [])
    assert transfer.decode(uuencoded(octets, backtick=False), "uuencode") == (octets, [])


@given(MIXED, st.sampled_from(ENCODINGS), st.lists(st.integers(1, 40), min_size=1, max_size=5))
@example(b"a" + b" " * 1000 + b"\r\n", "quoted-printable", [1])
@example(b"a=" + b" " * 998 + b"\r\nb", "quoted-printable", [1])
@example(b"===", "quoted-printable", [1])
@example(b"YQ==YQ=", "base64", [1])
def test_no_cut_changes_anything(octets: bytes, encoding: str | None, sizes: list[int]) -> None:
    whole = transfer.decode(octets, encoding)
    pieces = in_pieces(octets, encoding, sizes)
    assert pieces.octets == whole.octets
    assert set(pieces.problems) == set(whole.problems)


def test_no_cut_changes_a_long_part() -> None:
    body = b"text before\n" * 3000 + uuencoded(bytes(range(256)) * 40)
    assert in_pieces(body, "uuencode", [977]) == transfer.decode(body, "uuencode")
    body = b"text before\n" * 30 + uuencoded(bytes(range(256)) * 400)
    assert transfer.decode(body, "uuencode") == (bytes(range(256)) * 400, [transfer.UU_JUNK])
    assert in_pieces(body, "uuencode", [977]) == transfer.decode(body, "uuencode")


@given(st.binary(max_size=200))
def test_base64_as_the_standard_library_reads_it(octets: bytes) -> None:
    encoded = base64.b64encode(octets)
    assert transfer.decode(encoded, "base64").octets == base64.b64decode(encoded)


# Characters a line may hold raw. The standard library's known faults keep the others out: quopri makes "=" of "==",
# and binascii.a2b_qp keeps blanks at line ends and drops what is between "=" CR and the next LF.
@given(st.lists(st.sampled_from([b"a", b"=41", b"=c3=A4", b"=\n", b" b", b"\n"]), max_size=20).map(b"".join))
def test_quoted_printable_as_the_standard_library_reads_it(encoded: bytes) -> None:
    out = io.BytesIO()
    quopri.decode(io.BytesIO(encoded), out)
    assert transfer.decode(encoded, "quoted-printable").octets == out.getvalue()


@pytest.mark.parametrize(
    ("encoding", "encoded", "theirs", "ours"),
    [
        # Everything behind the first padding is lost.
        ("base64", "YQ==\nYg==\n", b"a", b"ab"),
        # Two are made one.
        ("quoted-printable", "a == b", b"a = b", b"a == b"),
        # Blanks that were added on the way stay, and break the soft line break.
        ("quoted-printable", "one= \ntwo", b"one= \ntwo", b"onetwo"),
    ],
)
def test_known_faults_of_the_email_package(encoding: str, encoded: str, theirs: bytes, ours: bytes) -> None:
    text = f"Content-Transfer-Encoding: {encoding}\nContent-Type: application/octet-stream\n\n{encoded}"
    message = email.message_from_string(text, policy=email.policy.default)
    assert message.get_payload(decode=True) == theirs
    assert transfer.decode(encoded.encode("ascii"), encoding).octets == ours


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("octets", [b"=", b"\n", b"a", b" ", b"=a", b"M", b"\r", b"= "])
def test_any_long_run_is_read(octets: bytes, encoding: str | None) -> None:
    # Quadratic time would hang here.
    transfer.decode(octets * (300_000 // len(octets)), encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("octets", [b"=", b" ", b"a", b"\n", b"YWJj"])
def test_a_decoder_holds_little(octets: bytes, encoding: str | None) -> None:
    one, piece = transfer.decoder(encoding), octets * (20_000 // len(octets))
    one.feed(piece)
    tracemalloc.start()
    try:
        for _ in range(50):
            one.feed(piece)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 100_000
