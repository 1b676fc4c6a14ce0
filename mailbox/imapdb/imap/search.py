"""The SEARCH command, which finds UIDs (RFC 3501 6.4.4, RFC 4731), in as many commands as its length needs."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from imapdb.errors import ProtocolError
from imapdb.imap import sets
from imapdb.imap.keys import Key, both, uid_range
from imapdb.imap.tokens import tokens

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterator

    from imapdb.imap.wire import Argument, Pending, Response, Wire

__all__ = ["answer", "answer_count", "ask", "ask_count", "commands", "count", "is_whole", "search"]

_LIMIT = re.compile(rb"MESSAGELIMIT \d{1,10} (\d{1,10})\Z", re.IGNORECASE)
MAX_DIGITS = 10
MAX_KEY = 7_000  # octets; with the words around it a command stays under the 8,000 that RFC 7162 4 asks servers to take


def search(wire: Wire, key: Key, *, esearch: bool) -> array[int]:
    """Ask for the UIDs of the messages `key` holds for, ascending.

    `esearch` says that the server offers ESEARCH (RFC 4731): a hundred thousand UIDs then come in a few octets. A key
    too long for one command goes out in several, whose answers are united or intersected.
    """
    return _found(key, lambda part: _complete(wire, part, esearch=esearch))


def count(wire: Wire, key: Key, *, esearch: bool) -> int:
    """Count the messages `key` holds for; with ESEARCH the server does."""
    if not esearch or key.octets > MAX_KEY:
        return len(search(wire, key, esearch=esearch))
    number = answer_count(wire, ask_count(wire, key))
    # It looked at some of the messages only, or said something else: what it finds is counted here.
    return len(search(wire, key, esearch=esearch)) if number is None else number


def ask_count(wire: Wire, key: Key) -> Pending:
    """Send the command that has the server count; the answer is read with `answer_count`."""
    return wire.send("UID SEARCH", b"RETURN (COUNT)", *_options(key, esearch=False), *key.arguments)


def answer_count(wire: Wire, pending: Pending) -> int | None:
    """Read what `ask_count` asked for; None where no number that is meant for the whole mailbox comes."""
    number = None
    for response in wire.answer(pending):
        if response[0][:9].upper() == b"* ESEARCH":
            told = _esearch_items(response, pending.tag)
            number = told.get(b"COUNT", number)
    if number is None or not number.isdigit() or len(number) > MAX_DIGITS or not is_whole(pending):
        return None
    return int(number)


def is_whole(pending: Pending) -> bool:
    """Say whether an answer that was read is about every message: a server may stop at some UID (RFC 9738)."""
    return not _LIMIT.match(pending.code or b"")


def commands(key: Key, *, esearch: bool) -> list[str]:
    """Give the commands that `search` would send, as text."""
    said: list[str] = []

    def note(part: Key) -> array[int]:
        said.append(" ".join(["UID SEARCH", *(w.decode() for w in _options(part, esearch=esearch)), str(part)]))
        return sets.uid_array()

    _found(key, note)
    return said


def _complete(wire: Wire, key: Key, *, esearch: bool) -> array[int]:
    """Ask until every message was looked at: a server may say that it stopped at some UID (MESSAGELIMIT, RFC 9738)."""
    found: set[int] = set()
    part, lowest = key, sets.MAX_UID + 1
    while True:
        pending = ask(wire, part, esearch=esearch)
        told = answer(wire, pending)
        limit = _LIMIT.match(pending.code or b"")
        if limit is None and not found:
            return told
        found.update(told)
        if limit is None or not 1 < int(limit[1]) < lowest:
            return sets.uid_array(sorted(found))
        lowest = int(limit[1])
        part = both([uid_range(1, lowest - 1), key])


def ask(wire: Wire, key: Key, *, esearch: bool) -> Pending:
    """Send the command; the answer is read with `answer`."""
    words: list[Argument] = [*_options(key, esearch=esearch)]
    return wire.send("UID SEARCH", *words, *key.arguments)


def _options(key: Key, *, esearch: bool) -> Iterator[bytes]:
    if esearch:
        yield b"RETURN (ALL)"
    if not key.is_ascii:
        yield b"CHARSET UTF-8"


def _found(key: Key, asked: Callable[[Key], array[int]]) -> array[int]:
    """Find what a key of any length holds for, with keys short enough to be asked.

    One command after the other: a server without ESEARCH does not say which of several its answer is to.
    """
    if key.octets <= MAX_KEY:
        return asked(key)
    if key.joined == "or":
        return sets.uid_array(sorted(set().union(*(_found(group, asked) for group in _groups(key)))))
    if key.joined == "and":
        short, long = _sorted_out(key)
        if long is not None:
            # Each part of the long list, within the bounds of the short ones.
            return sets.uid_array(sorted(set().union(*(_found(both([*short, part]), asked) for part in _parts(long)))))
        found = [set(_found(group, asked)) for group in _groups(key)]
        return sets.uid_array(sorted(set.intersection(*found)))
    parts = _parts(key)
    if len(parts) == 1:
        # Nothing to cut it at: the server says whether it takes it.
        return asked(key)
    return sets.uid_array(sorted(set().union(*(_found(part, asked) for part in parts))))


def _sorted_out(key: Key) -> tuple[list[Key], Key | None]:
    """Part an AND into what every command can carry and the one long list that has to be cut; None where several do."""
    *short, long = sorted(key.keys, key=lambda part: part.octets)
    room = MAX_KEY - sum(part.octets for part in short)
    is_list = long.joined == "or" or long.words[:1] == (b"UID",)
    return (short, long) if is_list and room > MAX_KEY // 2 else (short, None)


def _parts(key: Key) -> list[Key]:
    """Cut a list of alternatives into parts of half a command each."""
    if key.joined == "or":
        return list(_groups(key, MAX_KEY // 2))
    if len(key.words) == 2 and key.words[0] == b"UID" and isinstance(key.words[1], bytes):  # noqa: PLR2004
        # A little less, so that a set is always cut where the rest of the command leaves it half of the room.
        return [Key((b"UID", piece)) for piece in sets.cut(key.words[1], MAX_KEY // 2 - len(b"UID ,,"))]
    return [key]


def _groups(key: Key, limit: int = MAX_KEY) -> Iterator[Key]:
    """Part the keys of a list into lists that each fit one command."""
    held: list[Key] = []
    size = 0
    for part in key.keys:
        length = part.octets + len(b"OR ( ) ")
        if held and size + length > limit:
            yield _same(key, held)
            held, size = [], 0
        held.append(part)
        size += length
    yield _same(key, held)


def _same(key: Key, parts: list[Key]) -> Key:
    return parts[0] if len(parts) == 1 else Key(joined=key.joined, keys=tuple(parts))


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


def _esearch_items(response: Response, tag: bytes) -> dict[bytes, bytes]:
    """Read what a response tells, by name; nothing where it answers another command."""
    words = tokens(response, len(b"* ESEARCH"))
    if words and isinstance(words[0], list) and words[0][1:] not in ([], [tag]):
        return {}
    return {
        name.upper(): value
        for name, value in itertools.pairwise(words)
        if isinstance(name, bytes) and isinstance(value, bytes)
    }


def _esearch_line(response: Response, tag: bytes) -> array[int]:
    told = _esearch_items(response, tag)
    if b"ALL" in told:
        return sets.expand(told[b"ALL"])
    if told.get(b"COUNT", b"0") != b"0":
        raise ProtocolError("the server says how many messages it found, and not which", command="UID SEARCH")
    return sets.uid_array()
