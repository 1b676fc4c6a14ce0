"""One section of a message: its name in a FETCH, and what a response tells of it (RFC 3501 6.4.5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from imapdb.errors import ProgrammingError, ProtocolError
from imapdb.imap.tokens import Token, tokens

if TYPE_CHECKING:
    from imapdb.imap.wire import Response

__all__ = ["Told", "read_section", "section_name"]

_SECTION: Final = re.compile(r"(?:\d{1,9}(?:\.\d{1,9}){0,200}(?:\.(?:MIME|HEADER|TEXT))?|HEADER|TEXT|)\Z")
_FETCH: Final = re.compile(rb"\* \d+ FETCH ", re.IGNORECASE)
_BODY: Final = re.compile(rb"BODY\[([^\]]*)\](?:<(\d{1,18})[^>]*>)?\Z", re.IGNORECASE)
# GreenMail sets no space before the literal.
_NO_SPACE: Final = re.compile(rb"(?<=>)(?=\{\d{1,18}\}\r?\n\Z)")


class Told(NamedTuple):
    """What a response tells of a section: `octets` from place `origin` on, all of them where that is None.

    `octets` is None where it tells none, empty where there are none at that place. `structure` is BODYSTRUCTURE, where
    it came along.
    """

    octets: bytes | None = None
    origin: int | None = None
    structure: Token = None


def section_name(section: str) -> bytes:
    """Write what stands in `BODY[…]`. Raises ProgrammingError for what cannot stand there."""
    if not _SECTION.match(section):
        raise ProgrammingError(f"{section!r} is no section of a message; they are such as '2' or '1.2'")
    return section.encode("ascii")


def read_section(response: Response, uid: int, section: bytes) -> Told | None:
    """Read an untagged response; None where it tells nothing of that message. Raises ProtocolError for a broken one."""
    if not _FETCH.match(response[0]):
        return None
    match tokens([_NO_SPACE.sub(b" ", line) if n % 2 == 0 else line for n, line in enumerate(response)], 2):
        case [_, _, list(pairs)]:
            items = dict(zip(map(_name, pairs[::2]), pairs[1::2], strict=False))
        case _:
            raise ProtocolError("the server sent a FETCH response that is none", command="UID FETCH")
    if items.get(b"UID") != b"%d" % uid:
        return None
    told = Told(structure=items.get(b"BODYSTRUCTURE"))
    for name, value in items.items():
        if (match := _BODY.match(name)) and match[1].upper() == section:
            octets = value if isinstance(value, bytes) else b""
            return told._replace(octets=octets, origin=None if match[2] is None else int(match[2]))
    return told


def _name(word: Token) -> bytes:
    return word.upper() if isinstance(word, bytes) else b""
