"""The quick way for texts gives what the careful one gives, and nothing where that finds a fault."""

from __future__ import annotations

import base64
import binascii
import quopri

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imapdb.mime import body_text, charset, transfer, well_formed

LABELS = (
    None, "", "us-ascii", "utf-8", "iso-8859-1", "windows-1252", "koi8-r", "gb2312", "big5", "shift_jis", "euc-kr",
    "iso-2022-jp", "iso-2022-kr", "utf-7", "utf-16", "utf-32", "hz", "cp037", "cp1026", "x-nobody-knows",
)  # fmt: skip
ENCODINGS = ("7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode", "")
PIECES = (
    "word", "größer", "договор", "会议", "資料", " ", "  ", "\t", "\r\n", "\r\n\r\n", "\n", "\r", "=", "==", "=3D",
    "=\r\n", "=\n", "=0D=0A", "=0D", "=41", "=4", "=zz", " \r\n", "\t\r\n", " \n", "\0", "\ufeff", "\ufffd", "\x1b$B",
    "\x1b(B", "\x0e", "+AGE-", "~{<:Ky~}", "=ybegin line=128 size=1 name=a\r\n", "<meta charset=utf-8>",
    "<meta charset='utf-16'>", "<meta charset=cp037>", "<meta charset=shift_jis>\\", "begin 644 a\r\n", "QUJD", "\x85",
)  # fmt: skip
CODECS = ("utf-8", "latin-1", "gb18030", "koi8-r", "utf-16", "utf-16-be", "utf-32-be", "iso2022_jp", "cp037")


@st.composite
def octets(draw: st.DrawFn) -> bytes:
    """Octets of a text, encoded in some way, or cut, or with other octets in them."""
    text = "".join(draw(st.lists(st.sampled_from(PIECES), max_size=12)))
    written = text.encode(draw(st.sampled_from(CODECS)), "replace")
    match draw(st.integers(0, 4)):
        case 0:
            written = base64.encodebytes(written).replace(b"\n", b"\r\n")
        case 1:
            written = quopri.encodestring(written).replace(b"\n", b"\r\n")
        case 2:
            at = draw(st.integers(0, len(written)))
            written = written[:at] + draw(st.binary(max_size=3)) + written[at:]
    return written[: draw(st.integers(0, len(written)))] if draw(st.booleans()) else written


def careful(encoded: bytes, encoding: str, label: str | None, *, is_html: bool) -> tuple[str, list[str]]:
    """Read it without the quick way."""
    decoded = transfer.decode(encoded, encoding)
    text = body_text.decode(decoded.octets, label, is_html=is_html)
    return text.text, [*decoded.problems, *text.problems]


@given(octets(), st.sampled_from(ENCODINGS), st.sampled_from(LABELS), st.booleans())
@example(b"word \r\n", "quoted-printable", "utf-8", False)
@example(b"=", "quoted-printable", "utf-8", False)
@example(b"a\r\n", "7bit", "cp037", False)
@example(b"\xc3\xa9", "8bit", "iso-8859-1", False)
@example(b"<meta charset=cp037>", "7bit", "us-ascii", True)
def test_it_is_the_careful_ways_answer(encoded: bytes, encoding: str, label: str | None, is_html: bool) -> None:
    read = well_formed.read(encoded, encoding, label, is_html=is_html)
    if read is not None:
        assert (read, []) == careful(encoded, encoding, label, is_html=is_html)


@pytest.mark.parametrize("label", ["us-ascii", "utf-8", "iso-8859-1", "koi8-r", "gb2312", "iso-2022-jp", None])
@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
def test_ordinary_mail_goes_the_quick_way(label: str | None, encoding: str) -> None:
    text = {None: "plain", "us-ascii": "plain", "koi8-r": "договор", "gb2312": "会议", "iso-2022-jp": "資料"}.get(
        label, "größer"
    )
    written = f"<p>{text} = 1</p>\r\n\r\n{text} \t.\r\n" * 40
    encoded = written.encode(charset.codec_of(label) or "ascii")
    if encoding == "base64":
        encoded = base64.encodebytes(encoded).replace(b"\n", b"\r\n")
    elif encoding == "quoted-printable":
        encoded = binascii.b2a_qp(encoded, istext=True)
    assert well_formed.read(encoded, encoding, label, is_html=True) == written.replace("\r\n", "\n")
