"""A message as an object: a row of a mailbox table, mapped by SQLAlchemy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from imapdb.attachment import Attachment, Attachments, attachments_of, part_of
from imapdb.errors import NotSupportedError
from imapdb.octets import Source
from imapdb.sql.columns import COLUMNS

if TYPE_CHECKING:
    import datetime

    from imapdb.database import Database

__all__ = ["Message", "mapped"]


class Message:
    """A row of a mailbox table as an object. Hidden columns (`headers`, `email`) are fetched when they are read.

    `attachments` of a message are objects that can be read and saved (see imapdb.attachment); of a class it is the
    column, for conditions and for rows of single columns.
    """

    _database: ClassVar[Database]

    if TYPE_CHECKING:
        # What map_imperatively puts there; tests/test_database.py holds these lines against the registry.
        __table__: ClassVar[sa.FromClause]
        uid: orm.Mapped[int]
        seen: orm.Mapped[bool]
        answered: orm.Mapped[bool]
        flagged: orm.Mapped[bool]
        deleted: orm.Mapped[bool]
        draft: orm.Mapped[bool]
        recent: orm.Mapped[bool]
        flags: orm.Mapped[list[str]]
        size: orm.Mapped[int]
        created: orm.Mapped[datetime.datetime]
        sent: orm.Mapped[datetime.datetime | None]
        sender: orm.Mapped[str | None]
        to: orm.Mapped[str | None]
        cc: orm.Mapped[str | None]
        bcc: orm.Mapped[str | None]
        reply_to: orm.Mapped[str | None]
        sender_name: orm.Mapped[str | None]
        sender_address: orm.Mapped[str | None]
        subject: orm.Mapped[str | None]
        message_id: orm.Mapped[str | None]
        in_reply_to: orm.Mapped[str | None]
        references: orm.Mapped[str | None]
        list_id: orm.Mapped[str | None]
        mime: orm.Mapped[str | None]
        encoding: orm.Mapped[str | None]
        attachments: orm.Mapped[Attachments]
        email_id: orm.Mapped[str | None]
        thread_id: orm.Mapped[str | None]
        labels: orm.Mapped[list[str] | None]
        mailbox: orm.Mapped[str]
        text: orm.Mapped[str | None]
        html: orm.Mapped[str | None]
        content: orm.Mapped[list[dict[str, str]] | None]
        headers: orm.Mapped[dict[str, str | list[str]]]
        email: orm.Mapped[bytes]
        problems: orm.Mapped[list[str]]

    def part(self, section: str) -> Attachment:
        """Return any part by its section ("1.2"), to be read like an attachment.

        Raises ProgrammingError where the message has no such part, and what reading raises.
        """
        return part_of(_source(self), section)

    def __repr__(self) -> str:
        held = sa.inspect(self).dict
        table = cast("sa.Table", type(self).__table__)
        return f"<{table.name} {held.get('uid', '?')}: {held.get('subject')!r}>"


def mapped(table: sa.Table, registry: orm.registry, database: Database) -> type[Message]:
    """Make the class of a message table. Its hidden columns are left out of a query until they are read."""
    names = {"__table__": table, "__doc__": f"A message of {table.name}.", "_database": database}
    made = type(table.name, (Message,), names | {"attachments": _ATTACHMENTS})
    hidden = {column.name: orm.deferred(table.c[column.name]) for column in COLUMNS if column.hidden}
    # Under another name: its own is for the objects made of it.
    registry.map_imperatively(made, table, properties=hidden | {"_attachments": table.c.attachments})
    for column in table.columns:
        key = "_attachments" if column.name == "attachments" else column.name
        sa.event.listen(getattr(made, key), "set", _refuse)
    return made


def _source(message: Message) -> Source:
    """Give what is known of the message on its server, kept until its row is read anew."""
    told = message._attachments  # type: ignore[attr-defined] # noqa: SLF001 - mapped to the column
    held = message.__dict__.get("_source")
    if held is None or held[0] is not told:
        source = Source(message._database, message.mailbox, message.uid)  # noqa: SLF001
        held = message.__dict__["_source"] = told, source
        message.__dict__.pop("_objects", None)
    return cast("Source", held[1])


def _attachments(message: Any) -> Attachments:
    """Give the objects for what the column says; the same ones until the row is read anew."""
    source = _source(message)
    held = message.__dict__.get("_objects")
    if held is None:
        held = message.__dict__["_objects"] = attachments_of(source, message._attachments)  # noqa: SLF001
    return cast("Attachments", held)


_ATTACHMENTS: Any = hybrid_property(
    _attachments,
    fset=lambda message, value: _refuse(message, value, None, None),
    expr=lambda made: made._attachments.label("attachments"),  # noqa: SLF001
)


def _refuse(message: Message, value: Any, before: Any, initiator: Any) -> None:
    """Refuse to change a message, at once and not at the next question."""
    raise NotSupportedError("this version of imapdb only reads mail; nothing was changed")
