"""What Python programs read bodies and attachments with today, each the way its documentation shows."""

from __future__ import annotations

import email
import email.policy
from typing import TYPE_CHECKING, Any

from benchmarks.peers import ImapClient, ImapTools, in_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage

    from benchmarks.questions import Attached, Parts

__all__ = ["MailParser", "Structures", "Tools"]

_PIECE = 100  # whole messages, which a client holds until all of them are there


class MailParser(ImapClient):
    """imapclient brings whole messages, and the standard library's parser takes them apart."""

    name = "imapclient, email"

    def parts(self, question: Parts) -> Iterator[Any]:
        """Fetch and parse."""
        values: dict[str, Callable[[int, EmailMessage], Any]] = {
            "uid": lambda uid, message: uid,
            "text": lambda uid, message: _body(message, "plain"),
            "html": lambda uid, message: _body(message, "html"),
            "attachments": lambda uid, message: _attached(message),
        }
        wanted = [values[name] for name in question.columns]
        for piece in in_pieces(self._client.search(_criteria(question)), _PIECE):
            found = self._client.fetch(piece, ["BODY.PEEK[]"])
            for uid in piece:
                message = email.message_from_bytes(found[uid][b"BODY[]"], policy=email.policy.default)
                yield tuple([value(uid, message) for value in wanted])


class Structures(ImapClient):
    """imapclient brings BODYSTRUCTURE. Names of files stay as they are encoded, as it leaves them."""

    answers = False

    def parts(self, question: Parts) -> Iterator[Any]:
        """Fetch the structures and walk through them."""
        for piece in in_pieces(self._client.search(_criteria(question)), 1_000):
            found = self._client.fetch(piece, ["BODYSTRUCTURE"])
            for uid in piece:
                yield uid, list(_leaves(found[uid][b"BODYSTRUCTURE"]))


class Tools(ImapTools):
    """imap_tools: whole messages, which it parses with the standard library."""

    def parts(self, question: Parts) -> Iterator[Any]:
        """Fetch."""
        values: dict[str, Callable[[Any], Any]] = {
            "uid": lambda message: message.uid,
            "text": lambda message: message.text,
            "html": lambda message: message.html,
            "attachments": lambda message: [
                (each.filename, each.content_type, each.size) for each in message.attachments
            ],
        }
        wanted = [values[name] for name in question.columns]
        # One FETCH for all of them would hold everything at once; that of a hundred is what its examples have.
        for message in self._box.fetch(" ".join(map(str, _criteria(question))), mark_seen=False, bulk=_PIECE):
            yield tuple([value(message) for value in wanted])


def _criteria(question: Parts) -> list[Any]:
    if question.larger:
        return ["LARGER", question.larger]
    return ["UID", f"1:{question.last or '*'}"]


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content())


def _attached(message: EmailMessage) -> Iterator[Attached]:
    # iter_attachments() leaves out the images of an alternative.
    for part in message.walk():
        if not part.is_multipart() and (part.get_filename() or part.get_content_maintype() != "text"):
            octets = part.get_payload(decode=True)
            yield part.get_filename() or "", part.get_content_type(), len(octets if isinstance(octets, bytes) else b"")


def _leaves(body: Any) -> Iterator[tuple[Any, ...]]:
    if body.is_multipart:
        for part in body[0]:
            yield from _leaves(part)
    elif body[0].lower() != b"text" or (len(body) > 9 and body[9]):
        yield body[2], body[0] + b"/" + body[1], body[6]
