"""A perfect server in plain Python: which of some rows a SEARCH key finds, read from the words that would be sent."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from imapdb.imap.wire import Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from imapdb.imap.keys import Key

__all__ = ["FIELDS", "Perfect", "finds"]

# The column that shows each header field.
FIELDS: Final = {
    "FROM": "sender", "TO": "to", "CC": "cc", "BCC": "bcc", "SUBJECT": "subject", "REPLY-TO": "reply_to",
    "MESSAGE-ID": "message_id", "IN-REPLY-TO": "in_reply_to", "REFERENCES": "references", "LIST-ID": "list_id",
    "CONTENT-TYPE": "mime",
}  # fmt: skip
_FLAGS: Final = ("SEEN", "ANSWERED", "FLAGGED", "DELETED", "DRAFT", "RECENT")
_WORD: Final = re.compile(r"[()]|[^\s()]+")


class _Text(str):
    """What stood in quotes or in a literal."""

    __slots__ = ()


@dataclasses.dataclass(frozen=True)
class Perfect:
    """A server that finds what it should. Its clock is `zone` hours off UTC; Date headers are of that zone too."""

    zone: int = 0

    def finds(self, key: Key, row: Mapping[str, Any]) -> bool:
        """Say whether a message is found."""
        return self.finds_words(tuple(_words(key)), row)

    def finds_words(self, said: tuple[str, ...], row: Mapping[str, Any]) -> bool:
        """Say the same of a key in words, in the order they are sent."""
        words = list(reversed(said))
        found = True
        while words:
            # A list at the top is joined by AND.
            found &= self._one(words, row)
        return found

    def _one(self, words: list[str], row: Mapping[str, Any]) -> bool:  # noqa: C901 - one key after the other
        word = words.pop()
        assert not isinstance(word, _Text), word
        match word:
            case "ALL":
                return True
            case "NOT":
                return not self._one(words, row)
            case "OR":
                # Both are read, whatever the first one says.
                left, right = self._one(words, row), self._one(words, row)
                return left or right
            case "(":
                found = self._one(words, row)
                while words[-1] != ")":
                    found &= self._one(words, row)
                words.pop()
                return found
            case "UID":
                return _is_in(row["uid"], words.pop())
            case "KEYWORD" | "UNKEYWORD":
                held = {flag.lower() for flag in json.loads(row["flags"])}
                return (words.pop().lower() in held) == (word == "KEYWORD")
            case "LARGER":
                return bool(row["size"] > int(words.pop()))
            case "SMALLER":
                return bool(row["size"] < int(words.pop()))
            case "SINCE" | "BEFORE" | "SENTSINCE" | "SENTBEFORE":
                return self._is_dated(word, words.pop(), row)
            case "HEADER":
                return _holds(row, words.pop(), words.pop())
        if word.removeprefix("UN") in _FLAGS:
            return bool(row[word.removeprefix("UN").lower()]) == (not word.startswith("UN"))
        return _holds(row, word, words.pop())

    def _is_dated(self, word: str, day: str, row: Mapping[str, Any]) -> bool:
        held = row["sent" if word.startswith("SENT") else "created"]
        if held is None:
            return False
        theirs = (datetime.fromisoformat(held) + timedelta(hours=self.zone)).date()
        wanted = datetime.strptime(day, "%d-%b-%Y").date()  # noqa: DTZ007 - a day has no zone
        return theirs >= wanted if word.endswith("SINCE") else theirs < wanted


def finds(key: Key, rows: Iterable[Mapping[str, Any]]) -> set[int]:
    """Give the UIDs of the rows a key finds."""
    server = Perfect()
    words = tuple(_words(key))
    return {row["uid"] for row in rows if server.finds_words(words, row)}


def _holds(row: Mapping[str, Any], field: str, text: str) -> bool:
    assert isinstance(text, _Text), text
    held = row[FIELDS[field]]
    return held is not None and text.casefold() in held.casefold()


def _is_in(uid: int, listed: str) -> bool:
    return any(low <= uid <= high for low, high in _runs(listed))


@lru_cache(maxsize=1024)
def _runs(listed: str) -> list[tuple[int, int]]:
    bounds = [[int(bound) for bound in run.split(":")] for run in listed.split(",")]
    return [(min(run), max(run)) for run in bounds]


def _words(key: Key) -> Iterator[str]:
    for argument in key.arguments:
        if isinstance(argument, Literal):
            yield _Text(argument.octets.decode())
        elif argument.startswith(b'"'):
            yield _Text(re.sub(r"\\(.)", r"\1", argument[1:-1].decode("ascii")))
        else:
            yield from _WORD.findall(argument.decode("ascii"))
