"""Our own walk over whole messages: what it finds in odd ones, and that Dovecot and `email` find the same."""

from __future__ import annotations

import email
import email.policy
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapdb.imap.tokens import tokens
from imapdb.mime import part_tree, structure, transfer
from imapdb.mime import walk as module
from imapdb.mime.part_tree import Part
from imapdb.mime.walk import walk
from tests.kit.calls import calls
from tests.kit.composer import Composer
from tests.kit.login import checked
from tests.kit.nasty import HAND_MADE, NASTY, appendable, nasty_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imapdb.mime.walk import Walked
    from tests.kit.servers import Login


def types(message: bytes) -> dict[str, str]:
    return {part.section: part.type for part in walk(message).part.walk()}


def octets(message: bytes) -> dict[str, bytes]:
    return {section: message[start:end] for section, (start, end) in walk(message).spans.items()}


# One by one.


def test_all_that_a_part_can_say() -> None:
    message = (
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: TEXT/x-Own; charset=us-ascii; foo="quoted\\"string"; name*=utf-8\'\'Gr%C3%BC\r\n'
        b"Content-ID: <foo@example.com>\r\nContent-Description: =?iso-8859-1?Q?hell=F6?=\r\n"
        b"Content-Transfer-Encoding: Quoted-Printable\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n"
        b'Content-Disposition: ATTACHMENT;\r\n\tfilename="a;b.txt"; size=5\r\nContent-Language: EN, fi-FI\r\n'
        b"Content-Location: http://example.com/a\r\n\r\nhello\r\nyou"
    )
    part, spans, _ = walk(message)
    assert part == Part(
        "1",
        "text/x-own",
        parameters={"charset": "us-ascii", "foo": 'quoted"string', "name": "Grü"},
        content_id="foo@example.com",
        description="hellö",
        encoding="quoted-printable",
        size=10,
        lines=1,
        md5="Q2hlY2sgSW50ZWdyaXR5IQ==",
        disposition="attachment",
        disposition_parameters={"filename": "a;b.txt", "size": "5"},
        language=("en", "fi-fi"),
        location="http://example.com/a",
    )
    assert spans == {"1": (len(message) - 10, len(message))}


def test_the_sections_of_rfc_3501_6_4_5() -> None:
    message = HAND_MADE["a multipart in a letter in a multipart"]
    part, spans, _ = walk(message)
    assert {inner.section: inner.type for inner in part.walk()} == {
        "TEXT": "multipart/mixed",
        "1": "text/plain",
        "2": "message/rfc822",
        "2.TEXT": "multipart/mixed",
        "2.1": "text/plain",
        "2.2": "application/pdf",
        "3": "application/pdf",
    }
    assert list(spans) == ["1", "2", "2.1", "2.2", "3"]
    letter = part.children[1]
    assert letter.message is not None
    assert letter.size == spans["2"][1] - spans["2"][0]
    assert part.problems == ()


def test_the_octets_of_each_part() -> None:
    assert octets(HAND_MADE["a preamble and an epilogue"]) == {"1": b"hello\r\n"}
    assert octets(HAND_MADE["parts without a header"]) == {"1": b"hello", "2": b"", "3": b""}
    assert octets(HAND_MADE["two in one"]) == {"1.1": b"hello\r\n", "1.2": b"hello\r\n", "2": b"JVBERi0xLjQK\r\n"}
    assert octets(HAND_MADE["lines of dashes"]) == {"1": b"-- \r\n--\r\n---\r\n--x\r\n--\r\n"}
    assert octets(HAND_MADE["bare LF"]) == {"1": b"hello\n", "2": b"JVBERi0xLjQK\n"}
    assert octets(HAND_MADE["NULs"]) == {"1": b"a\0b\r\n"}
    assert octets(HAND_MADE["a letter whose own header has no end"])["1"] == b""
    assert octets(HAND_MADE["a boundary in a header"]) == {"1": b"", "2": b"hello"}


TYPES: dict[str, str] = {
    "no body": "1 text/plain",
    "nothing but an empty line": "1 text/plain",
    "a From line of mbox": "1 text/plain",
    "a line without a colon": "1 text/html",
    "a header that begins with a folded line": "1 text/html",
    "a long folded header": "1 text/html",
    "lower-case names": "1 text/html",
    "no MIME-Version": "1 text/html",
    "an empty content type": "1 text/plain",
    "an image of no kind": "1 application/octet-stream",
    "a content type with comments": "1 text/html",
    "a content type with blanks": "1 text/html",
    "no semicolon": "1 text/html",
    "every field twice": "1 text/html",
    "a multipart of no kind": "TEXT multipart/mixed, 1 text/plain",
    "no boundary": "TEXT multipart/mixed, 1 text/plain",
    "another boundary": "TEXT multipart/mixed, 1 text/plain",
    "an empty boundary": "TEXT multipart/mixed, 1 text/plain, 2 application/pdf",
    "a boundary with a comment": "TEXT multipart/mixed, 1 text/plain",
    "a boundary of special characters": "TEXT multipart/mixed, 1 text/plain, 2 application/pdf",
    "a boundary in pieces": "TEXT multipart/mixed, 1 text/plain",
    "text behind the boundary": "TEXT multipart/mixed, 1 text/plain, 2 application/pdf",
    "blanks behind the boundary": "TEXT multipart/mixed, 1 text/plain, 2 application/pdf",
    "no last boundary": "TEXT multipart/mixed, 1 text/plain, 2 application/pdf, 3 text/plain",
    "the last boundary first": "TEXT multipart/mixed, 1 text/plain",
    "parts behind the last boundary": "TEXT multipart/mixed, 1 text/plain",
    "no line end behind a boundary": "TEXT multipart/mixed, 1 text/plain",
    "the same boundary inside": "TEXT multipart/mixed, 1 multipart/mixed, 1.1 text/plain, 1.2 application/pdf, "
    "2 application/pdf",
    "the same boundary inside, not closed": "TEXT multipart/mixed, 1 multipart/mixed, 1.1 text/plain, "
    "1.2 application/pdf, 1.3 text/plain, 1.4 application/pdf",
    "an inner boundary that begins with the outer": "TEXT multipart/mixed, 1 multipart/mixed, 1.1 text/plain, "
    "1.2 application/pdf, 2 application/pdf",
    "an outer boundary that is the inner's end": "TEXT multipart/mixed, 1 multipart/mixed, 1.1 text/plain, "
    "1.2 application/pdf, 2 application/pdf",
    "the outer closed inside the inner": "TEXT multipart/mixed, 1 multipart/mixed, 1.1 text/plain",
    "a letter inside in base64": "TEXT multipart/mixed, 1 message/rfc822, 2 application/pdf",
    "a letter inside that is empty": "TEXT multipart/mixed, 1 message/rfc822, 1.1 text/plain, 2 application/pdf",
    "a letter of all the world": "TEXT multipart/mixed, 1 message/global, 1.1 text/plain",
    "a piece of a letter": "1 message/partial",
    "a digest": "TEXT multipart/digest, 1 message/rfc822, 1.1 text/plain, 2 text/plain, 3 message/rfc822, "
    "3.1 text/plain",
}


@pytest.mark.parametrize("name", TYPES)
def test_the_types(name: str) -> None:
    assert ", ".join(f"{section} {kind}" for section, kind in types(HAND_MADE[name]).items()) == TYPES[name]


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        ("a multipart", ()),
        ("no body", ()),
        ("a preamble and an epilogue", ()),
        ("letters in letters", ()),
        ("nested 20 deep", ()),
        ("bare LF", ()),
        ("a digest", ()),
        ("a boundary of special characters", ("a boundary that should be in quotes (part TEXT)",)),
        ("a boundary with a comment", ()),
        ("a boundary with blanks", ()),
        ("a boundary with backslashes", ()),
        ("a From line of mbox", ("a line in a header that is no field (part 1)",)),
        ("an empty content type", ("a content type that is none (part 1)",)),
        ("no semicolon", ("a content type with something behind it (part 1)",)),
        ("an unfinished quote", ("a quotation that does not end (part 1)",)),
        ("an empty encoding", ("an encoding that is not told (part 1)",)),
        ("an encoding with a semicolon", ("an encoding with something behind it (part 1)",)),
        ("no boundary", ("a multipart without a boundary (part TEXT)",)),
        ("another boundary", ("a multipart without parts (part TEXT)",)),
        ("no last boundary", ("the last boundary is missing (part TEXT)",)),
        ("a multipart that says it is base64", ("a multipart that says it is encoded (part TEXT)",)),
        ("a letter inside in base64", ("an embedded message that is encoded (part 1)",)),
        ("parts that are empty", ("the header of a part that runs into a boundary (part TEXT and 4 more)",)),
        ("an inner multipart that is not closed", ("the last boundary is missing (part 1)",)),
        (
            "every field twice",
            tuple(f"Content-{name} is there twice (part 1)" for name in ("Type", "Transfer-Encoding", "Disposition")),
        ),
    ],
)
def test_what_was_repaired(name: str, problems: tuple[str, ...]) -> None:
    assert walk(HAND_MADE[name]).part.problems == tuple(f"MIME: {problem}" for problem in problems)


def test_what_was_repaired_in_many_parts_is_told_once() -> None:
    part = b"--b\r\nno colon\r\n\r\nhello\r\n"
    problems = walk(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 1000).part.problems
    assert problems == (
        "MIME: a line in a header that is no field (part 1 and 999 more)",
        "MIME: the last boundary is missing (part TEXT)",
    )


# Limits.

MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


def test_multiparts_nest_so_deep_and_no_deeper() -> None:
    message = b"".join(MIXED.replace(b"=b", b"=%d" % n) + b"--%d\r\n" % n for n in range(1000, 1300))
    part, spans, _ = walk(message + b"\r\nhello")
    every = list(part.walk())
    assert len(every) == structure.MAX_DEPTH
    assert every[-1].type == "multipart/mixed"
    assert spans == {}
    assert "MIME: parts nested more than 200 deep" in " ".join(part.problems)
    assert part == walk(message + b"\r\nhello").part  # can be compared
    assert repr(part)


def test_letters_nest_so_deep_and_no_deeper() -> None:
    message = b"Content-Type: message/rfc822\r\n\r\n" * 300 + b"\r\nhello"
    part, spans, _ = walk(message)
    every = list(part.walk())
    assert len(every) == structure.MAX_DEPTH
    assert message[slice(*spans[every[-1].section])].endswith(b"hello")
    assert part.problems == (f"MIME: parts nested more than 200 deep (part {every[-1].section})",)


def test_fifty_thousand_parts() -> None:
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nhello\r\n" * 50_000 + b"--b--\r\n"
    part, spans, _ = walk(message)
    assert len(part.children) == len(spans) == 50_000
    assert part.children[-1] == Part("50000", "text/plain", size=5, lines=0)
    assert part.problems == ()


def test_more_parts_than_that_are_left_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PARTS", 4)
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nhello\r\n" * 5 + b"--b--\r\n"
    assert octets(message) == {
        "1": b"hello",
        "2": b"hello",
        "3": b"hello" + b"\r\n--b\r\n\r\nhello" * 2 + b"\r\n--b--\r\n",
    }
    assert walk(message).part.problems == ("MIME: more than 4 parts (part 3)",)


def test_a_header_of_five_megabytes() -> None:
    field = b"X-Long: " + b"x" * 2_500_000 + b"\r\nX-Folded: y\r\n" + b" y\r\n" * 625_000
    assert types(field + b"Content-Type: text/html\r\n\r\n<p>") == {"1": "text/html"}


@pytest.mark.parametrize(
    "build",
    [
        lambda count: MIXED + b"--b\r\n\r\nhello\r\n" * count,
        lambda count: MIXED + b"--b\r\n" * count,
        lambda count: MIXED + b"--b\r\na: b\r\n" * count,
        lambda count: MIXED * 150 + b"--b\r\n\r\n" * count,
        lambda count: MIXED * 150 + b"--c\r\n\r\n" * count,
        lambda count: MIXED + b"".join(b"--b\r\n" + MIXED.replace(b"=b", b"=c%d" % n) for n in range(count)),
        lambda count: (
            b"".join(MIXED.replace(b"=b", b"=c%d" % n) + b"--c%d\r\n" % n for n in range(1000, 1000 + min(count, 150)))
            + b"\n--d" * count
        ),
        lambda count: MIXED + b"--b\r\nContent-Type: message/rfc822\r\n" * count,
        lambda count: b"Content-Type: text/plain" + b"; a=b" * count,
        lambda count: b"Content-Type: text/plain " + b"(" * count,
        lambda count: b"Content-Type: text/plain\r\n" * count,
    ],
)
def test_twice_as_much_takes_twice_as_long(build: Callable[[int], bytes]) -> None:
    half, whole = build(1000), build(2000)
    walk(half)
    assert calls(lambda: walk(whole)) <= 2.2 * calls(lambda: walk(half)) + 100


BOUNDARIES = st.text("aZ09_'()+,./:=?- *", min_size=1, max_size=20).filter(lambda text: text == text.strip())


@given(BOUNDARIES)
def test_the_common_way_to_write_a_multipart_is_read_as_any_other(boundary: str) -> None:
    message = f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n--{boundary}\r\n\r\nhello'.encode()
    assert octets(message)["1"] == b"hello"
    assert walk(message) == walk(message.replace(b"boundary=", b"BOUNDARY="))


# Anything at all.


def look_at(message: bytes) -> None:
    part, spans, _ = walk(message)
    every = list(part.walk())
    sections = [inner.section for inner in every]
    assert len(set(sections)) == len(sections)
    assert set(spans) == {inner.section for inner in every if not inner.type.startswith("multipart/")}
    assert part.usable
    for inner in every:
        assert inner.problems == (part.problems if inner is part else ())
        assert re.fullmatch(r"[\w!#$%&'*+.^`{|}~-]+/[\w!#$%&'*+.^`{|}~-]+", inner.type)
        if inner.section in spans:
            start, end = spans[inner.section]
            assert 0 <= start <= end <= len(message)
            assert inner.size == end - start
        if inner.message is not None:
            around = spans[inner.section]
            for below in inner.message.walk():
                start, end = spans.get(below.section, around)
                assert around[0] <= start <= end <= around[1]
    starts = [spans[inner.section] for inner in part.walk(into_messages=False) if inner.section in spans]
    assert all(one[1] <= other[0] for one, other in pairwise(starts))
    part_tree.text_parts(part)
    part_tree.attachments(part)


@given(NASTY)
def test_any_nasty_message_is_read(message: bytes) -> None:
    look_at(message)


PIECES = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"--b", b"--bb", b"--", b"\n--b\n", b"\r\n--b--\r\n", b"--b--\n", b" ",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n", b"Content-Type: multipart/digest; boundary=bb\n\n",
        b'Content-Type: multipart/x; boundary=""\r\n\r\n', b"Content-Type: message/rfc822\r\n\r\n", b"Content-Type:",
        b"Content-Type: text/plain\r\n", b":", b"Content-Transfer-Encoding: base64\r\n", b'"', b"(", b";",
        b"Content-Disposition: attachment; filename*0*=", b"\xff", b"a: b\r\n", b"hello", b"boundary=", b"\0",
    ]
)  # fmt: skip


@given(st.lists(PIECES | st.binary(max_size=4), max_size=60).map(b"".join))
def test_any_octets_are_read(message: bytes) -> None:
    look_at(message)


@pytest.mark.parametrize("name", HAND_MADE)
def test_hand_made_ones_are_read_and_cut_ones_too(name: str) -> None:
    message = HAND_MADE[name]
    for end in range(0, len(message) + 1, 1 + len(message) // 100):
        look_at(message[:end])
    look_at(message)


@given(NASTY.map(appendable))
def test_line_ends_of_either_kind_make_the_same_parts(message: bytes) -> None:
    bare = message.replace(b"\r\n", b"\n")
    one, other = walk(message), walk(bare)
    assert types(message) == types(bare)
    assert one.part.problems == other.part.problems
    assert {section: octet.replace(b"\r\n", b"\n") for section, octet in octets(message).items()} == octets(bare)


# Beside the standard library.


@given(st.integers(0, 2**32))
def test_the_standard_library_agrees_on_good_mail(seed: int) -> None:
    message = Composer(seed).message().as_bytes()
    part, spans, _ = walk(message)
    assert part.problems == ()
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    for inner, other in zip(part.walk(), parsed.walk(), strict=True):
        assert inner.type == other.get_content_type()
        assert part_tree.filename(inner) == other.get_filename()
        assert part_tree.charset_label(inner) == other.get_content_charset()
        assert inner.disposition == other.get_content_disposition()
        if inner.section in spans and inner.message is None:
            start, end = spans[inner.section]
            assert transfer.decode(message[start:end], inner.encoding).octets == other.get_payload(decode=True)


# Beside Dovecot.


Row = tuple[str, str, int | None]


def rows(part: Part) -> dict[str, Row]:
    """Tell of each section the type, the encoding and the size."""
    return {inner.section: (inner.type, inner.encoding, inner.size) for inner in part.walk()}


def structure_of(answer: list[Any]) -> Part:
    response = [b"* "]
    for piece in answer:
        line, literal = piece if isinstance(piece, tuple) else (piece, None)
        response[-1] += line
        if literal is not None:
            response[-1] += b"\r\n"
            response += [literal, b""]
    match tokens(response, 2):
        case [bytes(), list(pairs)]:
            return structure.parse(pairs[pairs.index(b"BODYSTRUCTURE") + 1])
    raise AssertionError(response)


def octets_of(client: Any, uid: int, sections: list[str]) -> dict[str, bytes]:
    items = " ".join(f"BODY.PEEK[{section}]" for section in sections)
    found: dict[str, bytes] = {}
    for piece in checked(client.uid("FETCH", str(uid), f"({items})")):
        line = piece[0] if isinstance(piece, tuple) else piece
        # What is empty comes in quotes, what is not as a literal.
        found |= {section.decode(): b"" for section in re.findall(rb'BODY\[([^\]]*)\] ""', line)}
        if isinstance(piece, tuple):
            found[re.findall(rb"BODY\[([^\]]*)\] \{\d+\}$", line)[0].decode()] = piece[1]
    return found


def compared(login: Login, messages: dict[str, bytes]) -> Iterator[tuple[str, Walked, dict[str, tuple[Any, Any]]]]:
    """Give of each message in what Dovecot and we differ, by section: its row and ours, else its octets and ours."""
    told = {name: appendable(message) for name, message in messages.items()}
    uids = login.append_all("INBOX", told.values())
    with login.imaplib() as client:
        checked(client.select("INBOX", readonly=True))
        for uid, (name, message) in zip(uids, told.items(), strict=True):
            walked = walk(message)
            theirs = rows(structure_of(checked(client.uid("FETCH", str(uid), "(BODYSTRUCTURE)"))))
            ours = rows(walked.part)
            both = {section: (theirs.get(section), ours.get(section)) for section in {**theirs, **ours}}
            different: dict[str, tuple[Any, Any]] = {
                section: pair for section, pair in both.items() if len({*pair}) > 1
            }
            if not different:
                fetched = octets_of(client, uid, list(walked.spans))
                for section, (start, end) in walked.spans.items():
                    if fetched[section] != message[start:end]:
                        different[section] = fetched[section], message[start:end]
            yield name, walked, different


# Why Dovecot's reading is not followed, and what it says of which section beside what we say.
KNOWN: dict[str, dict[str, tuple[Row | None, Row | None]]] = {
    # It knows no encoding where there are no other fields of MIME. That one is written by mailers that encode.
    "only an encoding": {"1": (("text/plain", "7bit", 10), ("text/plain", "base64", 10))},
    # What stands behind it takes the word away.
    "an encoding with a semicolon": {"1": (("text/plain", "7bit", 6), ("text/plain", "base64", 6))},
    "a content type of three words": {"1": (("text/plain", "7bit", 7), ("text/html", "7bit", 7))},
    "no semicolon": {"1": (("text/plain", "7bit", 7), ("text/html", "7bit", 7))},
    "a comma for a semicolon": {"1": (("text/plain", "7bit", 7), ("text/html", "7bit", 7))},
    # It is no multipart without its subtype.
    "a multipart of no kind": {
        "1": (("text/plain", "7bit", 49), ("text/plain", "7bit", 7)),
        "TEXT": (None, ("multipart/mixed", "7bit", None)),
    },
    # A quotation without an end is nothing, so there is no boundary.
    "a boundary in an unfinished quote": {"1": (("text/plain", "7bit", 0), ("text/plain", "7bit", 7))},
    # The boundary ends where it should have been in quotes, or after 80 octets: the last one is taken for any other.
    "a boundary of special characters": {"3": (("text/plain", "7bit", 0), None)},
    "a boundary of 200": {"3": (("text/plain", "7bit", 0), None)},
    # The encoded text of the letter is read as its header.
    "a letter inside in base64": {
        "1": (("message/rfc822", "base64", 164), ("message/rfc822", "base64", 162)),
        "1.1": (("text/plain", "7bit", 0), None),
    },
    # RFC 6532 is not known to it.
    "a letter of all the world": {"1.1": (None, ("text/plain", "7bit", 14))},
}


def test_dovecot_tells_the_same_of_hand_made_messages(dovecot_login: Login) -> None:
    assert len(HAND_MADE) >= 80
    assert {name: different for name, _, different in compared(dovecot_login, HAND_MADE) if different} == KNOWN


# Which of our problems make a difference of any kind.
PROBLEMS_KNOWN = (
    "something behind it",
    "message that is encoded",
    "quotation that does not end",
    "should be in quotes",
)


def is_known(problems: str, theirs: Row | None, ours: Row | None) -> bool:
    """Tell whether the difference is of a kind that `KNOWN` shows an example of."""
    if any(problem in problems for problem in PROBLEMS_KNOWN):
        return True
    # A multipart of no kind.
    if "a content type that is none" in problems and (ours is None or theirs is None or theirs[0] != ours[0]):
        return True
    # An encoding that it does not know.
    return theirs is not None and ours is not None and theirs == (ours[0], "7bit", ours[2])


def test_dovecot_tells_the_same_of_generated_messages(dovecot_login: Login) -> None:
    count = max(200, 2 * settings().max_examples)
    messages = {str(n): message for n, message in enumerate(nasty_messages(count))}
    agreed = 0
    for name, walked, different in compared(dovecot_login, messages):
        problems = " ".join(walked.part.problems)
        unknown = {section: pair for section, pair in different.items() if not is_known(problems, *pair)}
        assert unknown == {}, (name, messages[name])
        agreed += not different
    assert agreed >= 0.8 * count


def test_dovecot_ends_sooner(dovecot_login: Login) -> None:
    """It looks into no more than 100 parts in each other, and at no more than 10,000 in all."""
    nested = b"".join(MIXED.replace(b"=b", b"=%d" % n) + b"--%d\r\n" % n for n in range(1000, 1120))
    many = MIXED + b"--b\r\n\r\nhello\r\n" * 10_100 + b"--b--\r\n"
    messages = {"nested": nested + b"\r\nhello", "many": many}
    different = {name: differences for name, _, differences in compared(dovecot_login, messages)}
    assert min(section.count(".") for section in different["nested"]) == 98
    assert min(int(section) for section in different["many"]) == 9_999


def test_nasty_messages_are_the_same_each_time_and_not_each_other() -> None:
    messages = list(nasty_messages(500))
    assert messages == list(nasty_messages(500))
    assert messages != list(nasty_messages(500, 1))
    assert len(set(messages)) > 450
    assert all(re.fullmatch(rb"(?:[^\r\n\0]|\r\n)+", appendable(message)) for message in messages)
