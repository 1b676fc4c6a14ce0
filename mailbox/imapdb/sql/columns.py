"""The column registry: the one place that knows a column.

Its SQL type, what must be fetched for it, how its value is made of that, and which terms of a WHERE clause it can push.
Reflection, planning, fetching and the column table of the docs are derived from it; a new column is a new entry here.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import operator
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from imapclient.imap_utf7 import decode as utf7_decode

from imapdb.imap.fetch import Items
from imapdb.mime import addresses, dates, headers
from imapdb.sql import conditions

if TYPE_CHECKING:
    from collections.abc import Callable

    from imapdb.imap.fetch import Fetched
    from imapdb.sql.conditions import Condition
    from imapdb.sql.values import SQLValue

__all__ = ["ATTACHMENT_COLUMNS", "COLUMNS", "MAILBOX_COLUMNS", "AttachmentColumn", "Column", "MailboxColumn", "by_name"]


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """A column of every message table. `value` is never asked before `items` were fetched; it never raises."""

    name: str
    sql_type: str
    items: Items
    value: Callable[[Fetched], SQLValue]
    doc: str
    condition: Condition | None = None
    hidden: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class MailboxColumn:
    """A column of the table `mailboxes`. `status` is the STATUS item it needs, where LIST does not tell."""

    name: str
    sql_type: str
    doc: str
    status: str | None = None


FLAGS: Final = Items(flags=True)
STRUCTURE: Final = Items(structure=True)
_ADDRESS_SEPARATOR: Final = b", "
_END_OF_HEADER: Final = re.compile(rb"\r?\n\r?\n|\A\r?\n|\r\r")


def _flag(name: str) -> Callable[[Fetched], SQLValue]:
    wanted = b"\\" + name.encode("ascii")

    def value(message: Fetched) -> SQLValue:
        return int(wanted in _flag_words(message.flags)) if message.flags is not None else None

    return value


@lru_cache(maxsize=1024)
def _flag_words(raw: bytes) -> frozenset[bytes]:
    return frozenset(word.lower() for word in raw.split())


@lru_cache(maxsize=1024)
def _flags_json(raw: bytes) -> str:
    return json.dumps([word.decode("utf-8", "replace") for word in raw.split()], ensure_ascii=False)


def _flags(message: Fetched) -> SQLValue:
    return None if message.flags is None else _flags_json(message.flags)


def _header(message: Fetched) -> bytes | None:
    if message.header is None and message.body is not None:
        end = _END_OF_HEADER.search(message.body)
        message.header = message.body if end is None else message.body[: end.start()] + b"\r\n"
    return message.header


# The lower-case names any column reads; fields beside them are not kept.
_READ_FIELDS: set[bytes] = set()


def _split(message: Fetched) -> dict[bytes, bytes | list[bytes]]:
    """Split the header of a message, the first time one of its fields is read."""
    header = _header(message)
    fields = message.fields = headers.field_values(header, _READ_FIELDS) if header else {}
    return fields


def _first_of(field: bytes, decode: Callable[[bytes], SQLValue]) -> Callable[[Fetched], SQLValue]:
    """Give the value of a field of which the first occurrence counts."""

    def value(message: Fetched) -> SQLValue:
        fields = message.fields
        found = (_split(message) if fields is None else fields).get(field)
        if isinstance(found, bytes):
            return decode(found)
        return None if found is None else decode(found[0])

    return value


def _joined_of(field: bytes, decode: Callable[[bytes], SQLValue]) -> Callable[[Fetched], SQLValue]:
    """Give the value of an address field; one that is repeated, against RFC 5322 3.6, counts as one list."""

    def value(message: Fetched) -> SQLValue:
        fields = message.fields
        found = (_split(message) if fields is None else fields).get(field)
        if isinstance(found, bytes):
            return decode(found)
        return None if found is None else decode(_ADDRESS_SEPARATOR.join(found))

    return value


def _field(name: str) -> tuple[bytes, Items]:
    _READ_FIELDS.add(name.lower().encode("ascii"))
    return name.lower().encode("ascii"), Items(fields=frozenset({name.upper().encode("ascii")}))


def _text_column(name: str, field: str, doc: str, decode: Callable[[bytes], str]) -> Column:
    """Make the column of a header field of which the first occurrence counts."""
    wanted, items = _field(field)
    return Column(name, "TEXT", items, _first_of(wanted, decode), doc, conditions.TextTerm(field.upper()))


def _address_column(name: str, field: str, doc: str) -> Column:
    """Make the column of an address field."""
    wanted, items = _field(field)
    value = _joined_of(wanted, addresses.format_list)
    return Column(name, "TEXT", items, value, doc, conditions.TextTerm(field.upper()))


def _sender_column(name: str, part: int, doc: str) -> Column:
    wanted, items = _field("From")

    def first(raw: bytes) -> SQLValue:
        sender = addresses.first(raw)
        return None if sender is None else sender[part]

    return Column(name, "TEXT", items, _joined_of(wanted, first), doc, conditions.TextTerm("FROM"))


def _sent() -> Column:
    wanted, items = _field("Date")

    def sensible(raw: bytes) -> SQLValue:
        moment = dates.sql_from_header(raw)
        return moment if moment is not None and dates.FIRST_SENT <= moment < dates.LAST_SENT else None

    doc = "the Date header, UTC; NULL where it is missing or nonsense (as are years before 1902 and after 2105)"
    return Column("sent", "DATETIME", items, _first_of(wanted, sensible), doc, conditions.SentTerm())


def _created(message: Fetched) -> SQLValue:
    return None if message.date is None else dates.sql_from_internaldate(message.date)


def _headers_json(message: Fetched) -> SQLValue:
    header = _header(message)
    return None if header is None else json.dumps(headers.decode_json_headers(header), ensure_ascii=False)


def _email_id(message: Fetched) -> SQLValue:
    return message.email_id.decode("ascii") if message.email_id else None


def _thread_id(message: Fetched) -> SQLValue:
    return message.thread_id.decode("ascii") if message.thread_id else None


def _labels(message: Fetched) -> SQLValue:
    return None if message.labels is None else _labels_json(message.labels)


@lru_cache(maxsize=1024)
def _labels_json(labels: tuple[bytes, ...]) -> str:
    return json.dumps([_label(label) for label in labels], ensure_ascii=False)


def _label(raw: bytes) -> str:
    """Decode a label, which is in modified UTF-7 as names of mailboxes are; what is none of it stays as written."""
    try:
        if raw.isascii():
            label: str = utf7_decode(raw)
            # Half of a character can be written in UTF-7, and cannot be kept.
            return label.encode().decode()
    except (ValueError, LookupError):
        pass
    return raw.decode("utf-8", "backslashreplace")


def _said(name: str) -> Callable[[Fetched], SQLValue]:
    """Give what makes a column of a message's parts; most statements do without, and without importing it."""
    found: Callable[[Fetched], SQLValue] | None = None

    def value(message: Fetched) -> SQLValue:
        nonlocal found
        if found is None:
            found = getattr(importlib.import_module("imapdb.sql.said"), name)
        return found(message)

    return value


def _body_column(name: str, sql_type: str, doc: str) -> Column:
    items = Items(texts=frozenset({name}))
    # JSON holds words that no message says.
    condition = conditions.MatchTerm("BODY") if sql_type == "JSON" else conditions.TextTerm("BODY")
    return Column(name, sql_type, items, _said(name), doc, condition, hidden=True)


def _flag_column(name: str, doc: str) -> Column:
    return Column(name, "BOOLEAN", FLAGS, _flag(name), doc, conditions.FlagTerm(name))


COLUMNS: Final[tuple[Column, ...]] = (
    Column(
        "uid", "INTEGER", Items(), operator.attrgetter("uid"), "the message's UID in its mailbox", conditions.UidTerm()
    ),
    _flag_column("seen", r"`\Seen`: it was read"),
    _flag_column("answered", r"`\Answered`"),
    _flag_column("flagged", r"`\Flagged`: marked as important"),
    _flag_column("deleted", r"`\Deleted`: to be expunged"),
    _flag_column("draft", r"`\Draft`"),
    _flag_column("recent", r"`\Recent`: no session was told of it before this one"),
    Column("flags", "JSON", FLAGS, _flags, "every flag and keyword, a JSON list", conditions.KeywordTerm()),
    Column(
        "size", "INTEGER", Items(size=True), operator.attrgetter("size"), "RFC822.SIZE, octets", conditions.SizeTerm()
    ),
    Column(
        "created", "DATETIME", Items(date=True), _created, "when the server received it, UTC", conditions.DateTerm()
    ),
    _sent(),
    _address_column("sender", "From", "From, decoded"),
    _address_column("to", "To", "To, decoded"),
    _address_column("cc", "Cc", "Cc, decoded"),
    _address_column("bcc", "Bcc", "Bcc, decoded (rarely kept by servers)"),
    _address_column("reply_to", "Reply-To", "Reply-To, decoded"),
    _sender_column("sender_name", 0, "the display name of the first author"),
    _sender_column("sender_address", 1, "the address of the first author"),
    _text_column("subject", "Subject", "Subject, decoded", headers.decode_text),
    _text_column("message_id", "Message-ID", "Message-ID, as written", headers.decode_id),
    _text_column("in_reply_to", "In-Reply-To", "In-Reply-To, as written", headers.decode_id),
    _text_column("references", "References", "References, as written, one space between", headers.decode_id),
    _text_column("list_id", "List-Id", "List-Id, decoded: the mailing list it came by", headers.decode_text),
    _text_column("mime", "Content-Type", "the Content-Type header", headers.decode_text),
    Column(
        "encoding", "TEXT", STRUCTURE, _said("encoding"),
        "the charset of its first text, in lower case, as it is labelled; NULL without any text",
    ),
    Column(
        "attachments", "JSON", STRUCTURE, _said("attachments"),
        "a JSON list of {part, filename, content_type, size (octets, decoded), content_id, disposition}: every part "
        "that is no text to be shown",
    ),
    Column(
        "email_id", "TEXT", Items(email_id=True), _email_id,
        "the same for every copy of the message (OBJECTID, or Gmail's X-GM-MSGID); NULL where the server has none",
        conditions.ObjectIdTerm("email_id"),
    ),
    Column(
        "thread_id", "TEXT", Items(thread_id=True), _thread_id,
        "the same for all of a conversation (OBJECTID, or Gmail's X-GM-THRID); NULL where the server has none",
        conditions.ObjectIdTerm("thread_id"),
    ),
    Column(
        "labels", "JSON", Items(labels=True), _labels,
        "Gmail's labels but for the mailbox's own, a JSON list; NULL on other servers",
        conditions.MatchTerm("X-GM-RAW"),
    ),
    Column("mailbox", "TEXT", Items(), lambda m: None, "the mailbox the message is in", conditions.NameTerm()),
    _body_column("text", "TEXT", "what a reader is shown, as plain text (of html where there is no other)"),
    _body_column("html", "TEXT", "the first html text, as written; NULL where there is none"),
    _body_column("content", "JSON", "every text that is no attachment: a JSON list of {mime, text}"),
    Column(
        "headers", "JSON", Items(header=True), _headers_json,
        "every header field: a JSON object by lower-case name; a repeated field is a list", hidden=True,
    ),
    Column(
        "email", "BLOB", Items(body=True), lambda m: m.body, "the whole message as stored",
        conditions.MatchTerm("TEXT"), hidden=True,
    ),
    Column(
        "problems", "JSON", FLAGS | STRUCTURE | Items(size=True, date=True, header=True, texts=frozenset({"content"})),
        _said("problems"),
        "what was wrong with it, and had to be guessed or mended to read it: a JSON list, empty for good mail",
        hidden=True,
    ),
)  # fmt: skip

MAILBOX_COLUMNS: Final[tuple[MailboxColumn, ...]] = (
    MailboxColumn("name", "TEXT", "the mailbox's name, modified UTF-7 decoded"),
    MailboxColumn("table_name", "TEXT", "the table its messages are in; NULL where it holds none"),
    MailboxColumn("delimiter", "TEXT", "what separates the levels of a name; NULL where there are none"),
    MailboxColumn("attributes", "JSON", "LIST's attributes, a JSON list"),
    MailboxColumn("special_use", "TEXT", r"`\Sent`, `\Trash` and their like (RFC 6154), or NULL"),
    MailboxColumn("subscribed", "BOOLEAN", "whether the user subscribed to it; NULL where the server does not tell"),
    MailboxColumn("messages", "INTEGER", "how many messages are in it", "MESSAGES"),
    MailboxColumn("unseen", "INTEGER", r"how many of them lack `\Seen`", "UNSEEN"),
    MailboxColumn("uidnext", "INTEGER", "the UID the next message gets at least", "UIDNEXT"),
    MailboxColumn("uidvalidity", "INTEGER", "changes when the UIDs were given out anew", "UIDVALIDITY"),
    MailboxColumn("highestmodseq", "INTEGER", "grows with every change (RFC 7162), or NULL", "HIGHESTMODSEQ"),
    MailboxColumn("size", "INTEGER", "octets in it (RFC 8438), or NULL", "SIZE"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class AttachmentColumn:
    """A column of the table `attachments`."""

    name: str
    sql_type: str
    doc: str
    hidden: bool = False


ATTACHMENT_COLUMNS: Final[tuple[AttachmentColumn, ...]] = (
    AttachmentColumn("mailbox", "TEXT", "the mailbox its message is in"),
    AttachmentColumn("uid", "INTEGER", "the UID of its message"),
    AttachmentColumn("part", "TEXT", "its section in the message, as in `BODY[2]`"),
    AttachmentColumn("filename", "TEXT", "the name the message gives it: no safe one to save under; or NULL"),
    AttachmentColumn("content_type", "TEXT", "type and subtype in lower case"),
    AttachmentColumn(
        "size",
        "INTEGER",
        "octets, decoded, by what the structure tells: up to two too many in base64, and some servers count the header",
    ),
    AttachmentColumn("content_id", "TEXT", "by which a html text names it, or NULL"),
    AttachmentColumn("disposition", "TEXT", "`attachment`, `inline` or another word, or NULL"),
    AttachmentColumn("data", "BLOB", "what is in it, decoded; fetched when it is read", hidden=True),
)

# The names raw SQL may say for columns whose own are reserved words.
ALIASES: Final = {"recipients": "to", "refs": "references"}


@lru_cache(maxsize=1)
def by_name() -> dict[str, int]:
    """Give the place of each column by its name."""
    return {column.name: place for place, column in enumerate(COLUMNS)}


def column_table() -> str:
    """Write the columns as a Markdown table, for the docs."""
    lines = ["| column | type | what it is | searched on the server by |", "|---|---|---|---|"]
    for column in COLUMNS:
        name = f"`{column.name}`" + (" (hidden)" if column.hidden else "")
        pushed = "" if column.condition is None else _pushed(column.condition)
        lines.append(f"| {name} | {column.sql_type} | {column.doc} | {pushed} |")
    return "\n".join(lines) + "\n"


def _pushed(condition: Condition) -> str:
    if condition.operators >= conditions.PATTERNS:
        return "the words of `=`, `IN`, `LIKE`, `GLOB`, `contains`, `startswith`, …; `MATCH`"
    if "IS NULL" in condition.operators:
        return "any comparison"
    listed = sorted(condition.operators) + ["IN"] * condition.takes_sets
    return ", ".join(f"`{operator}`" for operator in listed)
