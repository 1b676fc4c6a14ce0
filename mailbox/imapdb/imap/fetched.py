"""What FETCH can be asked of a message, and its answer read in whatever order and form (RFC 3501 6.4.5 and 7.4.2).

Beyond RFC 3501: the ids of RFC 8474, and what Gmail has of its own (X-GM-EXT-1).
"""

from __future__ import annotations

import dataclasses
import operator
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from imapdb.errors import ProtocolError
from imapdb.imap.tokens import Token, tokens

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from imapdb.imap.wire import Response

__all__ = ["NOTHING", "Fetched", "Items", "Unreadable", "lacking", "read_fetch", "told"]

# Octets of a line that is matched at once: a match remembers each of its steps, a hundred octets and more for one.
MAX_HEAD = 16 * 1024
MAX_DIGITS = 18  # more are no number of this protocol, and would not fit SQLite's 64 bits
OBJECTID = "OBJECTID"
GMAIL = "X-GM-EXT-1"


@dataclasses.dataclass(frozen=True, slots=True)
class Items:
    """What to fetch of a message besides its UID. `fields` are header field names in upper case.

    `email_id`, `thread_id` and `labels` only some servers have: see `offered`.
    """

    flags: bool = False
    size: bool = False
    date: bool = False
    fields: frozenset[bytes] = frozenset()
    header: bool = False
    body: bool = False
    email_id: bool = False
    thread_id: bool = False
    labels: bool = False

    def __or__(self, other: Items) -> Items:
        return Items(
            flags=self.flags or other.flags,
            size=self.size or other.size,
            date=self.date or other.date,
            fields=self.fields | other.fields,
            header=self.header or other.header,
            body=self.body or other.body,
            email_id=self.email_id or other.email_id,
            thread_id=self.thread_id or other.thread_id,
            labels=self.labels or other.labels,
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
            and (self.email_id or not other.email_id)
            and (self.thread_id or not other.thread_id)
            and (self.labels or not other.labels)
        )

    def offered(self, capabilities: AbstractSet[str]) -> Items:
        """Leave out what a server with these capabilities does not have; none of it may be left.

        The ids are those of OBJECTID (RFC 8474 5), or else Gmail's own; labels are Gmail's alone.
        """
        if not (self.email_id or self.thread_id or self.labels):
            return self
        has_labels = GMAIL in capabilities
        has_ids = has_labels or OBJECTID in capabilities
        return dataclasses.replace(
            self,
            email_id=self.email_id and has_ids,
            thread_id=self.thread_id and has_ids,
            labels=self.labels and has_labels,
        )

    def command(self, capabilities: AbstractSet[str]) -> bytes:
        r"""Write the list for UID FETCH, in the words of a server with these capabilities.

        Everything is PEEK: reading never sets `\Seen`.
        """
        has_objectid = OBJECTID in capabilities
        offered = self.offered(capabilities)
        words = [b"UID"]
        if self.flags:
            words.append(b"FLAGS")
        if self.size:
            words.append(b"RFC822.SIZE")
        if self.date:
            words.append(b"INTERNALDATE")
        if offered.email_id:
            words.append(b"EMAILID" if has_objectid else b"X-GM-MSGID")
        if offered.thread_id:
            words.append(b"THREADID" if has_objectid else b"X-GM-THRID")
        if offered.labels:
            words.append(b"X-GM-LABELS")
        if self.body:
            words.append(b"BODY.PEEK[]")
        elif self.header:
            words.append(b"BODY.PEEK[HEADER]")
        elif self.fields:
            words.append(b"BODY.PEEK[HEADER.FIELDS (%s)]" % b" ".join(sorted(self.fields)))
        return b"(%s)" % b" ".join(words)


NOTHING = Items()


class Fetched:
    """What a server told of one message: octets as they came, decoded by whoever reads them. None is "not told".

    An id that is empty was told: that there is none. `problems` say what of it could not be had.
    """

    __slots__ = (
        "body", "date", "email_id", "fields", "flags", "header", "labels", "problems", "size", "thread_id", "uid",
    )  # fmt: skip

    def __init__(self, uid: int) -> None:
        self.uid = uid
        self.flags: bytes | None = None
        self.size: int | None = None
        self.date: bytes | None = None
        self.header: bytes | None = None
        self.body: bytes | None = None
        self.fields: dict[bytes, bytes | list[bytes]] | None = None
        self.email_id: bytes | None = None
        self.thread_id: bytes | None = None
        self.labels: tuple[bytes, ...] | None = None
        self.problems: tuple[str, ...] = ()

    def take(self, other: Fetched) -> None:
        """Fill in what `other` knows of the same message."""
        for name in ("flags", "size", "date", "body", "email_id", "thread_id", "labels"):
            if getattr(other, name) is not None:
                setattr(self, name, getattr(other, name))
        if other.header is not None:
            self.header = other.header
            self.fields = None
        if other.problems:
            self.problems = tuple(dict.fromkeys((*self.problems, *other.problems)))


# Names of fields are astrings: one written as a literal parts the section, whose end then comes as a word.
_PARTED = frozenset({b"BODY[HEADER.FIELDS", b"BODY[HEADER.FIELDS.NOT"})


class Unreadable(ProtocolError):
    """A FETCH response that cannot be read: of the message `uid` where at least that is sure."""

    def __init__(self, message: str, uid: int | None) -> None:
        super().__init__(message, command="UID FETCH")
        self.uid = uid


# The shape nearly every answer has: the items asked for, one literal, the end. Anything else goes to _general.
# Alternatives are tried in this order for every item, so the commonest come first.
_HEAD = re.compile(
    rb"\* \d+ FETCH \((?: "
    rb"|UID (?P<uid>\d{1,10})|FLAGS \((?P<flags>[^()\r\n]*)\)|RFC822\.SIZE (?P<size>\d{1,18})"
    rb"|INTERNALDATE \"(?P<date>[^\"\r\n]*)\""
    rb"|MODSEQ \(\d+\)"
    rb"|BODY\[(?P<section>(?:HEADER(?:\.FIELDS \([^()\r\n]*\))?)?)\] (?:\{\d+\}\r\n\Z)"
    rb"|(?:EMAILID|X-GM-MSGID) (?P<email>\([\w-]{1,255}\)|NIL|\d{1,20})"
    rb"|(?:THREADID|X-GM-THRID) (?P<thread>\([\w-]{1,255}\)|NIL|\d{1,20})"
    rb"|X-GM-LABELS \((?P<labels>(?:\"[^\"\\\r\n]*+(?:\\.[^\"\\\r\n]*+)*\"|[^()\"\r\n{]++)*)\)"
    rb")+(?P<end>\)\r\n\Z)?"
)


_FETCH = re.compile(rb"\* \d+ FETCH ", re.IGNORECASE)
_UID_FIRST = re.compile(rb"\* \d+ FETCH \(UID (\d{1,10})[ )]", re.IGNORECASE)
# What a server may tell of a message. Anything else behind a literal is more likely the rest of one cut short.
_ITEM = re.compile(
    rb"UID|FLAGS|RFC822(?:\..*)?|INTERNALDATE|MODSEQ|EMAILID|THREADID|ENVELOPE|BODY(?:STRUCTURE|\[.*)?"
    rb"|BINARY(?:\.SIZE)?\[.*|PREVIEW|SAVEDATE|ANNOTATION|SNIPPET.*|X-.*",
    re.DOTALL,
)
_OBJECT_ID = re.compile(rb"[\w-]{1,255}")


def read_fetch(response: Response) -> Fetched | None:
    """Read an untagged response: a message where it is a FETCH with a UID, else None (EXISTS, EXPUNGE, flags alone).

    Raises Unreadable for a FETCH that cannot be read.
    """
    head = response[0]
    match = _HEAD.match(head) if len(head) <= MAX_HEAD else None
    if match is not None and match.end() == len(head):
        uid, flags, size, date, section, email_id, thread_id, labels, end = match.groups()
        # A head without a literal must be the whole response; one with a literal must have nothing behind that.
        whole = end is not None if section is None else response[2:] == [b")\r\n"]
        if uid is not None and whole:
            message = Fetched(int(uid))
            message.flags = flags
            message.date = date
            if size is not None:
                message.size = int(size)
            if email_id is not None:
                message.email_id = _object_id(email_id.strip(b"()"))
            if thread_id is not None:
                message.thread_id = _object_id(thread_id.strip(b"()"))
            if labels is not None:
                message.labels = _labels(labels)
            if section:
                message.header = response[1]
            elif section is not None:
                message.body = response[1]
            return message
    if not _FETCH.match(head):
        return None
    return _of_any_form(response)


def _of_any_form(response: Response) -> Fetched | None:
    try:
        return _general(response)
    except ProtocolError as error:
        uid = _UID_FIRST.match(response[0])
        raise Unreadable(
            f"the server's answer about a message: {error}", None if uid is None else int(uid[1])
        ) from error


def _general(response: Response) -> Fetched | None:
    """Read a FETCH response of any order and form."""
    match tokens(response, 2):
        case [bytes(), bytes(), list(pairs)]:
            pass
        case _:
            raise ProtocolError("the server sent a FETCH response that is none", command="UID FETCH")
    message = Fetched(0)
    if len(pairs) % 2:
        raise ProtocolError("the server sent a FETCH response with a name and no value", command="UID FETCH")
    seen: set[bytes] = set()
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not isinstance(name, bytes):
            raise ProtocolError("the server sent a FETCH response without names", command="UID FETCH")
        item = name.upper()
        is_known = _ITEM.fullmatch(item) or (item == b"]" and not seen.isdisjoint(_PARTED))
        if item in seen or (len(response) > 1 and not is_known):
            # Most likely part of a literal, or of another message that was taken for part of one.
            raise ProtocolError("the server sent what does not go together; is a literal's length wrong?")
        seen.add(item)
        if item not in _PARTED:
            _note(message, item, value)
    if message.uid:
        return message
    if message.size is None and message.date is None and message.header is None and message.body is None:
        # Somebody changed its flags.
        return None
    raise ProtocolError("the server told of a message without its UID", command="UID FETCH")


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
        case ((b"EMAILID" | b"X-GM-MSGID"), ([word] | word)):
            message.email_id = _object_id(word)
        case ((b"THREADID" | b"X-GM-THRID"), ([word] | word)):
            message.thread_id = _object_id(word)
        case b"X-GM-LABELS", list(labels):
            message.labels = _names(labels)
        case b"BODY[]", _:
            message.body = value if isinstance(value, bytes) else b""
        case _ if item.startswith((b"BODY[HEADER", b"]")):
            message.header = value if isinstance(value, bytes) else b""


def _object_id(word: Token) -> bytes | None:
    """Read an id (RFC 8474 4.3 and 7; Gmail's are numbers): empty where the server says NIL, None for what is none."""
    if word is None or (isinstance(word, bytes) and word.upper() == b"NIL"):
        return b""
    return word if isinstance(word, bytes) and _OBJECT_ID.fullmatch(word) else None


@lru_cache(maxsize=1024)
def _labels(raw: bytes) -> tuple[bytes, ...]:
    """Read what is between the parentheses; many messages have the same."""
    return _names(tokens([raw]))


def _names(labels: list[Token]) -> tuple[bytes, ...]:
    # Astrings, among which NIL is a name like any other.
    return tuple(b"NIL" if label is None else label for label in labels if not isinstance(label, list))


def _size(octets: bytes) -> int | None:
    """Read a size; None for what is none, which makes a row without a size and not a statement without rows."""
    return int(octets) if octets.isdigit() and len(octets) <= MAX_DIGITS else None


def _number(octets: bytes) -> int:
    if not octets.isdigit() or len(octets) > MAX_DIGITS:
        raise ProtocolError("the server sent no number where one belongs", command="UID FETCH")
    return int(octets)


def lacking(items: Items) -> Callable[[Fetched], bool]:
    """Give what says whether a message lacks any of these items, which the server offers.

    It tells an answer from flags that another session changed meanwhile, which come with a UID too under CONDSTORE.
    """
    match told(items):
        case ():
            return lambda _: False
        case (name,):
            one = operator.attrgetter(name)
            return lambda message: one(message) is None
        case names:
            of_all = operator.attrgetter(*names)
            return lambda message: None in of_all(message)


def told(items: Items) -> tuple[str, ...]:
    """Name what a message is told with that has these items."""
    names = tuple(n for n in ("flags", "size", "date", "email_id", "thread_id", "labels") if getattr(items, n))
    if items.body:
        return (*names, "body")
    return (*names, "header") if items.header or items.fields else names
