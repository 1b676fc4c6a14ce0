"""UID sets: compressed for a command, read from an answer, cut into pieces (RFC 3501 9, sequence-set)."""

from __future__ import annotations

import itertools
import re
from array import array
from collections.abc import Collection
from typing import TYPE_CHECKING

from imapdb.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MAX_SIGNED", "MAX_UID", "compress", "cut", "expand", "halves", "pieces", "uid_array"]

MAX_UID = 2**32 - 1
MAX_SIGNED = 2**31 - 1
MAX_SET = 7_000  # octets; with the words around it a command stays under the 8,000 that RFC 7162 4 asks servers to take
MAX_EXPANDED = 50_000_000

# Numbers of nine digits fit 31 bits; longer ones are looked at one by one.
_PLAIN = re.compile(rb"[1-9]\d{0,8}(?::[1-9]\d{0,8})?(?:,[1-9]\d{0,8}(?::[1-9]\d{0,8})?)*\Z")
_RANGE = re.compile(rb"(\d{1,10})(?::(\d{1,10}))?\Z")


def uid_array(uids: Iterable[int] = ()) -> array[int]:
    """Hold UIDs in four octets each; a list of ints takes nine times that."""
    return array("I", uids)


def ranges(uids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield runs of consecutive UIDs, ascending, doubles folded."""
    first = last = -1
    for uid in sorted(uids):
        if uid == last + 1:
            last = uid
        elif uid != last:
            if first >= 0:
                yield first, last
            first = last = uid
    if first >= 0:
        yield first, last


def compress(uids: Iterable[int]) -> bytes:
    """Write UIDs as the shortest plain set: `1:3,5`."""
    return b",".join(map(_range, ranges(uids)))


def pieces(uids: Iterable[int], limit: int = MAX_SET) -> Iterator[bytes]:
    """Write UIDs as sets of at most `limit` octets each."""
    return itertools.chain.from_iterable(_packed(map(_range, ranges(half)), limit) for half in halves(uids))


def halves(uids: Iterable[int]) -> list[Collection[int]]:
    """Part UIDs into those that fit 31 bits and those that do not, where there are such.

    Cyrus 3.6 takes numbers for signed ones: of a set that holds 1 and 3,000,000,000 it finds nothing.
    """
    chosen = uids if isinstance(uids, Collection) else list(uids)
    if not chosen or max(chosen) <= MAX_SIGNED:
        return [chosen]
    parts = [[uid for uid in chosen if uid <= MAX_SIGNED], [uid for uid in chosen if uid > MAX_SIGNED]]
    return [part for part in parts if part]


def cut(uid_set: bytes, limit: int = MAX_SET) -> Iterator[bytes]:
    """Cut a set into sets of at most `limit` octets each."""
    return _packed(uid_set.split(b","), limit)


def _packed(runs: Iterable[bytes], limit: int) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for run in runs:
        if held and size + len(run) + 1 > limit:
            yield b",".join(held)
            held, size = [], 0
        held.append(run)
        size += len(run) + 1
    if held:
        yield b",".join(held)


def expand(uid_set: bytes) -> array[int]:
    """Read the set of an answer (ESEARCH, COPYUID), ascending, doubles folded.

    Raises ProtocolError for what is no set of numbers, or names more messages than a mailbox can hold in practice.
    """
    return _ascending(uid_set) or _sorted(uid_set)


def _ascending(uid_set: bytes) -> array[int] | None:
    """Read a set as servers write it, in order and without doubles, quickly; None for any other."""
    if not _PLAIN.match(uid_set):
        return None
    uids = uid_array()
    last = 0
    for part in uid_set.split(b","):
        first, colon, end = part.partition(b":")
        start = int(first)
        if start <= last:
            return None
        if colon:
            last = int(end)
            if last < start or last - start + len(uids) > MAX_EXPANDED:
                return None
            uids.extend(range(start, last + 1))
        else:
            uids.append(start)
            last = start
    return uids


def _sorted(uid_set: bytes) -> array[int]:
    runs = []
    total = 0
    for part in uid_set.split(b","):
        match = _RANGE.match(part)
        if match is None:
            raise ProtocolError(f"the server sent {part[:40]!r} where a set of UIDs belongs")
        first = int(match[1])
        last = int(match[2]) if match[2] else first
        if first > last:
            first, last = last, first
        total += last - first + 1
        if first < 1 or last > MAX_UID or total > MAX_EXPANDED:
            raise ProtocolError("the server sent a set of more UIDs than there can be, or of 0")
        runs.append((first, last))
    runs.sort()
    uids = uid_array()
    after = -1
    for first, last in runs:
        start = max(first, after)
        uids.extend(range(start, last + 1))
        after = max(after, last + 1)
    return uids


def _range(run: tuple[int, int]) -> bytes:
    first, last = run
    return b"%d" % first if first == last else b"%d:%d" % run
