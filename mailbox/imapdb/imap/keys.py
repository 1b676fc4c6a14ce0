"""The keys of SEARCH (RFC 3501 6.4.4), which cannot say what must not be sent."""

from __future__ import annotations

import dataclasses
import re
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

from imapdb.errors import UnsendableValue
from imapdb.imap import sets
from imapdb.imap.wire import Argument, astring, quoted
from imapdb.imap.wire import Literal as LiteralString

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

__all__ = [
    "ALL",
    "NOTHING",
    "Key",
    "before",
    "both",
    "either",
    "email_id",
    "gmail",
    "header",
    "keyword",
    "larger",
    "overdated",
    "sent_before",
    "sent_since",
    "since",
    "smaller",
    "system_flag",
    "text",
    "thread_id",
    "uid_range",
    "uids",
    "undated",
]

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_KEYWORD: Final = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|~]+\Z")
# iCloud is reported to read the name of a field as an atom only.
_ATOM: Final = re.compile(r"[A-Za-z0-9-]+\Z")
_FIELD: Final = re.compile(r"[!-9;-~]+\Z")
_OBJECT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
_FLAG_KEYS: Final = {
    "seen": (b"UNSEEN", b"SEEN"),
    "answered": (b"UNANSWERED", b"ANSWERED"),
    "flagged": (b"UNFLAGGED", b"FLAGGED"),
    "deleted": (b"UNDELETED", b"DELETED"),
    "draft": (b"UNDRAFT", b"DRAFT"),
    # NEW and OLD mix in \Seen or negate; NOT RECENT is what every server reads the same.
    "recent": (b"NOT RECENT", b"RECENT"),
}
_UNSET: Final[dict[tuple[Argument, ...], tuple[Argument, ...]]] = {
    (unset,): (is_set,) for unset, is_set in _FLAG_KEYS.values()
}
_TEXT_KEYS: Final = frozenset({"FROM", "TO", "CC", "BCC", "SUBJECT", "BODY", "TEXT"})


@dataclasses.dataclass(frozen=True)
class Key:
    """A condition in the words of SEARCH. Made by the functions of this module only, so that it can always be sent.

    A key is `words`, or several `keys` of which all (`and`) or any (`or`) must hold.
    """

    words: tuple[Argument, ...] = ()
    joined: Literal["", "and", "or"] = ""
    keys: tuple[Key, ...] = ()

    @cached_property
    def arguments(self) -> tuple[Argument, ...]:
        """The arguments of the command. A list at the top is joined by AND as it stands."""
        return tuple(self._written())

    @cached_property
    def octets(self) -> int:
        """About how long it is on the wire: at least that, and at most some octets more for each literal."""
        return sum(
            len(a) + 1 if isinstance(a, bytes) else len(a.octets) + len(str(len(a.octets))) + 6 for a in self.arguments
        )

    @property
    def is_ascii(self) -> bool:
        """Whether the command needs no CHARSET."""
        return all(isinstance(a, bytes) or a.octets.isascii() for a in self.arguments)

    def _written(self) -> Iterator[Argument]:
        if self.joined == "and":
            for key in self.keys:
                yield from key.arguments
        elif self.joined == "or":
            yield from _any_of(self.keys)
        else:
            yield from self.words

    def __str__(self) -> str:
        out = ""
        for argument in self.arguments:
            if isinstance(argument, LiteralString):
                word = repr(argument.octets.decode("utf-8", "replace"))
            else:
                word = argument.decode()
            out += word if not out or out.endswith("(") or word == ")" else f" {word}"
        return out


ALL: Final = Key((b"ALL",))
# No server is asked for it: where it comes out, there is nothing to search for.
NOTHING: Final = Key((b"NOT ALL",))


def _any_of(keys: tuple[Key, ...]) -> Iterator[Argument]:
    """Write an OR, which takes two keys, of many: in halves, so that it nests no deeper than it must."""
    if len(keys) == 1:
        (key,) = keys
        if key.joined == "and":
            yield b"("
            yield from key.arguments
            yield b")"
        else:
            yield from key.arguments
        return
    half = len(keys) // 2
    yield b"OR"
    yield from _any_of(keys[:half])
    yield from _any_of(keys[half:])


def both(keys: Iterable[Key]) -> Key:
    """Every one of the keys; `ALL` where there is none."""
    parts = _flat(keys, "and")
    if NOTHING in parts:
        return NOTHING
    parts.pop(ALL, None)
    return _joined("and", tuple(parts)) if parts else ALL


def either(keys: Iterable[Key]) -> Key:
    """At least one of the keys; `NOTHING` where there is none."""
    parts = _flat(keys, "or")
    if ALL in parts:
        return ALL
    parts.pop(NOTHING, None)
    if len(parts) > 1 and all(part.words in _UNSET for part in parts):
        # Dovecot 2.3 makes one key of OR UNSEEN UNFLAGGED, and with it looks at nothing below the first unseen message:
        # it finds nothing where all is seen. A key in the midst that says nothing new keeps them apart.
        first, *rest = parts
        return _joined("or", (first, both([Key(_UNSET[first.words]), _joined("or", tuple(rest))])))
    return _joined("or", tuple(parts)) if parts else NOTHING


def _flat(keys: Iterable[Key], joined: str) -> dict[Key, None]:
    """List the keys in order, each once, with those of nested lists of the same kind among them."""
    found: dict[Key, None] = {}
    for key in keys:
        for part in key.keys if key.joined == joined else (key,):
            found.setdefault(part)
    return found


def _joined(joined: Literal["and", "or"], parts: tuple[Key, ...]) -> Key:
    return parts[0] if len(parts) == 1 else Key(joined=joined, keys=parts)


def system_flag(name: str, value: bool) -> Key:
    """`SEEN`, `UNSEEN` and their like, by the name of the column."""
    return Key((_FLAG_KEYS[name][value],))


def keyword(name: str, value: bool = True) -> Key:
    """`KEYWORD name` or `UNKEYWORD name`.

    Raises UnsendableValue where the name is no atom and so can be no message's keyword.
    """
    if not _KEYWORD.match(name):
        raise UnsendableValue(f"{name!r} cannot be a keyword: keywords are atoms (RFC 3501 9)")
    return Key((b"KEYWORD" if value else b"UNKEYWORD", name.encode("ascii")))


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


def sent_since(day: date) -> Key:
    """`SENTSINCE`: a Date header of that day or later, whatever its time and zone."""
    return Key((b"SENTSINCE", _day(day)))


def sent_before(day: date) -> Key:
    """`SENTBEFORE`: a Date header of an earlier day, whatever its time and zone."""
    return Key((b"SENTBEFORE", _day(day)))


def undated() -> Key:
    """Messages without a Date header the server can read, on servers that take those to be as old as can be."""
    return Key((b"NOT SENTSINCE 2-Jan-1970",))


def overdated() -> Key:
    """Messages dated beyond 2037; on servers that count without a sign, as Dovecot 2.3, those of before 1970 too."""
    return Key((b"SENTSINCE 1-Jan-2038",))


def text(field: str, fragment: str) -> Key:
    """FROM, TO, CC, BCC, SUBJECT, BODY or TEXT holding `fragment`. Raises UnsendableValue for CR, LF and NUL in it."""
    if field not in _TEXT_KEYS:
        raise ValueError(f"{field} is not a text key")
    return Key((field.encode("ascii"), astring(fragment)))


def header(field: str, fragment: str) -> Key:
    """`HEADER field` holding `fragment`; with an empty one, messages that have the field at all.

    Raises UnsendableValue for CR, LF and NUL in the fragment and for what is no name of a field (RFC 5322 2.2).
    """
    if not _FIELD.match(field):
        raise UnsendableValue(f"{field!r} is not the name of a header field")
    name = field.encode("ascii")
    return Key((b"HEADER", name if _ATOM.match(field) else quoted(name), astring(fragment)))


def email_id(value: str) -> Key:
    """`EMAILID` (RFC 8474 4.1). Raises UnsendableValue for what is no object id."""
    return Key((b"EMAILID", _object_id(value)))


def thread_id(value: str) -> Key:
    """`THREADID` (RFC 8474 4.2). Raises UnsendableValue for what is no object id."""
    return Key((b"THREADID", _object_id(value)))


def gmail(words: str) -> Key:
    """`X-GM-RAW`: what one would type into Gmail's own search. Raises UnsendableValue for CR, LF and NUL."""
    return Key((b"X-GM-RAW", astring(words)))


def uids(chosen: Iterable[int]) -> Key:
    """`UID set`; the UIDs are 1 to 4,294,967,295 and at least one."""
    return either(Key((b"UID", sets.compress(half))) for half in sets.halves(chosen))


def uid_range(first: int, last: int) -> Key:
    """`UID first:last`. Never `*`, which names the last message even where its UID is below `first`."""
    return Key((b"UID", b"%d" % first if first == last else b"%d:%d" % (first, last)))


def _object_id(value: str) -> bytes:
    if not _OBJECT_ID.match(value):
        raise UnsendableValue(f"{value!r} is no object id (RFC 8474 7)")
    return value.encode("ascii")


def _number(octets: int) -> bytes:
    if not 0 <= octets <= sets.MAX_UID:
        raise UnsendableValue(f"{octets} is not a size IMAP knows: 0 to {sets.MAX_UID} octets")
    return b"%d" % octets


def _day(day: date) -> bytes:
    return b"%d-%s-%04d" % (day.day, _MONTHS[day.month - 1].encode("ascii"), day.year)
