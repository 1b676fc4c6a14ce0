"""The libraries Python programs read mail with today, each used the way its documentation shows for many messages.

All fetch in pieces of a thousand messages: longer lists of UIDs are refused. What they do not decode stays as it is.
"""

from __future__ import annotations

import imaplib
import importlib
import importlib.util
import re
from typing import TYPE_CHECKING, Any, ClassVar

import imapclient

from benchmarks.contender import Contender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.questions import Count, Listing

__all__ = ["ImapClient", "ImapTools", "Imaplib", "in_pieces"]

_PIECE = 1_000


def in_pieces(uids: Sequence[Any], size: int = _PIECE) -> Iterator[Sequence[Any]]:
    """Cut a list of UIDs."""
    for at in range(0, len(uids), size):
        yield uids[at : at + size]


class ImapClient(Contender):
    """imapclient: ENVELOPE parsed, strings left as octets."""

    name = "imapclient"
    is_peer = True
    _VALUES: ClassVar[dict[str, Callable[[int, Any], Any]]] = {
        "uid": lambda uid, data: uid,
        "sender": lambda uid, data: data[b"ENVELOPE"].from_,
        "subject": lambda uid, data: data[b"ENVELOPE"].subject,
        "created": lambda uid, data: data[b"INTERNALDATE"],
        "size": lambda uid, data: data[b"RFC822.SIZE"],
        "flags": lambda uid, data: data[b"FLAGS"],
        "to": lambda uid, data: data[b"ENVELOPE"].to,
        "cc": lambda uid, data: data[b"ENVELOPE"].cc,
        "sent": lambda uid, data: data[b"ENVELOPE"].date,
        "message_id": lambda uid, data: data[b"ENVELOPE"].message_id,
    }

    def open(self) -> None:
        """Log in and EXAMINE."""
        self._client = imapclient.IMAPClient(self.place.host, self.place.port, ssl=False)
        self._client.login(self.place.user, self.place.password)
        self._client.select_folder("INBOX", readonly=True)

    def warm(self) -> None:
        """Search once: before the first search it asks for the capabilities."""
        self._client.search("UNSEEN")

    def close(self) -> None:
        """Log out."""
        self._client.logout()

    def count(self, question: Count) -> int:
        """Search and count."""
        criteria = ["UNSEEN", "UNFLAGGED", "SMALLER", question.smaller, "SINCE", question.since]
        return len(self._client.search(criteria))

    def rows(self, question: Listing) -> Iterator[Any]:
        """Search, or sort for the newest, then fetch."""
        criteria = "UNSEEN" if question.unseen else "ALL"
        if question.newest == "created":
            uids = self._client.sort("REVERSE ARRIVAL", criteria)[: question.limit]
        else:
            uids = self._client.search(criteria)
            if question.newest:
                uids = uids[: -question.limit - 1 : -1]
        values = [self._VALUES[name] for name in question.columns]
        for piece in in_pieces(uids):
            found = self._client.fetch(piece, ["FLAGS", "RFC822.SIZE", "INTERNALDATE", "ENVELOPE"])
            for uid in piece:
                data = found[uid]
                yield tuple([value(uid, data) for value in values])


class ImapTools(Contender):
    """imap_tools: whole headers parsed and decoded. It cannot tell INTERNALDATE: `created` is the Date header."""

    name = "imap_tools"
    is_peer = True
    _VALUES: ClassVar[dict[str, Callable[[Any], Any]]] = {
        "uid": lambda message: message.uid,
        "sender": lambda message: message.from_values,
        "subject": lambda message: message.subject,
        "created": lambda message: message.date,
        "size": lambda message: message.size_rfc822,
        "flags": lambda message: message.flags,
        "to": lambda message: message.to_values,
        "cc": lambda message: message.cc_values,
        "sent": lambda message: message.date,
        "message_id": lambda message: message.headers.get("message-id"),
    }

    @classmethod
    def missing(cls) -> str | None:
        """Look for it: it comes with the extra `bench`."""
        return None if importlib.util.find_spec("imap_tools") else "it is not installed (extra bench)"

    def open(self) -> None:
        """Log in and EXAMINE."""
        self._tools = importlib.import_module("imap_tools")
        self._box = self._tools.MailBoxUnencrypted(self.place.host, self.place.port)
        self._box.login(self.place.user, self.place.password, initial_folder=None)
        self._box.folder.set("INBOX", readonly=True)

    def close(self) -> None:
        """Log out."""
        self._box.logout()

    def count(self, question: Count) -> int:
        """Search and count."""
        asked = self._tools.AND(seen=False, flagged=False, size_lt=question.smaller, date_gte=question.since)
        return len(self._box.uids(asked))

    def rows(self, question: Listing) -> Iterator[Any]:
        """Fetch by criteria; the newest by created by sorted UIDs, as a piece comes in the order of the mailbox."""
        asked: dict[str, Any] = {"mark_seen": False, "headers_only": True, "bulk": _PIECE}
        values = [self._VALUES[name] for name in question.columns]
        criteria = "UNSEEN" if question.unseen else "ALL"
        if question.newest == "created":
            uids = self._box.uids(criteria, sort="REVERSE ARRIVAL")[: question.limit]
            found = {message.uid: message for message in self._box.fetch(uid_list=uids, **asked)}
            messages = iter([found[uid] for uid in uids])
        elif question.newest:
            messages = self._box.fetch(criteria, reverse=True, limit=question.limit, **asked)
        else:
            messages = self._box.fetch(criteria, **asked)
        for message in messages:
            yield tuple([value(message) for value in values])


class Imaplib(Contender):
    """The standard library, and one regular expression for the items: nothing is decoded."""

    name = "imaplib"
    is_peer = True
    _HEAD = re.compile(
        rb'UID (?P<uid>\d+)|FLAGS \((?P<flags>[^)]*)\)|RFC822.SIZE (?P<size>\d+)|INTERNALDATE "(?P<created>[^"]*)"'
    )
    _FIELD = re.compile(
        rb"^(From|Subject|To|Cc|Date|Message-ID): (.*(?:\r\n[ \t].*)*)\r\n", re.IGNORECASE | re.MULTILINE
    )
    _FIELDS: ClassVar[dict[str, str]] = {
        "sender": "From",
        "subject": "Subject",
        "to": "To",
        "cc": "Cc",
        "sent": "Date",
        "message_id": "Message-ID",
    }

    def open(self) -> None:
        """Log in and EXAMINE."""
        self._client = imaplib.IMAP4(self.place.host, self.place.port)
        self._client.login(self.place.user, self.place.password)
        self._client.select("INBOX", readonly=True)

    def close(self) -> None:
        """Log out."""
        self._client.logout()

    def count(self, question: Count) -> int:
        """Search and count."""
        criteria = f"UNSEEN UNFLAGGED SMALLER {question.smaller} SINCE {question.since:%d-%b-%Y}"
        return len(self._uids("SEARCH", criteria))

    def rows(self, question: Listing) -> Iterator[Any]:
        """Search, or sort for the newest, then fetch the fields."""
        criteria = "UNSEEN" if question.unseen else "ALL"
        if question.newest == "created":
            uids = self._uids("SORT", "(REVERSE ARRIVAL)", "US-ASCII", criteria)[: question.limit]
        else:
            uids = self._uids("SEARCH", criteria)
            if question.newest:
                uids = uids[: -question.limit - 1 : -1]
        fields = " ".join(self._FIELDS[name] for name in question.columns if name in self._FIELDS)
        items = f"(UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS ({fields})])"
        for piece in in_pieces(uids):
            _, answer = self._client.uid("FETCH", b",".join(piece).decode(), items)
            rows = [self._row(part, question.columns) for part in answer if isinstance(part, tuple)]
            if question.newest:
                place = question.columns.index("uid")
                rows.sort(key=lambda row: uids.index(row[place] or b""))
            yield from rows

    def _uids(self, *command: str) -> list[bytes]:
        _, (found,) = self._client.uid(*command)
        return bytes(found or b"").split()

    def _row(self, part: tuple[bytes, bytes], columns: tuple[str, ...]) -> tuple[bytes | None, ...]:
        values = {kind: found[kind] for found in self._HEAD.finditer(part[0]) if (kind := found.lastgroup)}
        values |= {name.decode().lower(): value for name, value in self._FIELD.findall(part[1])}
        return tuple([values.get(self._FIELDS.get(name, name).lower()) for name in columns])
