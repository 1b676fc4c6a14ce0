"""What a message says: the texts of its inline parts, decoded, and put together for a reader.

The parts are described by a tree (mime/part_tree.py), and come as they are encoded, by their section.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from imapdb.mime import body_text, part_tree, transfer, well_formed
from imapdb.mime.flowed import unflow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from imapdb.mime.part_tree import Part

__all__ = ["CONTENT", "HTML", "TEXT", "Text", "content", "first_html", "main_charset", "plain_text", "read", "wanted"]

TEXT, HTML, CONTENT = "text", "html", "content"
_HTML: Final = "text/html"
_BETWEEN: Final = "\n\n"


TextOf: TypeAlias = "Callable[[Part], Text | None]"


class Text(NamedTuple):
    """The text of a part, as it is written there, and what had to be repaired to read it."""

    part: Part
    text: str
    problems: tuple[str, ...]


def wanted(tree: Part, columns: Collection[str]) -> list[Part]:
    """List the parts that are needed for some of `text`, `html` and `content`, in order."""
    if CONTENT in columns:
        return part_tree.inline_texts(tree)
    found = part_tree.text_parts(tree) if TEXT in columns else []
    if HTML in columns and (html := _first_html(tree)) is not None and all(part is not html for part in found):
        found = [*found, html]
    return found


def content(tree: Part, text_of: TextOf) -> list[Text]:
    """List every text that is not an attachment, in order; those of which nobody has the octets are left out."""
    return [text for part in part_tree.inline_texts(tree) if (text := text_of(part)) is not None]


def plain_text(tree: Part, text_of: TextOf) -> str | None:
    """Give what a reader is shown, as plain text; None for a message without any text.

    Of each alternative the plain text, else its html as text; soft line breaks are undone (RFC 3676). Several texts
    are joined by an empty line.
    """
    shown = [_shown(text) for part in part_tree.text_parts(tree) if (text := text_of(part)) is not None]
    if len(shown) > 1:
        return _BETWEEN.join(filter(None, (text.strip("\n") for text in shown)))
    return shown[0] if shown else None


def first_html(tree: Part, text_of: TextOf) -> str | None:
    """Give the first html text, as it is written; None where there is none."""
    part = _first_html(tree)
    text = None if part is None else text_of(part)
    return None if text is None else text.text


def main_charset(tree: Part) -> str | None:
    """Name the charset that the first text says it is in; us-ascii where it says none (RFC 2045 section 5.2)."""
    shown = part_tree.text_parts(tree)
    return (part_tree.charset_label(shown[0]) or "us-ascii") if shown else None


def _first_html(tree: Part) -> Part | None:
    return next((part for part in part_tree.inline_texts(tree) if part.type == _HTML), None)


def read(part: Part, octets: bytes) -> Text:
    """Decode a text, given as it is encoded."""
    label, is_html = part_tree.charset_label(part), part.type == _HTML
    known = well_formed.read(octets, part.encoding, label, is_html=is_html)
    if known is not None:
        return Text(part, known, ())
    decoded = transfer.decode(octets, part.encoding)
    text = body_text.decode(decoded.octets, label, is_html=is_html)
    found = (*decoded.problems, *text.problems)
    return Text(part, text.text, tuple(f"{problem} (part {part.section})" for problem in found) if found else ())


def _shown(text: Text) -> str:
    part = text.part
    if part.type == _HTML:
        # Imported here: its library takes its time, and most mail has a plain text.
        from imapdb.mime.html_text import to_text  # noqa: PLC0415

        return to_text(text.text)
    if part.type == "text/plain" and part.parameters.get("format", "").lower() == "flowed":
        return unflow(text.text, delsp=part.parameters.get("delsp", "").lower() == "yes")
    return text.text
