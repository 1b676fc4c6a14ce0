"""BODYSTRUCTURE to parts: as the RFCs write it, as servers do, and as nobody should."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb import errors
from imapdb.imap.tokens import Token, tokens
from imapdb.mime import part_tree
from imapdb.mime.part_tree import Part
from imapdb.mime.structure import MAX_DEPTH, parse
from tests.kit.calls import calls
from tests.kit.structures import ENVELOPE, SHAPES, numbered, written

if TYPE_CHECKING:
    from collections.abc import Callable


def read(raw: bytes) -> Part:
    """Read octets as they come, with the literals still in them."""
    response = [b""]
    while literal := re.search(rb"\{(\d+)\}\r\n", raw):
        end = literal.end() + int(literal[1])
        response[-1] += raw[: literal.end()]
        response += [raw[literal.end() : end], b""]
        raw = raw[end:]
    response[-1] += raw
    (structure,) = tokens(response)
    return parse(structure)


def sections(part: Part) -> list[str]:
    return [inner.section for inner in part.walk()]


# As the RFCs write it.


def test_the_single_part_of_rfc_3501_8() -> None:
    assert read(b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3028 92)') == Part(
        "1", "text/plain", parameters={"charset": "US-ASCII"}, size=3028, lines=92
    )


def test_the_two_parts_of_rfc_3501_7_4_2() -> None:
    part = read(
        b'(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23)'
        b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII" "NAME" "cc.diff") "<960723163407.20117h@cac.washington.edu>"'
        b' "Compiler diff" "BASE64" 4554 73) "MIXED")'
    )
    first, second = part.children
    assert part == Part("TEXT", "multipart/mixed", children=(first, second))
    assert first == Part("1", "text/plain", parameters={"charset": "US-ASCII"}, size=1152, lines=23)
    assert second == Part(
        "2",
        "text/plain",
        parameters={"charset": "US-ASCII", "name": "cc.diff"},
        content_id="960723163407.20117h@cac.washington.edu",
        description="Compiler diff",
        encoding="base64",
        size=4554,
        lines=73,
    )
    assert part_tree.text_parts(part) == [first]
    assert part_tree.attachments(part) == [second]


GIF = b'("IMAGE" "GIF" NIL NIL NIL "BASE64" 100)'
TEXT = b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 10 1)'
BINARY = b'("APPLICATION" "OCTET-STREAM" NIL NIL NIL "BASE64" 100)'


def embedded(body: bytes, behind: bytes = b"") -> bytes:
    return b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 300 %s %s 12%s)' % (ENVELOPE, body, behind)


def test_the_sections_of_rfc_3501_6_4_5() -> None:
    inner = embedded(b'(%s%s "MIXED")' % (TEXT, BINARY))
    alternative = b'(%s("TEXT" "RICHTEXT" NIL NIL NIL "7BIT" 10 1) "ALTERNATIVE")' % TEXT
    last = embedded(b'(%s%s "MIXED")' % (TEXT, alternative))
    part = read(b'(%s%s%s(%s%s "MIXED") "MIXED")' % (TEXT, BINARY, inner, GIF, last))
    assert {inner.section: inner.type for inner in part.walk()} == {
        "TEXT": "multipart/mixed",
        "1": "text/plain",
        "2": "application/octet-stream",
        "3": "message/rfc822",
        "3.TEXT": "multipart/mixed",
        "3.1": "text/plain",
        "3.2": "application/octet-stream",
        "4": "multipart/mixed",
        "4.1": "image/gif",
        "4.2": "message/rfc822",
        "4.2.TEXT": "multipart/mixed",
        "4.2.1": "text/plain",
        "4.2.2": "multipart/alternative",
        "4.2.2.1": "text/plain",
        "4.2.2.2": "text/richtext",
    }
    assert [inner.section for inner in part.walk(into_messages=False)] == ["TEXT", "1", "2", "3", "4", "4.1", "4.2"]
    assert part.problems == ()


def test_a_message_of_one_part_in_a_message() -> None:
    part = read(embedded(TEXT))
    assert sections(part) == ["1", "1.1"]
    assert part.lines == 12
    assert part.message is not None
    assert part.message.type == "text/plain"


def test_every_field_there_is() -> None:
    part = read(
        b'("text" "x-myown" ("charset" "us-ascii" "foo" "quoted\\"string") "<foo@example.com>"'
        b' "=?iso-8859-1?Q?hell=F6?=" "8bit" 7 1 "Q2hlY2sgSW50ZWdyaXR5IQ==" ("ATTACHMENT" ("size" "5"))'
        b' ("EN" "fi-FI") "http://example.com/a" ("more" (1)) 2)'
    )
    assert part == Part(
        "1",
        "text/x-myown",
        parameters={"charset": "us-ascii", "foo": 'quoted"string'},
        content_id="foo@example.com",
        description="hellö",
        encoding="8bit",
        size=7,
        lines=1,
        md5="Q2hlY2sgSW50ZWdyaXR5IQ==",
        disposition="attachment",
        disposition_parameters={"size": "5"},
        language=("en", "fi-fi"),
        location="http://example.com/a",
    )


# As servers write it. What is said of one by name was seen from it, or in a report of its users.

SERVERS: dict[str, tuple[bytes, dict[str, str | None], tuple[str, ...]]] = {
    "Gmail": (
        (
            b'((("TEXT" "PLAIN" ("CHARSET" "UTF-8") NIL NIL "BASE64" 68 2 NIL NIL NIL)'
            b'("TEXT" "HTML" ("CHARSET" "UTF-8") NIL NIL "QUOTED-PRINTABLE" 120 3 NIL NIL NIL)'
            b' "ALTERNATIVE" ("BOUNDARY" "00b") NIL NIL)("APPLICATION" "PDF"'
            b' ("NAME" "=?UTF-8?B?R3LDvMOfZS5wZGY=?=") "<f_k0>" NIL "BASE64" 136 NIL'
            b' ("ATTACHMENT" ("FILENAME" "=?UTF-8?B?R3LDvMOfZS5wZGY=?=")) NIL) "MIXED" ("BOUNDARY" "00a") NIL NIL)'
        ),
        {"1.1": None, "1.2": None, "2": "Grüße.pdf"},
        (),
    ),
    "Gmail, a multipart whose parts it does not see": (
        b'(("TEXT" "PLAIN" NIL NIL NIL "base64" 356 5)( "X-ZIP" ("BOUNDARY" "") NIL NIL) "MIXED" NIL NIL)',
        {"1": None, "2": None},
        ("BODYSTRUCTURE: a multipart without parts (part 2)",),
    ),
    "Exchange, a message like any file": (
        (
            b'(("text" "plain" NIL NIL NIL "7bit" 2 0 NIL NIL NIL NIL)'
            b'("message" "rfc822" ("name" "Fwd.eml") NIL NIL "7bit" 4079755 NIL'
            b' ("attachment" ("filename" "Fwd.eml")) NIL NIL) "mixed" ("boundary" "b") NIL ("en-US"))'
        ),
        {"1": None, "2": "Fwd.eml"},
        (),
    ),
    "Exchange, a disposition without a list": (
        (
            b'(("text" "plain" NIL NIL NIL "QUOTED-PRINTABLE" 850 31 NIL "inline" NIL NIL)'
            b'("image" "png" ("name" "a.png") NIL NIL "base64" 850 NIL ("inline"'
            b' ("filename" "a.png" "creation-date" "Tue, 09 Jul 2019 11:53:17 GMT")) NIL NIL)'
            b' "related" ("boundary" "b") NIL NIL)'
        ),
        {"1": None, "2": "a.png"},
        (),
    ),
    "Exchange, a description for a disposition": (
        (
            b'("application" "pkcs7-mime" ("smime-type" "enveloped-data" "name" "smime.p7m") NIL NIL "base64" 100 NIL'
            b' "S/MIME Encrypted Message" NIL NIL)'
        ),
        {"1": "smime.p7m"},
        ("BODYSTRUCTURE: a disposition that is none (part 1)",),
    ),
    "a multipart without parts and without its type": (
        (
            b'("message" "rfc822" NIL NIL NIL "7bit" 903 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)'
            b' (NIL "alternative" ("boundary" "b") NIL NIL NIL) 17 NIL NIL NIL NIL)'
        ),
        {"1": None, "1.TEXT": None},
        ("BODYSTRUCTURE: a multipart without parts (part 1.TEXT)",),
    ),
    "mail.ru": (
        (
            b'(("text" "plain" ("charset" "utf-8") NIL NIL "8bit" 536 0 NIL NIL NIL NIL)'
            b'("text" "html" NIL NIL NIL "8bit" 7130 0 NIL NIL NIL NIL) "alternative" ("boundary" NIL))'
        ),
        {"1": None, "2": None},
        ("BODYSTRUCTURE: a parameter without a name or a value (part TEXT)",),
    ),
    "Cyrus": (
        (
            b'(("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "7BIT" 4 1 NIL NIL NIL NIL)("APPLICATION" "PDF" NIL NIL NIL'
            b' "BASE64" 276 NIL ("ATTACHMENT" ("FILENAME*" {26}\r\nutf-8\'\'Gr%C3%BC%C3%9Fe.pdf'
            b' "FILENAME" "plain.pdf")) ("EN" "DE") NIL) "MIXED" ("BOUNDARY" "xx") NIL NIL NIL)'
        ),
        {"1": None, "2": "Grüße.pdf"},
        (),
    ),
    "Cyrus, a piece is lost": (
        b'("APPLICATION" "PDF" NIL NIL NIL "7BIT" 1 NIL ("ATTACHMENT" ("FILENAME" "aa" "FILENAME*2" "bb")) NIL NIL)',
        {"1": "aa"},
        ("BODYSTRUCTURE: a parameter lacks one of its pieces (part 1)",),
    ),
    "Dovecot, raw octets and RFC 2047": (
        (
            b'(("application" "pdf" ("name" {9}\r\nGr\xfc\xdfe.pdf) NIL NIL "7bit" 1 NIL NIL NIL NIL)("application"'
            b' "pdf" ("name" "=?utf-8?Q?Gr=C3=BC?= =?utf-8?Q?=C3=9Fe?=") NIL NIL "7bit" 1 NIL NIL NIL NIL)'
            b' "mixed" ("boundary" "xx") NIL NIL NIL)'
        ),
        {"1": "Grüße.pdf", "2": "Grüße"},
        ("BODYSTRUCTURE: a parameter is in raw octets that are not UTF-8 (part 1)",),
    ),
    "Dovecot, types that are none": (
        (
            b'(("nonsense" "" NIL NIL NIL "7bit" 1 NIL NIL NIL NIL)("" "" NIL NIL NIL "7bit" 1 NIL ("" NIL) NIL NIL)'
            b'("text" "" ("charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL) "mixed" NIL NIL NIL NIL)'
        ),
        {"1": None, "2": None, "3": None},
        ("BODYSTRUCTURE: a content type that is none (part 1 and 2 more)",),
    ),
    "Courier, pieces as they are": (
        (
            b'("application" "pdf" NIL NIL NIL "8bit" 1 NIL ("attachment" ("filename*0*" "utf-8\'\'Gr%C3%BC"'
            b' "filename*1*" "%C3%9Fe" "filename*2" ".pdf" "filename" "plain.pdf")) NIL)'
        ),
        {"1": "Grüße.pdf"},
        (),
    ),
    "Courier, a multipart without parts": (
        b'("multipart" "mixed" ("boundary" "xx") NIL NIL "8bit" 18 NIL NIL NIL)',
        {"1": None},
        ("BODYSTRUCTURE: a multipart without parts (part 1)",),
    ),
    "GreenMail, pieces in disorder": (
        (
            b'("APPLICATION" "PDF" NIL NIL NIL "7BIT" 158 NIL ("attachment" ("filename*1*" "%C3%9Fe" "filename*2"'
            b' ".pdf" "filename*0*" "utf-8\'\'Gr%C3%BC" "filename" "plain.pdf")) NIL)'
        ),
        {"1": "Grüße.pdf"},
        (),
    ),
    "GreenMail, a message in a message": (
        (
            b'("MESSAGE" "RFC822" NIL NIL NIL "8bit" 630 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)'
            b' (("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 85 4)("text" "csv" ("charset" "utf-8")'
            b' NIL NIL "7bit" 151 6) "mixed") 25 NIL ("attachment" NIL) NIL)'
        ),
        {"1": None, "1.1": None, "1.2": None},
        (),
    ),
    # Of quoted pairs GreenMail leaves the backslashes, and nobody can tell them from those of a name.
    "GreenMail, quoted pairs": (
        b'("APPLICATION" "PDF" ("name" "a\\\\\\"b\\\\\\\\c.pdf") NIL NIL "BASE64" 325 NIL NIL NIL)',
        {"1": r"a\"b\\c.pdf"},
        (),
    ),
    "GreenMail and pymap, a multipart without parts": (
        b'( "mixed" ("boundary" "xx") NIL NIL)',
        {"TEXT": None},
        ("BODYSTRUCTURE: a multipart without parts (part TEXT)",),
    ),
    "pymap, a multipart without parts or boundary": (
        b'( "mixed" NIL NIL NIL NIL)',
        {"TEXT": None},
        ("BODYSTRUCTURE: a multipart without parts (part TEXT)",),
    ),
    "pymap, the field as it is": (
        (
            b'(("image" "png" NIL "<abc@x>" NIL "base64" 293 NIL "inline; filename=\\"pic.png\\"; size=10" "en, de"'
            b' NIL)("application" "pdf" NIL NIL NIL "base64" 603 NIL {37}\r\n'
            b'attachment; filename="Gr\xc3\xbc;\\"\xc3\x9fe.pdf" NIL NIL)'
            b'("application" "pdf" ("name" "x.pdf") NIL NIL "base64" 603 NIL "attachment;" NIL NIL)'
            b' "mixed" ("boundary" "b") NIL NIL NIL)'
        ),
        {"1": "pic.png", "2": 'Grü;"ße.pdf', "3": "x.pdf"},
        (),
    ),
    "pymap, lines less than none": (
        b'("text" "plain" NIL NIL NIL "7BIT" 450 -1 NIL NIL NIL NIL)',
        {"1": None},
        ("BODYSTRUCTURE: a number of lines that is no number (part 1)",),
    ),
}


@pytest.mark.parametrize("name", SERVERS)
def test_servers(name: str) -> None:
    raw, expected, problems = SERVERS[name]
    part = read(raw)
    assert part.usable
    assert part.problems == problems
    assert {i.section: part_tree.filename(i) for i in part.walk() if not i.children} == expected


def test_dispositions_without_a_list() -> None:
    part = read(SERVERS["pymap, the field as it is"][0])
    assert [inner.disposition for inner in part.children] == ["inline", "attachment", "attachment"]
    assert part.children[0].disposition_parameters == {"filename": "pic.png", "size": "10"}
    assert part.children[0].language == ("en", "de")
    texts = read(SERVERS["Exchange, a disposition without a list"][0])
    assert [inner.section for inner in part_tree.text_parts(texts)] == ["1"]


# As nobody should: what can be read is, and it is said what was not.


@pytest.mark.parametrize(
    ("line", "expected", "problem"),
    [
        # Fields that are missing, or NIL.
        (b'("text" "plain" NIL NIL NIL NIL 5)', {"size": 5, "encoding": "7bit"}, "an encoding that is not told"),
        (b'("text" "plain" NIL NIL NIL "7bit")', {"size": None}, "a size that is no number"),
        (b'(NIL NIL NIL NIL NIL "7bit" 5)', {"type": "text/plain"}, "a content type that is none"),
        (b'("image" NIL NIL NIL NIL "7bit" 5)', {"type": "application/octet-stream"}, "a content type that is none"),
        (b'("multipart" "" NIL NIL NIL "7bit" 5)', {"type": "multipart/mixed"}, "a content type that is none"),
        (b"(%s NIL)" % TEXT, {"type": "multipart/mixed"}, "a content type that is none"),
        (b"(%s%s)" % (TEXT, GIF), {"type": "multipart/mixed"}, "a content type that is none"),
        # Numbers.
        (b'("text" "plain" NIL NIL NIL "7bit" "5" "1")', {"size": 5, "lines": 1}, None),
        (b'("text" "plain" NIL NIL NIL "7bit" -5 1)', {"size": None, "lines": 1}, "a size that is no number"),
        (b'("text" "plain" NIL NIL NIL "7bit" %s 1)' % (b"9" * 19), {"size": None}, "a size that is no number"),
        (b'("text" "plain" NIL NIL NIL "7bit" (5) 1)', {"size": None, "lines": 1}, "a size that is no number"),
        (b'("text" "plain" NIL NIL NIL "7bit" 5 many)', {"lines": None}, "a number of lines that is no number"),
        # A text without lines, lines of what is none, no MD5.
        (b'("text" "plain" NIL NIL NIL "7bit" 5 NIL ("inline" NIL))', {"lines": None, "disposition": "inline"}, None),
        (b'("text" "plain" NIL NIL NIL "7bit" 5 "bWQ1" ("inline"))', {"md5": "bWQ1", "disposition": "inline"}, None),
        (b'("text" "plain" NIL NIL NIL "7bit" 5 1 ("inline"))', {"lines": 1, "disposition": "inline"}, None),
        (b'("image" "gif" NIL NIL NIL "7bit" 5 1 NIL ("inline"))', {"lines": 1, "disposition": "inline"}, None),
        (b'("image" "gif" NIL NIL NIL "7bit" 5 ("inline" ("a" "b")))', {"disposition": "inline"}, None),
        # Parameters.
        (b'("text" "plain" ("a" "b" "c") NIL NIL "7bit" 5)', {"parameters": {"a": "b"}}, "a parameter without"),
        (b'("text" "plain" ("a" ("b") "c" "d") NIL NIL "7bit" 5)', {"parameters": {"c": "d"}}, "a parameter without"),
        (b'("text" "plain" "utf-8" NIL NIL "7bit" 5)', {"parameters": {}}, "a text where parameters belong"),
        (b'("text" "plain" () NIL NIL "7bit" 5)', {"parameters": {}}, None),
        (b'("text" "plain" ("a" "1" "A" "2") NIL NIL "7bit" 5)', {"parameters": {"a": "1"}}, "is there twice"),
        (b'("text" "plain" ("a" "1" "A" "1") NIL NIL "7bit" 5)', {"parameters": {"a": "1"}}, None),
        # Dispositions.
        (b'("a" "b" NIL NIL NIL "7bit" 5 NIL ("x" "a" "b"))', {"disposition_parameters": {"a": "b"}}, "are no list"),
        (b'("a" "b" NIL NIL NIL "7bit" 5 NIL (NIL ("a" "b")))', {"disposition_parameters": {"a": "b"}}, None),
        (b'("a" "b" NIL NIL NIL "7bit" 5 NIL (("x")))', {"disposition": None}, "a disposition that is none"),
        (b'("a" "b" NIL NIL NIL "7bit" 5 NIL ())', {"disposition": None}, None),
        # Texts and words.
        (b'("a" "b" NIL ("x") NIL "7bit" 5)', {"content_id": None}, "a list where a text belongs"),
        (b'("a" "b" NIL "" "" " BASE64 (yes)" 5)', {"content_id": None, "encoding": "base64"}, None),
        (b'("a" "b" NIL NIL NIL "Quoted-Printable;" 5)', {"encoding": "quoted-printable"}, None),
        # Embedded messages of which not everything is told.
        (b'("message" "rfc822" NIL NIL NIL "7bit" 5)', {"message": None}, None),
        (b'("message" "rfc822" NIL NIL NIL "7bit" 5 "bWQ1" NIL)', {"md5": "bWQ1", "message": None}, None),
        (b'("message" "rfc822" NIL NIL NIL "7bit" 5 ("inline" NIL) NIL)', {"disposition": "inline"}, None),
        (b'("message" "rfc822" NIL NIL NIL "7bit" 5 NIL NIL 1)', {"lines": 1}, "an embedded message is not told"),
        (b'("message" "rfc822" NIL NIL NIL "7bit" 5 %s NIL 1)' % ENVELOPE, {"lines": 1}, "message is not told"),
        (embedded(b'("x" (1) 2)', b' "bWQ1"'), {"md5": "bWQ1", "lines": 12}, "a parameter without"),
        (embedded(b"((1))", b' "bWQ1"'), {"md5": "bWQ1", "message": None}, "in an embedded message cannot be read"),
        (embedded(b"()"), {"lines": 12, "message": None}, "what is in an embedded message cannot be read"),
        # Multiparts without parts.
        (b'("MIXED")', {"type": "multipart/mixed", "section": "TEXT"}, "a multipart without parts"),
        (b'(() "MIXED")', {"type": "multipart/mixed", "children": ()}, "a multipart without parts"),
    ],
)
def test_repaired(line: bytes, expected: dict[str, Any], problem: str | None) -> None:
    part = read(line)
    assert part.usable
    assert {name: getattr(part, name) for name in expected} == expected
    if problem is None:
        assert part.problems == ()
    else:
        assert part.problems[0].startswith("BODYSTRUCTURE: ")
        assert problem in " ".join(part.problems)


@pytest.mark.parametrize(
    ("structure", "reason"),
    [
        (None, "it describes no part"),
        (b"NIL", "it describes no part"),
        ([], "it describes no part"),
        ([None], "it describes no part"),
        ([b"text"], "it describes no part"),
        ([b"text", b"plain"], "it describes no part"),
        # The parameters are not there, and each field is in the place of the next.
        ([b"text", b"plain", None, None, b"7bit", b"5", b"1"], "it describes no part"),
        ([b"text", b"plain", None, None, None, [b"base64"], b"5"], "it describes no part"),
        # Which part is the second?
        ([[b"text", b"plain", None, None, None, b"7bit", b"5"], None, [], b"mixed"], "it describes no part"),
        ([[b"text", b"plain", None, None, None, b"7bit", b"5"], [], b"mixed"], "part 2 is not described"),
        ([[[b"x"], b"mixed"], b"mixed"], "part 1.1 is not described"),
    ],
)
def test_unusable(structure: Token, reason: str) -> None:
    part = parse(structure)
    assert part == Part(
        "", "application/octet-stream", problems=(f"BODYSTRUCTURE: cannot be used, {reason}",), usable=False
    )
    assert part_tree.attachments(part) == []
    assert part_tree.inline_texts(part) == []
    assert part_tree.text_parts(part) == []


# Written by ourselves and read back.


@given(SHAPES, st.integers(0, 2**32))
def test_what_is_written_is_read_back(shape: dict[str, Any], seed: int) -> None:
    part = numbered(shape)
    (structure,) = tokens(written(part, seed))
    assert parse(structure) == part


# Anything at all.

WORDS_OF_ANY = st.sampled_from(
    [
        b"", b"text", b"TEXT", b"plain", b"message", b"rfc822", b"multipart", b"mixed", b"base64", b"7bit", b"5", b"-1",
        b"inline", b"attachment; filename=x", b"filename*0*", b"utf-8''%", b"\xff\r\n\0", b"9" * 400,
        b"=?utf-8?Q?=FF?=",
    ]
)  # fmt: skip
ANY_TOKENS = st.recursive(
    st.none() | WORDS_OF_ANY | st.binary(max_size=4), lambda inner: st.lists(inner, max_size=12), max_leaves=60
)


def look_at(part: Part) -> None:
    every = list(part.walk())
    assert part.usable or part.problems[0].startswith("BODYSTRUCTURE: ")
    assert len({inner.section for inner in every}) == len(every)
    for inner in every:
        assert re.fullmatch(r"[\w!#$%&'*+.^`{|}~-]+/[\w!#$%&'*+.^`{|}~-]+", inner.type)
        assert inner.problems == () or inner is part
        for size in (inner.size, inner.lines, part_tree.decoded_size(inner)):
            assert size is None or 0 <= size < 10**18
        assert not re.search(r"[\r\n\0]", json.dumps([repr(inner), part_tree.filename(inner)]))
        repr(inner).encode()
        assert inner.children == () or inner.message is None
    texts, attached = part_tree.inline_texts(part), part_tree.attachments(part)
    assert not [inner for inner in attached if inner in texts]
    assert all(inner in texts for inner in part_tree.text_parts(part))
    part_tree.charset_label(part)


@given(ANY_TOKENS)
def test_any_tokens(structure: Token) -> None:
    look_at(parse(structure))


def places(structure: list[Token]) -> list[tuple[list[Token], int]]:
    """Every place in a token list: a list, and an index in it."""
    found: list[tuple[list[Token], int]] = []
    rest = [structure]
    while rest:
        told = rest.pop()
        found += [(told, n) for n in range(len(told))]
        rest += [word for word in told if isinstance(word, list)]
    return found


@given(SHAPES, st.integers(0, 2**32), st.data())
def test_changed_tokens(shape: dict[str, Any], seed: int, data: st.DataObject) -> None:
    structure = tokens(written(numbered(shape), seed))
    for _ in range(data.draw(st.integers(1, 4))):
        if not structure:
            break
        told, n = data.draw(st.sampled_from(places(structure)))
        end = data.draw(st.sampled_from([n, n + 1, len(told)]))
        told[n:end] = data.draw(st.lists(ANY_TOKENS, max_size=1))
    look_at(parse(structure[0] if structure else None))


@given(SHAPES, st.integers(0, 2**32), st.data())
def test_mangled_lines(shape: dict[str, Any], seed: int, data: st.DataObject) -> None:
    response = written(numbered(shape), seed)
    n = data.draw(st.integers(0, len(response) - 1))
    at = data.draw(st.integers(0, len(response[n])))
    cut = data.draw(st.integers(0, 5) | st.just(10**6))
    response[n] = response[n][:at] + data.draw(st.sampled_from([b"", b"(", b")", b'"', b" ", b"NIL", b"\\"]))
    response[n] += response[n][at + cut :]
    try:
        found = tokens(response)
    except errors.ProtocolError:
        return
    for structure in found:
        look_at(parse(structure))


# Deep, wide, and long.


def nested(depth: int, wrap: Callable[[Token], list[Token]]) -> Token:
    structure: Token = [b"text", b"plain", None, None, None, b"7bit", b"5", b"1"]
    for _ in range(depth):
        structure = wrap(structure)
    return structure


def in_multipart(inner: Token) -> list[Token]:
    return [inner, b"mixed"]


def in_message(inner: Token) -> list[Token]:
    return [b"message", b"rfc822", None, None, None, b"7bit", b"5", [None] * 10, inner, b"1"]


@pytest.mark.parametrize("wrap", [in_multipart, in_message])
def test_as_deep_as_a_response_can_be(wrap: Callable[[Token], list[Token]]) -> None:
    part = parse(nested(MAX_DEPTH - 1, wrap))
    *_, innermost = part.walk()
    assert part.usable
    assert innermost.section == ".".join(["1"] * (MAX_DEPTH if wrap is in_message else MAX_DEPTH - 1))
    assert part == parse(nested(MAX_DEPTH - 1, wrap))
    repr(part)


def test_deeper_than_that() -> None:
    part = parse(nested(10_000, in_multipart))
    assert part.problems == (f"BODYSTRUCTURE: cannot be used, it nests more than {MAX_DEPTH} parts",)
    # In messages that are in messages it is those that are not looked into.
    part = parse(nested(10_000, in_message))
    assert part.usable
    assert len(list(part.walk())) == MAX_DEPTH
    assert "what is in an embedded message cannot be read" in part.problems[0]


def wide(count: int) -> Token:
    parts: list[Token] = [[b"text", b"", None, None, None, b"base64", b"x", b"1"] for _ in range(count)]
    return [*parts, b"mixed"]


def test_many_parts() -> None:
    part = parse(wide(50_000))
    assert len(part.children) == 50_000
    assert part.children[-1].section == "50000"
    assert part.problems == (
        "BODYSTRUCTURE: a content type that is none (part 1 and 49999 more)",
        "BODYSTRUCTURE: a size that is no number (part 1 and 49999 more)",
    )
    assert len(part_tree.text_parts(part)) == 50_000


def with_parameters(*pairs: bytes) -> Token:
    return [b"text", b"plain", list(pairs), None, None, b"7bit", b"5", b"1"]


def ladder(count: int) -> Token:
    """Build alternatives in alternatives, each with a text beside the next."""
    structure: Token = [b"text", b"html", None, None, None, b"7bit", b"5", b"1"]
    for _ in range(count // 10):
        structure = [[b"text", b"x", None, None, None, b"7bit", b"5", b"1"], structure, b"alternative"]
    return structure


@pytest.mark.parametrize(
    "build",
    [
        wide,
        ladder,
        lambda count: with_parameters(*(word for n in range(count) for word in (b"n*%d*" % n, b"%C3%A4"))),
        lambda count: with_parameters(*([b"n", b"x"] * count)),
        lambda count: [b"a", b"b", None, None, None, b"7bit", b"5", None, b'a; b="' + b'\\"' * count],
        lambda count: [b"a", b"b", None, None, None, b"7bit", b"5", None, b'a; b="c"' * count],
        lambda count: [[b"x"] for _ in range(count)],
        lambda count: [None] * count,
    ],
)
def test_twice_as_much_takes_twice_as_long(build: Callable[[int], Token]) -> None:
    def work(structure: Token) -> None:
        part = parse(structure)
        part_tree.text_parts(part)
        part_tree.attachments(part)

    half, whole = build(900), build(1800)
    work(half)
    assert calls(lambda: work(whole)) <= 2.2 * calls(lambda: work(half)) + 100
