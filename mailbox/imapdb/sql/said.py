"""The columns that are made of a message's parts: how the server's word on them and our own walk go together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from imapdb.mime import field_problems, part_tree, structure, texts
from imapdb.mime.dates import sql_from_internaldate
from imapdb.mime.walk import walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imapdb.imap.fetch import Fetched
    from imapdb.mime.part_tree import Part
    from imapdb.mime.texts import Text
    from imapdb.mime.walk import Walked
    from imapdb.sql.values import SQLValue

__all__ = [
    "Said",
    "attachments",
    "content",
    "described",
    "encoding",
    "html",
    "is_as_described",
    "problems",
    "said",
    "text",
]

_UNREADABLE = "INTERNALDATE: no date"
_json = json.JSONEncoder(ensure_ascii=False).encode


class Said:
    """The parts of one fetched message. `structure` is what the server tells of them; None where it was not asked."""

    __slots__ = ("_message", "_texts", "_walked", "structure")

    def __init__(self, message: Fetched) -> None:
        self._message = message
        self._walked: Walked | None = None
        self._texts: dict[str, Text] = {}
        self.structure: Part | None = None if message.structure is None else structure.parse(message.structure)

    @property
    def tree(self) -> Part | None:
        """The parts as the server tells them, or as our own walk finds them; None where neither is there."""
        told = self.structure
        if told is not None and told.usable:
            return told
        walked = self._walk()
        return None if walked is None else walked.part

    @property
    def source(self) -> Part | None:
        """The parts whose octets may be there: those of our own walk, where the message came whole."""
        walked = self._walk()
        if walked is not None:
            return walked.part
        return self.structure if self.structure is not None and self.structure.usable else None

    @property
    def is_plain(self) -> bool:
        """Whether nobody could read the message in another way than our own walk does."""
        walked = self._walk()
        return walked is not None and walked.is_plain

    def octets(self, part: Part) -> bytes | None:
        """Give a part of `source` as it is encoded; None where it is not there."""
        walked, body = self._walk(), self._message.body
        if walked is None or body is None:
            return (self._message.sections or {}).get(part.section.encode("ascii"))
        return body[slice(*walked.spans[part.section])] if part.section in walked.spans else None

    def text(self, part: Part) -> Text | None:
        """Decode a text of `source`, once however many columns are made of it; None where it is not there."""
        held = self._texts.get(part.section)
        if held is None and (octets := self.octets(part)) is not None:
            held = self._texts[part.section] = texts.read(part, octets)
        return held

    def _walk(self) -> Walked | None:
        if self._walked is None and self._message.body is not None:
            self._walked = walk(self._message.body)
        return self._walked


def said(message: Fetched) -> Said:
    """Give the parts of a message, read once however many columns are made of them."""
    held = message.said
    if not isinstance(held, Said):
        held = message.said = Said(message)
    return held


def attachments(message: Fetched) -> SQLValue:
    """List the attachments, as JSON."""
    tree = said(message).tree
    if tree is None:
        return None
    listed = [described(part) for part in part_tree.attachments(tree)]
    return _json(listed) if listed else "[]"


def described(part: Part) -> dict[str, str | int | None]:
    """Describe an attachment by what is known without fetching it."""
    return {
        "part": part.section,
        "filename": part_tree.filename(part),
        "content_type": part.type,
        "size": part_tree.decoded_size(part),
        "content_id": part.content_id,
        "disposition": part.disposition,
    }


def is_as_described(part: Part, told: Mapping[str, object], *, by_size: bool) -> bool:
    """Say whether a part is the one that was described; of sizes servers have their own idea."""
    found = described(part)
    return all(found[key] == value for key, value in told.items() if by_size or key != "size")


def encoding(message: Fetched) -> SQLValue:
    """Name the charset of the first text."""
    tree = said(message).tree
    return None if tree is None else texts.main_charset(tree)


def content(message: Fetched) -> SQLValue:
    """List every text, as JSON."""
    parts = said(message)
    source = parts.source
    if source is None:
        return None
    listed = [{"mime": found.part.type, "text": found.text} for found in texts.content(source, parts.text)]
    return _json(listed)


def text(message: Fetched) -> SQLValue:
    """Give what a reader is shown, as plain text."""
    parts = said(message)
    source = parts.source
    return None if source is None else texts.plain_text(source, parts.text)


def html(message: Fetched) -> SQLValue:
    """Give the first html text."""
    parts = said(message)
    source = parts.source
    return None if source is None else texts.first_html(source, parts.text)


def problems(message: Fetched) -> SQLValue:
    """List what was wrong with a message, of all that is read for it, as JSON."""
    found = list(message.problems)
    if message.date is not None and sql_from_internaldate(message.date) is None:
        found.append(_UNREADABLE)
    if message.header is not None:
        found += field_problems.problems(message.header)
    parts = said(message)
    if parts.structure is not None:
        found += parts.structure.problems
    source = parts.source
    if source is not None:
        found += source.problems
        for one in texts.content(source, parts.text):
            found += one.problems
    return _json(list(dict.fromkeys(found))) if found else "[]"
