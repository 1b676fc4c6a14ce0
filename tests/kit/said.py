"""What the columns made of a message's parts must hold: read by the standard library, for well-formed mail."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage, MIMEPart

__all__ = ["says"]

_TAG = re.compile(r"<[^>]*>")


def says(message: EmailMessage) -> dict[str, Any]:
    """Make the columns `encoding`, `attachments`, `text`, `html` and `content`."""
    leaves = list(_leaves(message, ""))
    texts = [part for _, part in leaves if _is_text(part)]
    shown = list(_shown(message))
    htmls = [part for part in texts if part.get_content_type() == "text/html"]
    read = [_plain(part) for part in shown]
    joined = "\n\n".join(text.strip("\n") for text in read if text.strip("\n")) if len(read) > 1 else "".join(read)
    content = [{"mime": part.get_content_type(), "text": _text(part)} for part in texts]
    return {
        "encoding": str(shown[0].get_content_charset("us-ascii")) if shown else None,
        "attachments": json.dumps([_described(*leaf) for leaf in leaves if not _is_text(leaf[1])], ensure_ascii=False),
        "text": joined if read else None,
        "html": _text(htmls[0]) if htmls else None,
        "content": json.dumps(content, ensure_ascii=False),
    }


def _leaves(part: MIMEPart, section: str) -> Iterator[tuple[str, MIMEPart]]:
    if part.get_content_maintype() == "multipart":
        for number, inner in enumerate(part.iter_parts(), 1):
            yield from _leaves(inner, f"{section}.{number}" if section else str(number))
    else:
        yield section or "1", part


def _is_text(part: MIMEPart) -> bool:
    is_shown = part.get_content_disposition() in (None, "inline") and part.get_filename() is None
    return part.get_content_maintype() == "text" and is_shown


def _shown(part: MIMEPart) -> Iterator[MIMEPart]:
    """Yield the texts a reader is shown; the alternatives of the letters have their plain text first."""
    kind = part.get_content_type()
    if kind == "multipart/alternative":
        yield next(iter(part.iter_parts()))
    elif part.get_content_maintype() == "multipart":
        for inner in part.iter_parts():
            yield from _shown(inner)
    elif _is_text(part):
        yield part


def _text(part: MIMEPart) -> str:
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets.decode(part.get_content_charset("us-ascii")).replace("\r\n", "\n")


def _plain(part: MIMEPart) -> str:
    text = _text(part)
    if part.get_content_type() == "text/html":
        return html.unescape(_TAG.sub("", text))
    if part.get_param("format") == "flowed":
        return re.sub(r" \n(?:> )?", " ", text)
    return text


def _described(section: str, part: MIMEPart) -> dict[str, Any]:
    is_message = part.get_content_type() == "message/rfc822"
    octets = _embedded(part) if is_message else part.get_payload(decode=True)
    identity = part["Content-ID"]
    assert isinstance(octets, bytes)
    return {
        "part": section,
        "filename": part.get_filename(),
        "content_type": part.get_content_type(),
        "size": len(octets),
        "content_id": None if identity is None else str(identity).strip("<>"),
        "disposition": part.get_content_disposition(),
    }


def _embedded(part: MIMEPart) -> bytes:
    (inner,) = part.iter_parts()
    # As it was written: the parser keeps fields and lines as they are.
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in inner.raw_items()) + b"\r\n" + _raw(inner)


def _raw(part: MIMEPart) -> bytes:
    payload = part.get_payload()
    assert isinstance(payload, str)
    return payload.encode("ascii", "surrogateescape")
