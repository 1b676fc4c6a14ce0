"""One message of the sample account, and what all of them have in common."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

from imapdb.demo import compose
from imapdb.demo.compose import Header, Part, encoded

if TYPE_CHECKING:
    from imapdb.demo.texts import Person

__all__ = ["ANSWERED", "DRAFT", "FLAGGED", "SEEN", "Letter", "address", "headers", "state", "written"]

SEEN, ANSWERED, FLAGGED, DRAFT = "\\Seen", "\\Answered", "\\Flagged", "\\Draft"

# How long mail stays unread: what is older has been read, but for every seventh.
_UNREAD = timedelta(days=6)


@dataclasses.dataclass(frozen=True)
class Letter:
    """A message and where it lies: `received` becomes its INTERNALDATE. Levels of `mailbox` are parted by `/`."""

    mailbox: str
    received: datetime
    flags: tuple[str, ...]
    raw: bytes


def address(person: Person) -> str:
    """Write a person as an address header holds them (RFC 5322 3.4)."""
    if not person.name:
        return person.address
    if not person.name.isascii():
        return f"{encoded(person.name, person.charset, person.how)} <{person.address}>"
    if all(char.isalnum() or char in " '-" for char in person.name):
        return f"{person.name} <{person.address}>"
    escaped = person.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{person.address}>'


def headers(sender: Person, to: Person, subject: str, when: datetime, *thread: str) -> list[Header]:
    """Write the fields every proper message has.

    `thread` are message ids: the last is that of this message, those before it are its ancestors, oldest first.
    """
    *ancestors, own = thread
    fields: list[Header] = [
        ("From", address(sender)),
        ("To", address(to)),
        ("Subject", encoded(subject, *_fitting(subject, sender))),
        ("Date", format_datetime(when)),
        ("Message-ID", own),
    ]
    if ancestors:
        fields += [("In-Reply-To", ancestors[-1]), ("References", "\r\n ".join(ancestors))]
    return fields


def written(value: str, sender: Person) -> Part:
    """Write a text as the sender's program would: in their charset if it has all the characters, else in UTF-8."""
    charset, how = _fitting(value, sender)
    transfer: compose.Transfer = "quoted-printable" if how == "Q" else "base64"
    if charset in ("us-ascii", "iso-2022-jp"):
        transfer = "7bit"
    return compose.text(value + "\n", charset=charset, transfer=transfer)


def state(age: timedelta, number: int) -> tuple[str, ...]:
    """Say whether a mail of this age was read yet, and whether it is marked."""
    unread = number % 7 == 0 or (age < _UNREAD and number % 3 != 0)
    return (() if unread else (SEEN,)) + ((FLAGGED,) if number % 11 == 0 else ())


def _fitting(value: str, sender: Person) -> tuple[str, compose.How]:
    try:
        value.encode(sender.charset)
    except UnicodeEncodeError:
        return "utf-8", sender.how
    return sender.charset, sender.how
