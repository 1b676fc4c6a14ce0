"""SEARCH: keys that cannot say what must not be sent, and the command that finds UIDs (RFC 3501 6.4.4, RFC 4731)."""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import TYPE_CHECKING

from imapdb.errors import ProtocolError, UnsendableValue
from imapdb.imap import sets
from imapdb.imap.tokens import tokens
from imapdb.imap.wire import Argument, Literal, astring

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable
    from datetime import date

    from imapdb.imap.wire import Pending, Response, Wire

__all__ = [
    "ALL",
    "Key",
    "before",
    "both",
    "keyword",
    "larger",
    "search",
    "since",
    "smaller",
    "system_flag",
    "text",
    "uids",
]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_KEYWORD = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|~]+\Z")
_FLAG_KEYS = {
    "seen": (b"UNSEEN", b"SEEN"),
    "answered": (b"UNANSWERED", b"ANSWERED"),
    "flagged": (b"UNFLAGGED", b"FLAGGED"),
    "deleted": (b"UNDELETED", b"DELETED"),
    "draft": (b"UNDRAFT", b"DRAFT"),
    # NEW and OLD mix in \Seen or negate; NOT RECENT is what every server reads the same.
    "recent": (b"NOT RECENT", b"RECENT"),
}
_TEXT_KEYS = frozenset({"FROM", "TO", "CC", "BCC", "SUBJECT", "BODY", "TEXT"})


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """A condition in the words of SEARCH. Made by the functions of this module only, so that it can always be sent."""

    arguments: tuple[Argument, ...] = ()

    @property
    def is_ascii(self) -> bool:
        """Whether the command needs no CHARSET."""
        return all(isinstance(a, bytes) or a.octets.isascii() for a in self.arguments)

    def __str__(self) -> str:
        return " ".join(
            repr(a.octets.decode("utf-8", "replace")) if isinstance(a, Literal) else a.decode() for a in self.arguments
        )


ALL = Key((b"ALL",))


def both(keys: Iterable[Key]) -> Key:
    """Every one of the keys; `ALL` where there is none."""
    arguments = tuple(argument for key in keys if key != ALL for argument in key.arguments)
    return Key(arguments) if arguments else ALL


def system_flag(name: str, value: bool) -> Key:
    """`SEEN`, `UNSEEN` and their like, by the name of the column."""
    return Key((_FLAG_KEYS[name][value],))


def keyword(name: str) -> Key:
    """`KEYWORD name`. Raises UnsendableValue where the name is no atom and so can be no message's keyword."""
    if not _KEYWORD.match(name):
        raise UnsendableValue(f"{name!r} cannot be a keyword: keywords are atoms (RFC 3501 9)")
    return Key((b"KEYWORD", name.encode("ascii")))


def larger(octets: int) -> Key:
    """Messages of more than `octets` octets, 0 to 4,294,967,295."""
    return Key((b"LARGER", _number(octets)))


def smaller(octets: int) -> Key:
    """Messages of fewer than `octets` octets, 0 to 4,294,967,295."""
    return Key((b"SMALLER", _number(octets)))


def since(day: date) -> Key:
    """INTERNALDATE on that day or later, in the server's own zone."""
    return Key((b"SINCE", _day(day)))


def before(day: date) -> Key:
    """INTERNALDATE on an earlier day, in the server's own zone."""
    return Key((b"BEFORE", _day(day)))


def text(field: str, fragment: str) -> Key:
    """FROM, TO, CC, BCC, SUBJECT, BODY or TEXT holding `fragment`. Raises UnsendableValue for CR, LF and NUL in it."""
    if field not in _TEXT_KEYS:
        raise ValueError(f"{field} is not a text key")
    return Key((field.encode("ascii"), astring(fragment)))


def uids(chosen: Iterable[int]) -> Key:
    """`UID set`; the UIDs are 1 to 4,294,967,295 and at least one."""
    return Key((b"UID", sets.compress(chosen)))


def uid_range(first: int, last: int) -> Key:
    """`UID first:last`. Never `*`, which names the last message even where its UID is below `first`."""
    return Key((b"UID", b"%d:%d" % (first, last)))


def search(wire: Wire, key: Key, *, esearch: bool) -> array[int]:
    """Ask for the UIDs of the messages `key` holds for, ascending.

    `esearch` says that the server offers ESEARCH (RFC 4731): a hundred thousand UIDs then come in a few octets.
    """
    return answer(wire, ask(wire, key, esearch=esearch))


def ask(wire: Wire, key: Key, *, esearch: bool) -> Pending:
    """Send the command; the answer is read with `answer`."""
    words: list[Argument] = [b"RETURN", b"(ALL)"] if esearch else []
    if not key.is_ascii:
        words += (b"CHARSET", b"UTF-8")
    return wire.send("UID SEARCH", *words, *key.arguments)


def answer(wire: Wire, pending: Pending) -> array[int]:
    """Read what `ask` asked for. Several SEARCH lines are one answer, none is an empty one."""
    found = sets.uid_array()
    for response in wire.answer(pending):
        head = response[0][:9].upper()
        if head.startswith(b"* SEARCH"):
            found.extend(_search_line(response))
        elif head == b"* ESEARCH":
            found.extend(_esearch_line(response, pending.tag))
    if any(found[i] >= found[i + 1] for i in range(len(found) - 1)):
        return sets.uid_array(sorted(set(found)))
    return found


def _search_line(response: Response) -> array[int]:
    line = response[0][8:].strip()
    # CONDSTORE servers end with (MODSEQ n) when it was asked for, and one or two when it was not.
    numbers = line.partition(b"(")[0].split()
    try:
        if not all(map(bytes.isdigit, numbers)):
            raise ValueError  # noqa: TRY301 - both are one error below
        found = sets.uid_array(map(int, numbers))
    except (ValueError, OverflowError):
        raise ProtocolError("the server's SEARCH answer is not a list of UIDs", command="UID SEARCH") from None
    if 0 in found:
        raise ProtocolError("the server's SEARCH answer holds 0, which is no UID", command="UID SEARCH")
    return found


def _esearch_line(response: Response, tag: bytes) -> array[int]:
    words = tokens(response, len(b"* ESEARCH"))
    if words and isinstance(words[0], list) and words[0][1:] not in ([], [tag]):
        return sets.uid_array()
    for name, value in itertools.pairwise(words):
        if isinstance(name, bytes) and name.upper() == b"ALL" and isinstance(value, bytes):
            return sets.expand(value)
    return sets.uid_array()


def _number(octets: int) -> bytes:
    if not 0 <= octets <= sets.MAX_UID:
        raise UnsendableValue(f"{octets} is not a size IMAP knows: 0 to {sets.MAX_UID} octets")
    return b"%d" % octets


def _day(day: date) -> bytes:
    return b"%d-%s-%04d" % (day.day, _MONTHS[day.month - 1].encode("ascii"), day.year)
