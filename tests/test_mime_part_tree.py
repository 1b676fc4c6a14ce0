"""Which parts are shown, which are attached, and what is told of them without fetching one."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from imapdb.mime import part_tree
from imapdb.mime.part_tree import Part


def leaf(kind: str, **fields: Any) -> Part:
    name = fields.pop("name", None)
    return Part(kind, kind, parameters={} if name is None else {"name": name}, **fields)


def multi(subtype: str, *children: Part) -> Part:
    return Part(subtype, f"multipart/{subtype}", children=children)


PLAIN, HTML, IMAGE = leaf("text/plain"), leaf("text/html"), leaf("image/png", disposition="inline")
NAMED = leaf("text/plain", name="notes.txt")
ATTACHED = leaf("text/html", disposition="attachment")
UNKNOWN = leaf("text/plain", disposition="x-unknown")
CALENDAR = leaf("text/calendar")
FORWARDED = Part("1", "message/rfc822", message=multi("mixed", PLAIN, IMAGE))


@pytest.mark.parametrize(
    ("part", "shown", "inline", "attached"),
    [
        (PLAIN, [PLAIN], [PLAIN], []),
        (HTML, [HTML], [HTML], []),
        (IMAGE, [], [], [IMAGE]),
        (NAMED, [], [], [NAMED]),
        (FORWARDED, [], [], [FORWARDED]),
        (leaf("multipart/mixed"), [], [], []),
        (multi("alternative", PLAIN, HTML), [PLAIN], [PLAIN, HTML], []),
        (multi("alternative", HTML, PLAIN), [PLAIN], [HTML, PLAIN], []),
        (multi("alternative", CALENDAR, HTML), [HTML], [CALENDAR, HTML], []),
        (multi("alternative", IMAGE, CALENDAR), [CALENDAR], [CALENDAR], [IMAGE]),
        (multi("alternative", ATTACHED, IMAGE), [], [], [ATTACHED, IMAGE]),
        (multi("alternative", multi("related", HTML, IMAGE), PLAIN), [PLAIN], [HTML, PLAIN], [IMAGE]),
        (multi("alternative", HTML, multi("mixed", PLAIN, HTML)), [PLAIN, HTML], [HTML, PLAIN, HTML], []),
        (multi("related", multi("alternative", PLAIN, HTML), IMAGE), [PLAIN], [PLAIN, HTML], [IMAGE]),
        (multi("mixed", PLAIN, IMAGE, HTML), [PLAIN, HTML], [PLAIN, HTML], [IMAGE]),
        (multi("mixed", PLAIN, NAMED, ATTACHED, FORWARDED), [PLAIN], [PLAIN], [NAMED, ATTACHED, FORWARDED]),
        (multi("mixed", multi("alternative", HTML), multi("alternative", PLAIN)), [HTML, PLAIN], [HTML, PLAIN], []),
        (multi("mixed", UNKNOWN), [], [], [UNKNOWN]),
    ],
)  # fmt: skip
def test_texts_and_attachments(part: Part, shown: list[Part], inline: list[Part], attached: list[Part]) -> None:
    assert part_tree.text_parts(part) == shown
    assert part_tree.inline_texts(part) == inline
    assert part_tree.attachments(part) == attached


def test_which_name_is_the_filename() -> None:
    of_disposition = {"filename": "of disposition"}
    assert part_tree.filename(leaf("a/b", name="of type", disposition_parameters=of_disposition)) == "of disposition"
    assert part_tree.filename(leaf("a/b", name="of type", disposition_parameters={"filename": ""})) == "of type"
    assert part_tree.filename(leaf("a/b", name="")) is None


def test_charset() -> None:
    assert part_tree.charset_label(Part("1", "text/plain", parameters={"charset": "UTF-8"})) == "utf-8"
    assert part_tree.charset_label(PLAIN) is None


@pytest.mark.parametrize("octets", [0, 1, 2, 3, 56, 57, 58, 113, 114, 115, 1000, 10_000, 57_000])
@pytest.mark.parametrize("last_end", [b"", b"\r\n"])
def test_decoded_size_of_base64(octets: int, last_end: bytes) -> None:
    encoded = base64.encodebytes(b"x" * octets).rstrip(b"\n").replace(b"\n", b"\r\n") + last_end
    padding = -octets % 3
    assert part_tree.decoded_size(leaf("a/b", encoding="base64", size=len(encoded))) == octets + padding


def test_decoded_size_of_anything_else() -> None:
    assert part_tree.decoded_size(leaf("a/b", encoding="quoted-printable", size=100)) == 100
    assert part_tree.decoded_size(leaf("a/b", encoding="base64")) is None
