"""What FETCH can be asked of a message, and its answer read in whatever order and form (RFC 3501 6.4.5 and 7.4.2)."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from imapdb.errors import ProtocolError
from imapdb.imap.tokens import Token, tokens

if TYPE_CHECKING:
    from imapdb.imap.wire import Response

__all__ = ["Fetched", "Items", "is_answer", "read_fetch"]

MAX_DIGITS = 18  # more are no number of this protocol, and would not fit SQLite's 64 bits


@dataclasses.dataclass(frozen=True, slots=True)
class Items:
    """What to fetch of a message besides its UID. `fields` are header field names in upper case."""

    flags: bool = False
    size: bool = False
    date: bool = False
    fields: frozenset[bytes] = frozenset()
    header: bool = False
    body: bool = False

    def __or__(self, other: Items) -> Items:
        return Items(
            flags=self.flags or other.flags,
            size=self.size or other.size,
            date=self.date or other.date,
            fields=self.fields | other.fields,
            header=self.header or other.header,
            body=self.body or other.body,
        )

    def __bool__(self) -> bool:
        return self != NOTHING

    def covers(self, other: Items) -> bool:
        """Whether fetching these brings everything `other` asks for."""
        return (
            (self.flags or not other.flags)
            and (self.size or not other.size)
            and (self.date or not other.date)
            and (self.body or not other.body)
            and (self.body or self.header or not other.header)
            and (self.body or self.header or self.fields >= other.fields)
        )

    def command(self) -> bytes:
        r"""Write the list for UID FETCH. Everything is PEEK: reading never sets `\Seen`."""
        words = [b"UID"]
        if self.flags:
            words.append(b"FLAGS")
        if self.size:
            words.append(b"RFC822.SIZE")
        if self.date:
            words.append(b"INTERNALDATE")
        if self.body:
            words.append(b"BODY.PEEK[]")
        elif self.header:
            words.append(b"BODY.PEEK[HEADER]")
        elif self.fields:
            words.append(b"BODY.PEEK[HEADER.FIELDS (%s)]" % b" ".join(sorted(self.fields)))
        return b"(%s)" % b" ".join(words)


NOTHING = Items()


class Fetched:
    """What a server told of one message: octets as they came, decoded by whoever reads them. None is "not told"."""

    __slots__ = ("body", "date", "fields", "flags", "header", "size", "uid")

    def __init__(self, uid: int) -> None:
        self.uid = uid
        self.flags: bytes | None = None
        self.size: int | None = None
        self.date: bytes | None = None
        self.header: bytes | None = None
        self.body: bytes | None = None
        self.fields: dict[bytes, list[bytes]] | None = None

    def take(self, other: Fetched) -> None:
        """Fill in what `other` knows of the same message."""
        for name in ("flags", "size", "date", "body"):
            if getattr(other, name) is not None:
                setattr(self, name, getattr(other, name))
        if other.header is not None:
            self.header = other.header
            self.fields = None


# The shape nearly every answer has: the items asked for, one literal, the end. Anything else goes to _general.
_HEAD = re.compile(
    rb"\* \d+ FETCH \((?:"
    rb"UID (?P<uid>\d{1,10})|FLAGS \((?P<flags>[^()\r\n]*)\)|RFC822\.SIZE (?P<size>\d{1,18})"
    rb"|INTERNALDATE \"(?P<date>[^\"\r\n]*)\""
    rb"|MODSEQ \(\d+\)"
    rb"|BODY\[(?P<section>(?:HEADER(?:\.FIELDS \([^()\r\n]*\))?)?)\] (?:\{\d+\}\r\n\Z)"
    rb"| )+(?P<end>\)\r\n\Z)?"
)


_FETCH = re.compile(rb"\* \d+ FETCH ", re.IGNORECASE)


def read_fetch(response: Response) -> Fetched | None:
    """Read an untagged response: a message where it is a FETCH with a UID, else None (EXISTS, EXPUNGE, …)."""
    match = _HEAD.match(response[0])
    if match is not None and match.end() == len(response[0]):
        uid, flags, size, date, section, end = match.groups()
        # A head without a literal must be the whole response; one with a literal must have nothing behind that.
        whole = end is not None if section is None else response[2:] == [b")\r\n"]
        if uid is not None and whole:
            message = Fetched(int(uid))
            message.flags = flags
            message.date = date
            if size is not None:
                message.size = int(size)
            if section:
                message.header = response[1]
            elif section is not None:
                message.body = response[1]
            return message
    if not _FETCH.match(response[0]):
        return None
    return _general(response)


def _general(response: Response) -> Fetched | None:
    """Read a FETCH response of any order and form."""
    match tokens(response, 2):
        case [bytes(), bytes(), list(pairs), *_]:
            pass
        case _:
            raise ProtocolError("the server sent a FETCH response that is none", command="UID FETCH")
    message = Fetched(0)
    for name, value in zip(pairs[::2], pairs[1::2], strict=False):
        if not isinstance(name, bytes):
            raise ProtocolError("the server sent a FETCH response without names", command="UID FETCH")
        _note(message, name.upper(), value)
    return message if message.uid else None


def _note(message: Fetched, item: bytes, value: Token) -> None:
    match item, value:
        case b"UID", bytes(number):
            message.uid = _number(number)
        case b"RFC822.SIZE", bytes(number):
            message.size = _size(number)
        case b"FLAGS", list(flags):
            message.flags = b" ".join(flag for flag in flags if isinstance(flag, bytes))
        case b"INTERNALDATE", bytes(date):
            message.date = date
        case b"BODY[]", _:
            message.body = value if isinstance(value, bytes) else b""
        case _ if item.startswith(b"BODY[HEADER"):
            message.header = value if isinstance(value, bytes) else b""


def _size(octets: bytes) -> int | None:
    """Read a size; None for what is none, which makes a row without a size and not a statement without rows."""
    return int(octets) if octets.isdigit() and len(octets) <= MAX_DIGITS else None


def _number(octets: bytes) -> int:
    if not octets.isdigit() or len(octets) > MAX_DIGITS:
        raise ProtocolError("the server sent no number where one belongs", command="UID FETCH")
    return int(octets)


def is_answer(message: Fetched, items: Items) -> bool:
    """Tell an answer from flags that another session changed meanwhile, which come with a UID too under CONDSTORE."""
    if items.body:
        return message.body is not None
    if items.header or items.fields:
        return message.header is not None
    return (
        (message.size is not None or not items.size)
        and (message.date is not None or not items.date)
        and (message.flags is not None or not items.flags)
    )
