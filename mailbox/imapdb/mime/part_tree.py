"""The parts of a message as the server describes them, and what each of them is to a reader.

Nothing here needs an octet of the parts themselves: all of it is told by BODYSTRUCTURE (RFC 3501 7.4.2).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Part", "attachments", "charset_label", "decoded_size", "filename", "inline_texts", "made", "text_parts"]

# A full line of base64: 76 letters that stand for 57 octets, CR and LF (RFC 2045 section 6.8).
_LINE: Final = 78
_LINE_DECODED: Final = 57

# What an alternative shows of its parts: the highest of these (see `text_parts`).
_NO_TEXT, _OTHER, _HTML, _PLAIN = range(4)
_RANKS: Final = {"text/plain": _PLAIN, "text/html": _HTML}


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One part, with those inside it. What a server does not tell is None or empty.

    `section` is what is to be fetched, as in `BODY[1.2]`; that of a message's outermost multipart is `TEXT`, inside
    an embedded message `3.TEXT` (RFC 3501 6.4.5). `children` are the parts of a multipart, `message` is the one of an
    embedded message. `size` and `lines` are those of the part as it is encoded; a few servers count its header too.
    """

    section: str
    type: str
    """Type and subtype in lower case, `text/plain`."""
    parameters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Those of Content-Type, decoded, by lower-case name."""
    content_id: str | None = None
    """As a `cid:` URL names it, without angle brackets (RFC 2392)."""
    description: str | None = None
    encoding: str = "7bit"
    """Content-Transfer-Encoding in lower case (RFC 2045 section 6.1); that of a multipart is not told."""
    size: int | None = None
    lines: int | None = None
    md5: str | None = None
    disposition: str | None = None
    """In lower case: `inline`, `attachment`, or another word (RFC 2183)."""
    disposition_parameters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    language: tuple[str, ...] = ()
    location: str | None = None
    children: tuple[Part, ...] = ()
    message: Part | None = None
    problems: tuple[str, ...] = ()
    """Of the whole structure: what was guessed or lost in reading it. Only the outermost part says it."""
    usable: bool = True
    """Whether the sections can be fetched. If not, the whole message must be, and this part says nothing of it."""

    def walk(self, *, into_messages: bool = True) -> Iterator[Part]:
        """Give this part and all inside it, each before its own; those of embedded messages too, unless told not to."""
        rest = [self]
        while rest:
            part = rest.pop()
            yield part
            rest.extend(reversed(part.children))
            if into_messages and part.message is not None:
                rest.append(part.message)


class _Made:
    """A part that becomes one when it is complete: to make it so is five times as quick."""

    __slots__ = Part.__slots__

    def __init__(  # noqa: PLR0917 - those of Part
        self,
        section: str,
        type: str,  # noqa: A002
        parameters: Mapping[str, str],
        content_id: str | None,
        description: str | None,
        encoding: str,
        size: int | None,
        lines: int | None,
        md5: str | None,
        disposition: str | None,
        disposition_parameters: Mapping[str, str],
        language: tuple[str, ...],
        location: str | None,
        children: tuple[Part, ...],
        message: Part | None,
        problems: tuple[str, ...],
    ) -> None:
        self.section, self.type, self.parameters = section, type, parameters
        self.content_id, self.description, self.encoding = content_id, description, encoding
        self.size, self.lines, self.md5 = size, lines, md5
        self.disposition, self.disposition_parameters = disposition, disposition_parameters
        self.language, self.location = language, location
        self.children, self.message, self.problems, self.usable = children, message, problems, True
        self.__class__ = Part  # type: ignore[assignment]


made: Final = cast("type[Part]", _Made)
"""What makes a part of all its fields but `usable`, by their places."""


def filename(part: Part) -> str | None:
    """Give the name a part is to be saved under (RFC 2183 section 2.3), else the one its Content-Type says.

    It is what somebody wrote into the message: it may hold a path, or be no name of a file at all.
    """
    return part.disposition_parameters.get("filename") or part.parameters.get("name") or None


def charset_label(part: Part) -> str | None:
    """Name the charset of a text, in lower case, as the server tells it; None where it tells none."""
    # A comment may stand behind it (RFC 2045 section 5.1).
    return part.parameters.get("charset", "").partition("(")[0].strip().lower() or None


def decoded_size(part: Part) -> int | None:
    """Reckon the decoded octets of a part; None where its size is not known.

    Exact for base64 in lines of 76 letters that ends without padding, and one or two octets too many if it has some:
    that cannot be told without fetching it. In any other encoding, the octets as they are.
    """
    if part.size is None or part.encoding != "base64":
        return part.size
    lines, rest = divmod(part.size, _LINE)
    return lines * _LINE_DECODED + rest // 4 * 3


def inline_texts(part: Part) -> list[Part]:
    """List every text that is not an attachment, in order: plain and html of an alternative both."""
    return [inner for inner in _every(part) if _rank(inner)]


def text_parts(part: Part) -> list[Part]:
    """List the texts a reader is shown, in order: of each alternative (RFC 2046 section 5.1.4) the plain one.

    An alternative without plain text gives its html, one without either its first text.
    """
    ranks: dict[int, int] = {}
    shown: list[Part] = []
    rest = [part]
    while rest:
        inner = rest.pop()
        if not inner.children:
            if _rank(inner):
                shown.append(inner)
        elif inner.type != "multipart/alternative":
            rest += inner.children[::-1]
        elif ranks or any([child.children for child in inner.children]):  # noqa: C419 - a list is quicker
            ranks = ranks or _ranks(part)
            rest.append(max(inner.children, key=lambda child: ranks[id(child)]))
        else:
            rest.append(max(inner.children, key=_rank))
    return shown


def _ranks(part: Part) -> dict[int, int]:
    """Rank every part by those inside it: an alternative may have its plain text further down."""
    ranks: dict[int, int] = {}
    for inner in reversed(_every(part)):
        ranks[id(inner)] = max((ranks[id(child)] for child in inner.children), default=_rank(inner))
    return ranks


def attachments(part: Part) -> list[Part]:
    """List the attachments, in order: each part that is no multipart and none of the inline texts.

    That is by its disposition, by its filename, or because it is no text: images that a html text shows, too. An
    embedded message is one, and what is attached to that is not.
    """
    return [
        inner for inner in _every(part) if inner.usable and not inner.type.startswith("multipart/") and not _rank(inner)
    ]


def _every(part: Part) -> list[Part]:
    """List what `part.walk(into_messages=False)` gives."""
    every: list[Part] = []
    rest = [part]
    while rest:
        inner = rest.pop()
        every.append(inner)
        if inner.children:
            rest += inner.children[::-1]
    return every


def _rank(part: Part) -> int:
    """Say how much an inline text is preferred; 0 for whatever is none."""
    # A disposition that is not known is to be taken for an attachment (RFC 2183 section 2.8).
    kind = part.type
    if not kind.startswith("text/") or part.disposition not in {None, "inline"} or filename(part):
        return _NO_TEXT
    return _RANKS.get(kind, _OTHER)
