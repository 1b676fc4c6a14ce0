"""Octets of every kind at the readers of messages, headers, structures and parts: none raises, and what comes is sound.

What is read is kept in tests/corpus: each file whole, cut at every octet, and with pieces of it lost, doubled, swapped
and changed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb.errors import ProtocolError
from imapdb.imap.fetch import Fetched
from imapdb.imap.tokens import tokens
from imapdb.mime import (
    addresses,
    body_text,
    dates,
    entity_header,
    field_problems,
    filenames,
    headers,
    html_text,
    part_tree,
    structure,
    texts,
    transfer,
)
from imapdb.mime.flowed import unflow
from imapdb.mime.walk import walk
from imapdb.sql.columns import COLUMNS
from imapdb.sql.said import described
from tests.kit.kinds import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from imapdb.mime.part_tree import Part

CORPUS: Final = Path(__file__).parent / "corpus"
KINDS: Final = ("messages", "headers", "structures", "parts")
FILES: Final = {kind: {path.name: path.read_bytes() for path in sorted((CORPUS / kind).iterdir())} for kind in KINDS}
ENCODINGS: Final = ("base64", "quoted-printable", "x-uuencode", "7bit", "x-nobody")
LABELS: Final = (
    None, "us-ascii", "utf-8", "iso-8859-1", "iso-2022-jp", "utf-16", "utf-7", "shift_jis", "gb2312", "x-nobody",
)  # fmt: skip


def sound(text: str | None) -> None:
    if text is not None:
        assert "\0" not in text
        text.encode()  # no surrogates


# What is done with each kind.


def read_message(octets: bytes) -> None:
    """Make every column of a message that came whole, and every attachment."""
    message = Fetched(1)
    message.body, message.flags, message.size = octets, b"\\Seen", len(octets)
    message.date = b"29-Feb-2024 10:00:00 +0000"
    counts = {}
    for column in COLUMNS:
        value = column.value(message)
        check(column.name, value)
        if column.name in ("content", "attachments"):
            counts[column.name] = len(json.loads(str(value)))
    tree, spans, _ = walk(octets)
    parts = {part.section: part for part in tree.walk()}
    for part in parts.values():
        look_at(part)
    for section, (start, end) in spans.items():
        assert 0 <= start <= end <= len(octets)
        assert parts[section].size == end - start
        assert len(transfer.decode(octets[start:end], parts[section].encoding).octets) <= end - start
    assert spans
    assert counts == {
        "content": len(part_tree.inline_texts(tree)),
        "attachments": len(part_tree.attachments(tree)),
    }


def look_at(part: Part) -> None:
    for text in (part.section, part.type, part.content_id, part.description, part.encoding, part.disposition):
        sound(text)
    for name, value in (*part.parameters.items(), *part.disposition_parameters.items()):
        sound(name)
        sound(value)
    name = filenames.safe(part_tree.filename(part), section=part.section, content_type=part.type)
    assert name
    assert not re.search(r"[/\\\0]", name)
    check("attachments", json.dumps([described(part)]))


def read_header(octets: bytes) -> None:
    fields = headers.split_fields(octets)
    check("headers", json.dumps(headers.decode_json_headers(octets), ensure_ascii=False))
    for _, value in [*fields, (b"", octets)]:
        for text in (headers.decode_text(value), headers.decode_id(value), addresses.format_list(value)):
            sound(text)
            assert "\n" not in text
        for address in addresses.parse(value):
            assert address.name or address.address
        check("sent", dates.sql_from_header(value))
    for problem in field_problems.problems(octets):
        assert re.match(r"[A-Z][\w-]*: \w", problem)
    header = entity_header.read(b"\n" + octets, "text/plain", sound)
    assert re.fullmatch(r"[^/\s]+/[^/\s]+", header.type)
    sound(header.disposition)


LITERAL: Final = re.compile(rb"\{(\d{1,6})\}\r\n")


def response(octets: bytes) -> list[bytes]:
    """Take a response apart as it is read from the wire: lines, and the literals between them."""
    parts, start = [], 0
    while literal := LITERAL.search(octets, start):
        end = literal.end() + int(literal[1])
        parts += [octets[start : literal.end()], octets[literal.end() : end]]
        start = end
    return [*parts, octets[start:]]


def read_structure(octets: bytes) -> None:
    try:
        told = tokens(response(octets), 2)
    except ProtocolError:
        return  # the message then comes whole
    for token in told:
        inside = [inner for inner in token if isinstance(inner, list)] if isinstance(token, list) else []
        for one in (token, *inside):
            read_tree(structure.parse(one))


def read_tree(tree: Part) -> None:
    if not tree.usable:
        assert tree.problems
        return
    for part in tree.walk():
        look_at(part)
    sections = [part.section for part in tree.walk()]
    assert len(set(sections)) == len(sections)
    sound(texts.main_charset(tree))
    wanted = texts.wanted(tree, ("text", "html", "content"))
    assert all(part.type.startswith("text/") for part in wanted)


def read_part(octets: bytes) -> None:
    for encoding in ENCODINGS:
        whole = transfer.decode(octets, encoding)
        decoder = transfer.decoder(encoding)
        cut = len(octets) // 3
        pieces = decoder.feed(octets[:cut]) + decoder.feed(octets[cut:]) + decoder.end()
        assert (pieces, sorted(decoder.problems)) == (whole.octets, sorted(whole.problems))
    for label in LABELS:
        text = body_text.decode(octets, label, is_html=label is None).text
        sound(text)
        assert "\r" not in text
    for shown in (html_text.to_text(text), unflow(text), unflow(text, delsp=True)):
        sound(shown)


READERS: Final[dict[str, Callable[[bytes], None]]] = {
    "messages": read_message,
    "headers": read_header,
    "structures": read_structure,
    "parts": read_part,
}


# The corpus itself.


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_read_whole(kind: str) -> None:
    assert len(FILES[kind]) >= 10
    for octets in FILES[kind].values():
        READERS[kind](octets)


LONGEST_CUT_ANYWHERE: Final = 1000


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in FILES[kind]])
def test_every_file_is_read_cut_anywhere(kind: str, name: str) -> None:
    octets = FILES[kind][name]
    for end in range(0, len(octets), 1 + len(octets) // LONGEST_CUT_ANYWHERE):
        READERS[kind](octets[:end])


def test_the_files_are_what_they_are_called() -> None:
    for octets in FILES["structures"].values():
        assert octets.startswith(b"* ")
    # Git must not change the ends of lines.
    assert (CORPUS / ".gitattributes").read_text().endswith("* -text\n")
    assert all(b"\r\n" in octets for octets in FILES["headers"].values())


# Mutated.


@st.composite
def mutated(draw: st.DrawFn, kind: str) -> bytes:
    """Draw a file, and do things to it."""
    files = st.sampled_from(sorted(FILES[kind].values()))
    octets = draw(files)
    for _ in range(draw(st.integers(0, 5))):
        start, end = sorted((draw(st.integers(0, len(octets))), draw(st.integers(0, len(octets)))))
        before, piece, behind = octets[:start], octets[start:end], octets[end:]
        match draw(st.sampled_from(("cut", "lose", "double", "turn", "flip", "put in", "put in another", "lines"))):
            case "cut":
                octets = before
            case "lose":
                octets = before + behind
            case "double":
                octets = before + piece * draw(st.integers(2, 4)) + behind
            case "turn":
                octets = before + piece[::-1] + behind
            case "flip" if piece:
                octets = before + bytes([piece[0] ^ draw(st.integers(1, 255))]) + piece[1:] + behind
            case "put in":
                octets = before + draw(st.binary(max_size=4)) + piece + behind
            case "put in another":
                octets = before + draw(files)[:500] + piece + behind
            case "lines":
                octets = octets.replace(b"\r\n", draw(st.sampled_from((b"\n", b"\r", b"\r\n\r\n", b"\0"))))
    return octets[:20_000]


@given(mutated("messages"))
def test_mutated_messages_are_read(octets: bytes) -> None:
    read_message(octets)


@given(mutated("headers"))
def test_mutated_headers_are_read(octets: bytes) -> None:
    read_header(octets)


@given(mutated("structures"))
def test_mutated_structures_are_read(octets: bytes) -> None:
    read_structure(octets)


@given(mutated("parts"))
def test_mutated_parts_are_read(octets: bytes) -> None:
    read_part(octets)


@given(mutated("messages") | mutated("headers") | mutated("structures") | mutated("parts"))
def test_anything_is_read_as_anything(octets: bytes) -> None:
    for read in READERS.values():
        read(octets)
