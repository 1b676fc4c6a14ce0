"""Header blocks, unstructured text, identifiers and charsets."""

from __future__ import annotations

import base64
import email.header
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb.mime import charset, encoded_words, headers

PIECES = st.sampled_from(
    [
        b"=?utf-8?Q?",
        b"=?utf-8?B?",
        b"=?iso-2022-jp?B?",
        b"=?utf-7?q?",
        b"=?x*en?b?",
        b"?=",
        b"=?",
        b"?",
        b"=C3",
        b"=0D=0A=00",
        b"w6Q=",
        b"YQ",
        b"_",
        b" ",
        b"\t",
        b"\r\n ",
        b"\r",
        b"\n",
        b"\0",
        b"\xc3\xa4",
        b"\xe4",
        b"+2AA-",
        b"Subject:",
        b"x:",
    ]
)
MIXED = st.lists(PIECES | st.binary(max_size=4), max_size=20).map(b"".join)
# What a header can carry unchanged: no controls, no surrogates, no white space but single blanks inside.
WORDS = st.lists(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Z", "Cf", "Cn", "Co"]), min_size=1, max_size=12),
    min_size=1,
    max_size=6,
).map(" ".join)


def is_clean(text: str) -> bool:
    text.encode("utf-8")
    return not set(text) & set("\r\n\0")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b" Hello World\r\n", "Hello World"),
        (b"one\r\n two\r\n\tthree", "one two\tthree"),
        (b"a  b", "a  b"),
        (b"=?utf-8?Q?a?= =?utf-8?Q?b?=\r\n =?utf-8?B?Yw==?= d", "abc d"),
        (b"x =?utf-8?Q?a?= y", "x a y"),
        (b"=?utf-8?Q?J=C3?= =?utf-8?Q?=B6rg?=", "Jörg"),
        (b"=?utf-8?B?w?= =?utf-8?B?6Q=?=", "ä"),
        (b"=?utf-8?B?w6?= =?utf-8?B?Q=?=", "ä"),
        (b"=?utf-8?B?w?=", "=?utf-8?B?w?="),
        (b"=?utf-8?B?w6Q?=", "ä"),
        (b"=?utf-8?B?w6Q=w6Q=?=", "ää"),
        (b"=?utf-8*en?Q?a_b?=", "a b"),
        (b"=?UTF-8?q?Are you there??=", "Are you there?"),
        (b"=?utf-8?Q?open =?utf-8?Q?good?=", "=?utf-8?Q?open good"),
        (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        (b"=?utf-8?B?%%?=", "=?utf-8?B?%%?="),
        (b"=?utf-8?Q??=", ""),
        (b"=?utf-8?Q?=ZZ=C3=A4=?=", "=ZZä="),
        (b"=?us-ascii?Q?caf=E9?=", "café"),
        (b"=?no-such-charset?Q?caf=C3=A9?=", "café"),
        (b"=?zlib?Q?caf=E9?=", "café"),
        (b"=?utf-7?Q?+AOQ?= =?utf-7?Q?+AOQ-?=", "ää"),
        (b"=?iso-8859-1?Q?=80=E4?=", "€ä"),
        (b"=?utf-8?Q?a=0D=0ABcc:_x=00?=", "a  Bcc: x"),
        ("größe".encode(), "größe"),
        ("größe".encode("latin-1"), "größe"),
        (b"\x93quoted\x94 \x81", "“quoted”"),
        (b"a\0b\rc\nd\x1be", "a b c d e"),
    ],
)
def test_unstructured_text(raw: bytes, text: str) -> None:
    assert headers.decode_text(raw) == text


@given(MIXED)
def test_text_never_fails_and_is_clean(raw: bytes) -> None:
    assert is_clean(headers.decode_text(raw))
    assert is_clean(headers.decode_id(raw))
    for name, value in headers.decode_json_headers(raw).items():
        assert is_clean(name)
        assert all(map(is_clean, [value] if isinstance(value, str) else value))


@given(MIXED | st.lists(PIECES, max_size=6).map(lambda pieces: b"=?utf-8?" + b"".join(pieces) + b"?="))
def test_words_that_are_alike_read_as_any_others(raw: bytes) -> None:
    fast = encoded_words._decode_alike(raw)
    assert fast is None or fast == encoded_words._decode_any(raw)


@given(
    st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=4),
    st.sampled_from(["utf-8", "UTF-8", "utf8", "gb18030", "utf-7", "x-nobody"]),
    st.sampled_from("bBqQ"),
    st.sampled_from([b" ", b"  ", b"", b"\t"]),
)
def test_words_of_one_charset_read_as_any_others(texts: list[str], label: str, encoding: str, gap: bytes) -> None:
    words = []
    for text in texts:
        octets = text.encode("gb18030" if label == "gb18030" else "utf-8", "replace")
        letters = base64.b64encode(octets) if encoding in "bB" else b"".join(b"=%02X" % octet for octet in octets)
        words.append(f"=?{label}?{encoding}?".encode() + letters + b"?=")
    raw = gap.join(words)
    assert headers.decode_text(raw) == encoded_words.without_controls(encoded_words._decode_any(raw)).strip(" \t")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)).filter(lambda text: "=?" not in text))
def test_fast_and_general_text_agree(text: str) -> None:
    raw = text.encode()
    assert headers.decode_text(raw) == headers._decode_any_text(raw)
    assert headers.decode_id(raw) == headers._decode_any_id(raw)


@given(WORDS)
def test_subjects_written_by_the_standard_library(subject: str) -> None:
    message = EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = subject
    raw = dict(headers.split_fields(bytes(message)))[b"Subject"]
    # The library folds at blanks and, between an encoded word and plain text, may drop one: compare without them.
    assert headers.decode_text(raw).replace(" ", "") == subject.replace(" ", "")


@given(WORDS, st.sampled_from(["utf-8", "utf-16-be", "gb18030", "utf-7"]))
def test_encoded_words_of_any_length(subject: str, label: str) -> None:
    octets = subject.encode(label)
    for encoding, text in (("B", base64.b64encode(octets)), ("Q", b"".join(b"=%02X" % octet for octet in octets))):
        word = f"=?{label}?{encoding}?".encode() + text + b"?="
        assert headers.decode_text(word) == subject.strip()


@given(WORDS)
def test_header_class_of_the_standard_library(subject: str) -> None:
    raw = email.header.Header(subject, "utf-8", header_name="Subject").encode(linesep="\r\n").encode()
    assert headers.decode_text(raw) == subject


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r"])
def test_blocks_with_any_line_end(line_end: bytes) -> None:
    lines = [
        b"From x@y Fri Nov 20 10:11:12 2026",
        b"Subject : one",
        b"\ttwo",
        b"junk",
        b" more",
        b"",
        b"X-A:",
        b"to:a@b",
        b"",
    ]
    block = line_end.join(lines)
    fields = headers.split_fields(block)
    assert [(name, headers.decode_text(value)) for name, value in fields] == [
        (b"Subject", "one\ttwo"),
        (b"X-A", ""),
        (b"to", "a@b"),
    ]


def test_a_bare_cr_beside_lf_starts_no_field() -> None:
    assert headers.decode_json_headers(b"Subject: a\rBcc: b@c\r\n\r\n") == {"subject": "a Bcc: b@c"}


def test_wanted_fields_only_and_in_order() -> None:
    block = b"To: a@b\r\nX: no\r\nTO: c@d\r\nSubject: s\r\n\r\n"
    found = headers.field_values(block, (b"to", b"subject", b"date"))
    assert found == {b"to": [b"a@b\r", b"c@d\r"], b"subject": b"s\r"}


def test_json_headers_list_what_repeats() -> None:
    block = b"Received: 1\r\nSubject: =?utf-8?Q?=C3=A4?=\r\nreceived: 2\r\nReceived: 3\r\n"
    assert headers.decode_json_headers(block) == {"received": ["1", "2", "3"], "subject": "ä"}


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b" <a@b>\r\n\t<c@d>  <e@f> ", "<a@b> <c@d> <e@f>"),
        (b"<=?utf-8?Q?a?=@b>", "<=?utf-8?Q?a?=@b>"),
        (b"<\xe4@b>\0 x", "<ä@b> x"),
        (b"<a\x01b>", "<a b>"),
    ],
)
def test_identifiers(raw: bytes, text: str) -> None:
    assert headers.decode_id(raw) == text


@pytest.mark.parametrize(
    ("octets", "label", "text"),
    [
        ("漢字".encode("gb18030"), "GB2312", "漢字"),
        ("㐀".encode("gb18030"), "x-gbk", "㐀"),
        ("똠".encode("cp949"), "ks_c_5601-1987", "똠"),
        ("①".encode("cp932"), "Shift_JIS", "①"),
        ("①".encode("cp932"), "Windows-31J", "①"),
        ("日本".encode("iso2022_jp"), "ISO-2022-JP", "日本"),
        (b"\x1b$B|b-!\x1b(I1\x1b(Bx", "iso-2022-jp", "髙①ｱx"),
        (b"\x1b$B$\xff", "csISO2022JP", None),
        ("я".encode("cp1251"), "win-1251", "я"),
        ("я".encode("cp1251"), '"windows-1251"; x', "я"),
        (b"+AOQ-", "unicode-1-1-utf-7", "ä"),
        (b"+2AA-", "utf-7", "\ufffd"),
        (b"\0a", "utf-16", "a"),
        (b"\xff\xfea\0", "utf-16", "a"),
        (b"\xef\xbb\xbfa", "utf-8", "a"),
        (b"a\xff", "utf-8", "a\ufffd"),
        (b"\x80\x81", "iso-8859-1", "€\x81"),
        (b"\xc3\xa4", "us-ascii", "ä"),
        (b"\xc3\xa4", None, "ä"),
        (b"\xe4", "unknown-8bit", "ä"),
        (b"\xd0", "iso-8859-9", "Ğ"),
        (b"x", "l" * 1000, "x"),
    ],
)
def test_charsets(octets: bytes, label: str, text: str | None) -> None:
    decoded = charset.decode(octets, label)
    assert text is None or decoded == text
    decoded.encode("utf-8")


@pytest.mark.parametrize(
    "label",
    [
        "zlib",
        "bz2",
        "rot13",
        "idna",
        "punycode",
        "unicode_escape",
        "raw_unicode_escape",
        "undefined",
        "base64",
        "hex",
        "uu",
        "quopri",
        "mbcs",
        "oem",
        "a\0b",
        "../x",
        "",
    ],
)
def test_codecs_that_are_no_charsets(label: str) -> None:
    assert charset.codec_of(label) is None
    assert charset.decode(rb"\x41 caf" + b"\xe9", label) == r"\x41 café"


@given(st.binary(max_size=60), st.sampled_from(sorted(charset._TEXT_CODECS)) | st.text(max_size=12))
def test_decode_never_fails(octets: bytes, label: str) -> None:
    charset.decode(octets, label).encode("utf-8")


@pytest.mark.parametrize(
    "label", ["koi8-r", "iso-8859-2", "euc-jp", "big5", "euc-kr", "shift_jis", "iso-2022-jp", "gb18030", "utf-8"]
)
def test_well_formed_octets_come_back(label: str) -> None:
    # Every character Python's codec writes and reads back, beyond ASCII.
    characters = (chr(code) for code in range(0xA0, 0xFFFE))
    text = "".join(c for c in characters if c.encode(label, "ignore").decode(label, "ignore") == c)
    assert len(text) > 90
    assert charset.decode(text.encode(label), label) == text


@pytest.mark.parametrize(
    "unit",
    [b"=?", b"=?x?q?", b"=?x?q?a?", b"=?a?b?Y?= ", b"=?a?b?YQ", b"\r", b"\n ", b"\r\n\t", b"a:\n", b":", b" ", b'"('],
)
def test_a_megabyte_of_one_pattern_is_read(unit: bytes) -> None:
    raw = unit * (1_000_000 // len(unit))
    assert is_clean(headers.decode_text(raw))
    assert is_clean(headers.decode_id(raw))
    headers.decode_json_headers(raw)
    headers.field_values(raw, (b"a",))
