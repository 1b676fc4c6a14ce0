"""What is wrong with a header, by name; nothing of good mail."""

from __future__ import annotations

import email.header
import email.policy
import email.utils
import re
from datetime import UTC, datetime
from email.headerregistry import Address as StandardAddress
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imapdb.mime import addresses, dates, headers
from imapdb.mime.field_problems import problems
from tests.kit.composer import Composer

if TYPE_CHECKING:
    from collections.abc import Callable

DATE = b"Date: Fri, 20 Nov 2026 10:11:12 +0100\r\n"
NEEDED = b"From: a@b\r\n" + DATE


def of_field(name: str) -> Callable[[bytes], list[str]]:
    """Make what gives the problems of one field of an otherwise good header, without the field's name."""

    def told(value: bytes) -> list[str]:
        rest = NEEDED if name != "Date" else b"From: a@b\r\n"
        found = problems(rest + name.encode() + b": " + value + b"\r\n\r\n")
        assert all(problem.startswith(f"{name}: ") for problem in found)
        return [problem.removeprefix(f"{name}: ") for problem in found]

    return told


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"Hello World",
        b"folded\r\n over\r\n\tand over",
        "Grüße".encode(),
        b"=?utf-8?Q?a?= =?utf-8?Q?b?=\r\n =?utf-8?B?Yw==?= d",
        b"x =?utf-8?Q?a?= y",
        b"=?utf-8*en?Q?a_b?=",
        b"=?utf-8?Q??=",
        b"=?iso-8859-1?q?caf=e9?=",
        b"=?windows-1252?Q?=80?=",
        b"=?utf-7?Q?+AOQ-?= =?utf-7?Q?+AOQ-?=",
        b"=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?= =?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=",
        b"=?utf-16?B?AGE=?= =?utf-8?Q?=C3=A4?=",
        b"what =? this ?= is =?not?",
        b"1 =?2?3?4 5",
    ],
)
def test_good_texts(value: bytes) -> None:
    assert of_field("Subject")(value) == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (b"Gr\xfc\xdfe", "raw octets that are not UTF-8"),
        (b"\xc3\xa4 =?utf-8?Q?x?= \xe4", "raw octets that are not UTF-8"),
        (b"a\x1bb", "control characters"),
        (b"=?utf-8?Q?a=1Bb?=", "an encoded word with control characters in it"),
        (b"=?utf-8?Q?a=0D=0ABcc:_b?=", "an encoded word with control characters in it"),
        (b"=?x-martian?B?R3LDvMOfZQ==?=", "an encoded word in a charset that is not known"),
        (b"=?zlib?Q?x?=", "an encoded word in a charset that is not known"),
        (b"=?\xe4?Q?x?=", "an encoded word in a charset that is not known"),
        (b"=?utf-8?Q?caf=E9?=", "an encoded word with octets that its charset does not have"),
        (b"=?us-ascii?Q?caf=E9?=", "an encoded word with octets that its charset does not have"),
        (b"=?iso-8859-1?Q?=80?=", "an encoded word with octets that its charset does not have"),
        (b"=?gb2312?B?gTA=?=", "an encoded word with octets that its charset does not have"),
        (b"=?utf-7?Q?+2AA-?=", "an encoded word with octets that its charset does not have"),
        (b"=?utf-8?Q?J=C3?= =?utf-8?Q?=B6rg?=", "encoded words that are cut inside a character"),
        (b"=?utf-8?Q?J=C3?=\r\n =?UTF-8?B?tnJn?=", "encoded words that are cut inside a character"),
        (b"=?utf-8?B?w?= =?utf-8?B?6Q=?=", "encoded words that are cut inside a character"),
        (b"=?iso-2022-jp?B?GyRCRnw=?= =?iso-2022-jp?B?S1wbKEI=?=", "encoded words that are cut inside a character"),
        (b"=?utf-8?Q?J=C3?= and =?utf-8?Q?x?=", "an encoded word with octets that its charset does not have"),
        (b"=?utf-8?B?w6Q?=", "an encoded word in broken base64"),
        (b"=?utf-8?B?w6Q=w6Q=?=", "an encoded word in broken base64"),
        (b"=?utf-8?B?w?=", "an encoded word in broken base64"),
        (b"=?utf-8?B?%%?=", "an encoded word in broken base64"),
        (b"=?utf-8?B?YQ?= =?utf-8?Q?b?=", "an encoded word in broken base64"),
        (b"=?utf-8?Q?=ZZ?=", "an encoded word with a broken escape"),
        (b"=?utf-8?Q?100=?=", "an encoded word with a broken escape"),
        ("=?utf-8?Q?ä?=".encode(), "an encoded word with raw octets in it"),
        (b"=?utf-8?Q?two words?=", "an encoded word with white space or question marks in it"),
        (b"=?utf-8?Q?really??=", "an encoded word with white space or question marks in it"),
        (b"Re:=?utf-8?Q?x?=", "an encoded word that touches other text"),
        (b"=?utf-8?Q?x?=: y", "an encoded word that touches other text"),
        (b"=?utf-8?Q?x?==?utf-8?Q?y?=", "an encoded word that touches other text"),
        (b"=?utf-8?Q?open", "an encoded word without an end"),
        (b"=?utf-8?Q?open =?utf-8?Q?good?=", "an encoded word without an end"),
        (b"=?utf-8?X?abc?=", "an encoded word in an encoding that is not known"),
    ],
)
def test_texts(value: bytes, problem: str) -> None:
    assert of_field("Subject")(value) == [problem]


@pytest.mark.parametrize(
    "value",
    [
        b"a@b",
        b'Joe Smith <a@b>, "Smith, Joe" <c@d>,x@y',
        b'"a \\"q\\" \\\\ b" <a@b>',
        b"J. Smith <a@b>",
        b"(Joe (the) \\) boss) a@b",
        b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
        b"undisclosed-recipients:;",
        b"Team: a@b, C <c@d>;, e@f",
        b'"A, B":a@b;',
        b"<@x,@y:c@d>",
        b"a . b @ c . d",
        b"a@b,,c@d,",
        b'"joe smith"@x.y',
        b'"joe@smith" <"joe smith"@x.y>',
        b"a@[IPv6:::1]",
        b"a@xn--mnchen-3ya.de",
        "Jörg <jörg@bücher.de>".encode(),
        b"=?utf-8?Q?J=C3=B6rg?= <a@b>,\r\n =?utf-8?Q?J=C3=B6rg?=\r\n\t=?utf-8?Q?_S=2E?= <c@d>",
        b"a@b (=?utf-8?Q?J=C3=B6rg?=)",
        b'"Joe" =?utf-8?Q?J=C3=B6rg?= <a@b>',
        b"=?utf-8?Q?a,b?= <a@b>",
    ],
)
def test_good_addresses(value: bytes) -> None:
    for name in ("To", "Cc", "Bcc", "Reply-To"):
        assert of_field(name)(value) == []


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"", ["empty"]),
        (b" \r\n ", ["empty"]),
        (b",", ["no address"]),
        (b"(nobody)", ["no address"]),
        (b"<>", ["an empty <>"]),
        (b"Joe <>", ["an empty <>"]),
        (b"root", ["an address without a domain"]),
        (b"Joe <root>", ["an address without a domain"]),
        (b"root@", ["an address without a domain"]),
        (b"<@x>", ["an address without a local part"]),
        (b"@x", ["an address without a local part"]),
        (b"Undisclosed-Recipient:@mx.example.com;", ["an address without a local part"]),
        (b"a@b@c", ["an address with more than one @"]),
        (b"<a@@c>", ["an address with more than one @"]),
        (b"<a b@c>", ["white space in an address"]),
        (b"<a:b@c>", ["a colon in an address"]),
        (b"Joe Smith", ["a name without an address"]),
        (b'"Joe"', ["a name without an address"]),
        (b"=?utf-8?B?am9lQGI=?=", ["a name without an address"]),
        (b"Smith, Joe <a@b>", ["an address without a domain"]),
        (b"Joe a@b", ["text beside an address without angle brackets"]),
        (b"a@b Joe Smith", ["text beside an address without angle brackets"]),
        (b"<a@b> Joe", ["text behind the angle brackets"]),
        (b"a@b <a@b>", ["special characters in a name without quotes"]),
        (b"[List] <a@b>", ["special characters in a name without quotes"]),
        (b"DOMAIN\\user <a@b>", ["special characters in a name without quotes"]),
        (b"a@[", ["square brackets that do not match"]),
        (b"Joe <a@b", ["angle brackets that do not match"]),
        (b"Joe <a@b, Jim <c@d>", ["angle brackets that do not match"]),
        (b"<<a@b>>", ["angle brackets that do not match"]),
        (b"a@b>", ["angle brackets that do not match"]),
        (
            b"<@x,@y",
            ["angle brackets that do not match", "an address without a local part", "an address with more than one @"],
        ),
        (b"<a@b> <c@d>", ["two addresses without a comma between them"]),
        (b"A <a@b> B <c@d>", ["two addresses without a comma between them"]),
        (b"a@b c@d", ["two addresses without a comma between them"]),
        (b"a@b; c@d", ["a semicolon for a comma"]),
        (b"a@b;", ["a semicolon for a comma"]),
        (b'"Joe <a@b>', ["a quotation mark without an end"]),
        (b"a@b (open", ["a comment without an end", "text beside an address without angle brackets"]),
        (b"Joe (open <a@b>", ["a comment without an end"]),
        (b"(open", ["a comment without an end", "an address without a domain"]),
        (b"a@b )", ["a parenthesis that closes no comment"]),
        (b"Team: a@b", ["a group without an end"]),
        (b":a@b;", ["a group without a name"]),
        (b"A: B: a@b;", ["a group inside a group"]),
        (b"<a@b>: c@d;", ["two addresses without a comma between them", "a group without a name"]),
        (b"a@b: c@d;", ["special characters in a name without quotes"]),
        (b"J\xf6rg <a@b>", ["raw octets that are not UTF-8"]),
        (b'"=?utf-8?Q?J=C3=B6rg?=" <a@b>', ["an encoded word in quotes"]),
        (b"<=?utf-8?Q?a?=@b>", ["an encoded word that touches other text", "an encoded word in an address"]),
        (b"x=?utf-8?Q?a?= <a@b>", ["an encoded word that touches other text"]),
        (b"=?utf-8?Q?J?= <a@b> =?utf-8?Q?=2C?= c@d", ["an encoded comma between two addresses"]),
        (b"=?utf-8?Q?Smith, J <x@y>?= <a@b>", ["an encoded word with white space or question marks in it"]),
        (b"=?utf-8?Q?open <a@b>", ["an encoded word without an end"]),
        (b"a@b, " * 60_000 + b"root", ["too long to be checked"]),
    ],
)
def test_addresses(value: bytes, told: list[str]) -> None:
    assert of_field("To")(value) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"Fri, 20 Nov 2026 10:11:12 +0100", []),
        (b"20 Nov 2026 10:11 -0000", []),
        (b"Fri,\r\n 20 NOV 2026\r\n 10:11:12 GMT", []),
        (b"Fri, 20 Nov 2026 10:11:12 +0100 (a (b) c)", []),
        ("Fri, 20 Nov 2026 10:11:12 +0100 (Mitteleuropäische Zeit)".encode(), []),
        (b"20 Nov 2026 10:11 EST", []),
        (b"31 Dec 2026 23:59:60 +0000", []),
        (b"", ["empty"]),
        (b"tomorrow", ["cannot be read"]),
        (b"30 Feb 2026 10:11:12 +0000", ["cannot be read"]),
        (b"20 Nov 2026 25:11:12 +0000", ["cannot be read"]),
        (b"1 Jan 1900 00:00:00 +0000", ["a year in which no mail was sent"]),
        (b"Fri, 20 Nov 26 10:11:12 +0000", ["a year of two digits"]),
        (b"20 Nov 126 10:11:12 +0000", ["a year of three digits"]),
        (b"20 Nov 2026 10:11:12", ["no zone, read as UTC"]),
        (b"20 Nov 2026 10:11:12 A", ["a zone that is not known, read as UTC"]),
        (b"20 Nov 2026 10:11:12 CET", ["a zone that is not known, read as UTC"]),
        (b"20 Nov 2026 10:11:12 +0100 (open", ["a comment without an end"]),
        (b"20 Nov 2026 10:11:12 GMT+01:00", ["not written as RFC 5322 says"]),
        (b"Fri Nov 20 10:11:12 2026", ["not written as RFC 5322 says", "no zone, read as UTC"]),
        (b"Sun Nov  1 10:11:12 PST 2026", ["not written as RFC 5322 says"]),
        (b"November 20, 2026 10:11 pm", ["not written as RFC 5322 says", "no zone, read as UTC"]),
        (b"20 Nov 2026", ["not written as RFC 5322 says", "no time of day, read as midnight"]),
        (
            b"20-Nov-26 GMT",
            ["not written as RFC 5322 says", "a year of two digits", "no time of day, read as midnight"],
        ),
        (b"2026-11-20T10:11:12Z", ["not written as RFC 5322 says"]),
    ],
)
def test_dates(value: bytes, told: list[str]) -> None:
    assert of_field("Date")(value) == told


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("Message-ID", b"<a@b>", []),
        ("Message-ID", b" <a@b> (added by <x@y>)", []),
        ("Message-ID", b"", ["empty"]),
        ("Message-ID", b"a@b", ["not in angle brackets"]),
        ("Message-ID", b"<a@b", ["angle brackets that do not match"]),
        ("Message-ID", b"<a\r\n b@c>", ["white space in an id"]),
        ("Message-ID", b"<>", ["an empty <>"]),
        ("Message-ID", b"<a@b> x", ["text beside the id"]),
        ("Message-ID", b"<a@b> <c@d>", ["more than one id"]),
        ("Message-ID", b"<\xe4@b>", ["raw octets that are not UTF-8"]),
        ("Message-ID", b"<a\x01b>", ["control characters"]),
        ("In-Reply-To", b"Your message of Friday <a@b>", []),
        ("In-Reply-To", b"Your message of Friday", ["not in angle brackets"]),
        ("References", b"<a@b>\r\n\t<c@d><e@f>", []),
        ("References", b"<a@b> <c@", ["angle brackets that do not match"]),
        ("List-Id", b"=?utf-8?Q?Gr=C3=BC=C3=9Fe?= <list.example.org>", []),
        ("List-Id", b"list.example.org", ["not in angle brackets"]),
        ("List-Id", b"Gr\xfc\xdfe <x.y>", ["raw octets that are not UTF-8"]),
        ("Content-Type", b'text/plain; charset="utf-8"', []),
        ("Content-Type", b"multipart/mixed; boundary=a; type=b", []),
        ("Content-Type", b'image/png; name="=?utf-8?Q?Gr=C3=BC=C3=9Fe?="', []),
        ("Content-Type", b"image/png; name==?utf-8?Q?Gr=C3=BC=C3=9Fe?=", []),
        ("Content-Type", b"image/png; name*=utf-8''Gr%C3%BC%C3%9Fe", []),
        ("Content-Type", b"text/plain (comment); charset=utf-8", []),
        ("Content-Type", b"", ["a content type that is none"]),
        ("Content-Type", b"text", ["a content type that is none"]),
        ("Content-Type", b"Multipart/Mixed", ["a multipart without a boundary"]),
        ("Content-Type", b'text/plain; name="x', ["a quotation mark without an end"]),
        ("Content-Type", b"text/plain; name=\xe4", ["a parameter is in raw octets that are not UTF-8"]),
        ("Content-Type", b"text/plain; name=a; name=b", ["a parameter is there twice"]),
        ("Content-Type", b"text/plain; name*=x-none''a", ["a parameter is in a charset that is not known"]),
    ],
)
def test_other_fields(name: str, value: bytes, told: list[str]) -> None:
    assert of_field(name)(value) == told


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (b"", ()),
        (NEEDED, ()),
        (NEEDED + b"\r\n", ()),
        (NEEDED.replace(b"\r\n", b"\n") + b"\n", ()),
        (NEEDED + b"Subject : one\r\n", ()),
        (NEEDED + b"X: \xe4 =?utf-8?Q?\r\n", ()),
        (NEEDED.replace(b"\r\n", b"\r"), ("Header: lines that end with CR alone",)),
        (NEEDED + b"X: a\rb\r\n", ("Header: a CR that ends no line",)),
        (NEEDED + b"X: a\r\r\n", ("Header: a CR that ends no line",)),
        (NEEDED + b"X: a\0b\r\n", ("Header: a NUL octet",)),
        (NEEDED + b"junk\r\n", ("Header: a line that is no field",)),
        (b"From x@y Fri Nov 20 10:11:12 2026\r\n" + NEEDED, ("Header: a line that is no field",)),
        (b" folded\r\n" + NEEDED, ("Header: a line that is no field",)),
        (NEEDED + b"to: a@b\r\nTO: c@d\r\n", ("To: repeated, read as one list",)),
        (NEEDED + b"Subject: a\r\nSubject: \xe4\r\n", ("Subject: repeated, the first counts",)),
        (NEEDED + b"To: a@b\r\nTo: root\r\n", ("To: repeated, read as one list", "To: an address without a domain")),
        (DATE + b"From: \r\n", ("From: empty",)),
        (b"From: a@b\r\nSubject: root\r\nDate: x\r\n", ("Date: cannot be read",)),
    ],
)
def test_whole_headers(header: bytes, told: tuple[str, ...]) -> None:
    assert problems(header) == told


def test_each_problem_is_told_once() -> None:
    assert problems(NEEDED + b"To: root, root, <>, <>\r\n") == (
        "To: an address without a domain",
        "To: an empty <>",
    )


PIECES = st.sampled_from(
    [
        *(b"From:", b"To:", b"Subject:", b"Date:", b"Message-ID:", b"Content-Type:", b"List-Id:", b"x"),
        *(b"\r\n", b"\n", b"\r", b"\r\n ", b"\0", b"\x01", b"\xe4", b"\xc3\xa4", b" ", b"a", b"=", b"*", b"'"),
        *b'( ) < > , ; : @ " \\ [ ] . /'.split(),
        *b"=?utf-8?Q? =?utf-8?B? =?utf-16?b? =?utf-7?q? =?iso-2022-jp?B? =?x*en?q? ?= =? =C3 =0D w6Q= YQ GyRC".split(),
        *b"20 Nov 26 2026 10:11:12 +0100 GMT <a@b> text/plain multipart/x ;name= ;name*0*= boundary=".split(),
    ]
)
MIXED = st.lists(PIECES, max_size=30).map(b"".join) | st.lists(PIECES, max_size=20).map(b" ".join) | st.binary()


@given(MIXED, st.sampled_from(["", "From: ", "Subject: ", "Date: ", "References: ", "List-Id: ", "Content-Type: "]))
def test_never_fails_and_is_clean(octets: bytes, start: str) -> None:
    told = problems(start.encode() + octets)
    assert len(set(told)) == len(told)
    for problem in told:
        assert problem.isprintable()
        assert re.fullmatch(r"[A-Z][A-Za-z-]+: .+", problem)
        problem.encode("utf-8")


@given(MIXED)
def test_what_is_good_is_read_whole(octets: bytes) -> None:
    octets = re.sub(rb"[\0\r\n]", b" ", octets)
    if not of_field("Subject")(octets):
        assert "\ufffd" not in headers.decode_text(octets) or b"\xef\xbf\xbd" in octets
    if not of_field("To")(octets):
        assert all(re.search(r".@.", entry.address) for entry in addresses.parse(octets))
    if not of_field("Date")(octets):
        assert dates.parse(octets) is not None


@given(st.integers(0, 100_000))
def test_composed_messages_are_good(seed: int) -> None:
    message = Composer(seed).message()
    message["Date"] = email.utils.format_datetime(datetime(2026, 11, 20, 10, 11, 12, tzinfo=UTC))
    message["Message-ID"] = email.utils.make_msgid(domain="example.org")
    header, _, _ = bytes(message).partition(b"\r\n\r\n")
    assert problems(header + b"\r\n\r\n") == ()


TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Z", "Cf", "Cn", "Co"]), max_size=20)


@given(
    st.lists(
        st.tuples(
            TEXTS,
            st.text("abcdefgh0123456789", min_size=1, max_size=10),
            st.sampled_from(["example.com", "b.example", "xn--mnchen-3ya.de"]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_addresses_written_by_the_standard_library_are_good(members: list[tuple[str, str, str]]) -> None:
    message = EmailMessage(policy=email.policy.SMTP)
    message["Date"] = datetime(2026, 11, 20, tzinfo=UTC)
    message["From"] = [StandardAddress(name, local, domain) for name, local, domain in members]
    header = bytes(message)
    # Where it folds, Python's mailer encodes `<local@domain>,` at times, and the comma alone (CVE-2025-1795).
    assume(header.count(b"@") == len(members))
    assert [problem for problem in problems(header) if "an encoded comma" not in problem] == []


@given(TEXTS, st.sampled_from(["utf-8", "utf-16-be", "gb18030"]))
def test_subjects_written_by_the_standard_library_are_good(subject: str, label: str) -> None:
    # What looks like an encoded word is written as it is.
    assume("=?" not in subject)
    raw = email.header.Header(subject, label, header_name="Subject").encode(linesep="\r\n").encode()
    assert of_field("Subject")(raw) == []


@pytest.mark.parametrize(
    "unit",
    [
        *(
            b"=?",
            b"=?a?q?",
            b"=?utf-8?q?x?= ",
            b"=?a?b?YQ",
            b"=?a?x?",
            b"(",
            b"()",
            b'"',
            b'\\"',
            b"<",
            b"<a b>",
            b"<@",
        ),
        *(b",", b":", b";", b"@", b". ", b"a ", b"a@b,", b"[", b"\0", b"\r", b"\n", b"\n ", b"\xe4", b'a/b;c="', b"1"),
    ],
)
def test_long_headers_of_one_pattern(unit: bytes) -> None:
    octets = unit * (100_000 // len(unit))
    problems(octets)
    for name in (b"To", b"Subject", b"Date", b"References", b"List-Id", b"Content-Type"):
        problems(name + b': "' + octets)
        problems(name + b":" + octets[:30_000])
