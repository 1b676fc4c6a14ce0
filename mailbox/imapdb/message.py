"""A message as an object: a row of a mailbox table, mapped by SQLAlchemy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

import sqlalchemy as sa
from sqlalchemy import orm

from imapdb.errors import NotSupportedError
from imapdb.sql.columns import COLUMNS

if TYPE_CHECKING:
    import datetime

__all__ = ["Message", "mapped"]


class Message:
    """A row of a mailbox table as an object. Hidden columns (`headers`, `email`) are fetched when they are read."""

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
        email_id: orm.Mapped[str | None]
        thread_id: orm.Mapped[str | None]
        labels: orm.Mapped[list[str] | None]
        mailbox: orm.Mapped[str]
        headers: orm.Mapped[dict[str, str | list[str]]]
        email: orm.Mapped[bytes]
        problems: orm.Mapped[list[str]]

    def __repr__(self) -> str:
        held = sa.inspect(self).dict
        table = cast("sa.Table", type(self).__table__)
        return f"<{table.name} {held.get('uid', '?')}: {held.get('subject')!r}>"


def mapped(table: sa.Table, registry: orm.registry) -> type[Message]:
    """Make the class of a message table. Its hidden columns are left out of a query until they are read."""
    made = type(table.name, (Message,), {"__table__": table, "__doc__": f"A message of {table.name}."})
    hidden = {column.name: orm.deferred(table.c[column.name]) for column in COLUMNS if column.hidden}
    registry.map_imperatively(made, table, properties=hidden)
    for column in table.columns:
        sa.event.listen(getattr(made, column.name), "set", _refuse)
    return made


def _refuse(message: Message, value: Any, before: Any, initiator: Any) -> None:
    """Refuse to change a message, at once and not at the next question."""
    raise NotSupportedError("this version of imapdb only reads mail; nothing was changed")
