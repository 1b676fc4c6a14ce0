"""Text of format=flowed to paragraphs of one line each (RFC 3676 section 4)."""

from __future__ import annotations

from typing import Final

__all__ = ["unflow"]

_SIGNATURE: Final = "-- "


def unflow(text: str, *, delsp: bool = False) -> str:
    r"""Join the soft line breaks of a text/plain part whose format parameter is "flowed".

    `text` is decoded and ends its lines with LF; `delsp` says that the parameter of this name is "yes". A paragraph
    comes out as one line, with `>` as often as it is quoted and a space before what it says; a line that was fixed
    stays a line. Stuffed spaces are gone.

    A soft break before another quote depth, a signature line or an empty line joins nothing (section 4.5; the empty
    line would disappear if it were taken by the letter).
    """
    paragraphs: list[str] = []
    parts: list[str] = []  # of the paragraph that is not yet complete
    open_depth = 0
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        if parts and (depth != open_depth or content in {"", _SIGNATURE}):
            paragraphs.append(_quoted("".join(parts).rstrip(" "), open_depth))
            parts = []
        if content.endswith(" ") and content != _SIGNATURE:
            parts.append(content[:-1] if delsp else content)
            open_depth = depth
        else:
            parts.append(content)
            paragraphs.append(_quoted("".join(parts), depth))
            parts = []
    if parts:
        paragraphs.append(_quoted("".join(parts).rstrip(" "), open_depth))
    return "\n".join(paragraphs)


def _quoted(paragraph: str, depth: int) -> str:
    return f"{'>' * depth} {paragraph}" if depth and paragraph else ">" * depth + paragraph
