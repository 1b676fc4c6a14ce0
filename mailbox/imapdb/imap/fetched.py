"""What a server told of a message, read in whatever order and form (RFC 3501 7.4.2)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from imapdb.errors import ProtocolError
from imapdb.imap.tokens import Token, tokens
from imapdb.mime.plain_structure import PlainStructure, cut

if TYPE_CHECKING:
    from imapdb.imap.wire import Response

__all__ = ["Fetched", "Unreadable", "read_fetch"]

# Octets of a line that is matched at once: a match remembers each of its steps, a hundred octets and more for one.
MAX_HEAD = 16 * 1024
MAX_DIGITS = 18  # more are no number of this protocol, and would not fit SQLite's 64 bits


class Fetched:
    """What a server told of one message: octets as they came, decoded by whoever reads them. None is "not told".

    An id that is empty was told: that there is none. `structure` is that of BODYSTRUCTURE: in tokens where it is not
    plain, empty where they could not be read. `sections` are parts by their section, empty where there is no such part.
    `problems` say what could not be had. `fields` and `said` are kept by whoever decodes the header and the parts.
    """

    __slots__ = (
        "body", "date", "email_id", "fields", "flags", "header", "labels", "problems", "said", "sections", "size",
        "structure", "thread_id", "uid",
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
        self.structure: PlainStructure | list[Token] | None = None
        self.sections: dict[bytes, bytes] | None = None
        self.said: object = None
        self.problems: tuple[str, ...] = ()

    @property
    def is_flags_only(self) -> bool:
        """Whether nothing was told but flags, which any change of them may bring."""
        told = (self.size, self.date, self.header, self.body, self.structure, self.sections)
        return all(value is None for value in told)

    def take(self, other: Fetched) -> None:
        """Fill in what `other` knows of the same message."""
        for name in ("flags", "size", "date", "body", "email_id", "thread_id", "labels", "structure"):
            if getattr(other, name) is not None:
                setattr(self, name, getattr(other, name))
        if other.sections is not None:
            self.sections = (self.sections or {}) | other.sections
        if other.structure is not None:
            self.said = None
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

# What may stand before and behind a plain structure, which has one meaning word by word, too. Of the items before it
# `(?(1)(?!)|…)` takes each once: it fails where group 1 has been found.
_BEFORE_STRUCTURE = re.compile(
    rb"\* \d+ FETCH \((?:(?(1)(?!)|UID ([1-9]\d{0,9}) )|(?(2)(?!)|FLAGS \(([^()\"{\[\r\n]*+)\) )"
    rb"|(?(3)(?!)|RFC822\.SIZE (\d{1,18}) )|(?(4)(?!)|INTERNALDATE \"([^\"\\\r\n]*+)\" ))+BODYSTRUCTURE (?=\()"
)
_BEHIND_STRUCTURE = re.compile(rb"\)\r\n\Z| BODY\[((?:HEADER(?:\.FIELDS \([^()\]\"\r\n]*+\))?)?)\] \{\d+\}\r\n\Z")
_PLAIN_FLAGS = re.compile(rb"[!-~]++(?: [!-~]++)*|")

_FETCH = re.compile(rb"\* \d+ FETCH ", re.IGNORECASE)
_UID_FIRST = re.compile(rb"\* \d+ FETCH \(UID (\d{1,10})[ )]", re.IGNORECASE)
# What a server may tell of a message. Anything else behind a literal is more likely the rest of one cut short.
_ITEM = re.compile(
    rb"UID|FLAGS|RFC822(?:\..*)?|INTERNALDATE|MODSEQ|EMAILID|THREADID|ENVELOPE|BODY(?:STRUCTURE|\[.*)?"
    rb"|BINARY(?:\.SIZE)?\[.*|PREVIEW|SAVEDATE|ANNOTATION|SNIPPET.*|X-.*",
    re.DOTALL,
)
_STRUCTURE = b" BODYSTRUCTURE ("
_SECTION = re.compile(rb"BODY\[([0-9.]*(?:MIME|HEADER|TEXT)?)\]")
_PLAIN_SECTION = re.compile(
    rb"(?:\* \d+ FETCH \(UID ([1-9]\d{0,9}))? BODY\[(\d[0-9.]*(?:MIME|HEADER|TEXT)?)\] \{\d+\}\r\n"
)
_OBJECT_ID = re.compile(rb"[\w-]{1,255}")


def read_fetch(response: Response) -> Fetched | None:
    """Read an untagged response: a message where it is a FETCH with a UID, else None (EXISTS, EXPUNGE, flags alone).

    Raises Unreadable for a FETCH that cannot be read.
    """
    head = response[0]
    if _STRUCTURE in head and (message := _with_plain_structure(response)) is not None:
        return message
    if len(response) > 1 and (message := _with_sections(response)) is not None:
        return message
    match = _HEAD.match(head) if len(head) <= MAX_HEAD else None
    if match is not None and match.end() == len(head) and (message := _of_head(match, response)) is not None:
        return message
    return _of_any_form(response) if _FETCH.match(head) else None


def _of_head(head: re.Match[bytes], response: Response) -> Fetched | None:
    """Read a response with a plain head and one literal at most; None where more is told."""
    uid, flags, size, date, section, email_id, thread_id, labels, end = head.groups()
    # A head without a literal must be the whole response; one with a literal must have nothing behind that.
    whole = end is not None if section is None else response[2:] == [b")\r\n"]
    if uid is None or not whole:
        return None
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


def _with_plain_structure(response: Response) -> Fetched | None:
    """Read a response that tells of a plain structure, and of little else; None where it is another."""
    head = response[0]
    before = _BEFORE_STRUCTURE.match(head) if len(head) <= MAX_HEAD else None
    end = len(head) - len(b")\r\n") if len(response) == 1 else head.rfind(b" BODY[")
    behind = _BEHIND_STRUCTURE.match(head, end) if end > 0 else None
    if before is None or behind is None:
        return None
    uid, flags, size, date = before.groups()
    section = behind[1]
    if uid is None or response[2:] != ([] if section is None else [b")\r\n"]):
        return None
    structure = cut(head[before.end() : end])
    if structure is None:
        return None
    message = Fetched(int(uid))
    message.structure = structure
    message.date = date
    if flags is not None:
        message.flags = _flags(flags)
    if size is not None:
        message.size = int(size)
    if section:
        message.header = response[1]
    elif section is not None:
        message.body = response[1]
    return message


def _with_sections(response: Response) -> Fetched | None:
    """Read a response that tells of parts and of nothing else; None where it is another."""
    if response[-1] != b")\r\n":
        return None
    uid: bytes | None = None
    sections: dict[bytes, bytes] = {}
    for place in range(0, len(response) - 1, 2):
        told = _PLAIN_SECTION.fullmatch(response[place])
        if told is None or told[2] in sections or (told[1] is None) != bool(place):
            return None
        uid = uid or told[1]
        sections[told[2]] = response[place + 1]
    if uid is None or not sections:
        return None
    message = Fetched(int(uid))
    message.sections = sections
    return message


def _of_any_form(response: Response) -> Fetched | None:
    try:
        return _general(response)
    except ProtocolError as error:
        message = _without_structure(response)
        if message is not None:
            return message
        uid = _UID_FIRST.match(response[0])
        raise Unreadable(
            f"the server's answer about a message: {error}", None if uid is None else int(uid[1])
        ) from error


def _without_structure(response: Response) -> Fetched | None:
    """Read what stands before a BODYSTRUCTURE that nests too deep, holds too much or is no list; None where that fails.

    It is asked for as the last item.
    """
    for number in range(0, len(response), 2):
        line = response[number]
        start = line.find(_STRUCTURE)
        if start < 0:
            continue
        try:
            message = _general([*response[:number], line[:start] + b")\r\n"])
        except ProtocolError:
            return None
        if message is not None:
            message.structure = []
        return message
    return None


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
    if message.is_flags_only:
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
            message.flags = _joined(flags)
        case b"INTERNALDATE", bytes(date):
            message.date = date
        case ((b"EMAILID" | b"X-GM-MSGID"), ([word] | word)):
            message.email_id = _object_id(word)
        case ((b"THREADID" | b"X-GM-THRID"), ([word] | word)):
            message.thread_id = _object_id(word)
        case b"X-GM-LABELS", list(labels):
            message.labels = _names(labels)
        case b"BODYSTRUCTURE", _:
            message.structure = value if isinstance(value, list) else []
        case _:
            _note_section(message, item, value)


def _note_section(message: Fetched, item: bytes, value: Token) -> None:
    if item.startswith((b"BODY[HEADER", b"]")):
        message.header = value if isinstance(value, bytes) else b""
    elif not isinstance(value, bytes):
        # Of a message that is gone, Dovecot says NIL.
        return
    elif item == b"BODY[]":
        message.body = value
    elif section := _SECTION.fullmatch(item):
        message.sections = (message.sections or {}) | {section[1]: value}


def _object_id(word: Token) -> bytes | None:
    """Read an id (RFC 8474 4.3 and 7; Gmail's are numbers): empty where the server says NIL, None for what is none."""
    if word is None or (isinstance(word, bytes) and word.upper() == b"NIL"):
        return b""
    return word if isinstance(word, bytes) and _OBJECT_ID.fullmatch(word) else None


def _flags(raw: bytes) -> bytes:
    """Read what is between the parentheses."""
    return raw if _PLAIN_FLAGS.fullmatch(raw) and b"NIL" not in raw.upper() else _joined(tokens([raw]))


def _joined(flags: list[Token]) -> bytes:
    return b" ".join(flag for flag in flags if isinstance(flag, bytes))


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
