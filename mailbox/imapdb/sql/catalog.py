"""Which mailbox is behind which table name, and the other way round."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

from imapdb.errors import NoSuchMailbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imapdb.imap.mailboxes import Mailbox

__all__ = ["RESERVED", "Catalog", "Numbered", "fold", "table_names"]

# The tables that are no mailbox.
RESERVED: Final = ("messages", "mailboxes", "attachments")


def fold(name: str) -> str:
    """Fold as SQLite compares identifiers: ASCII letters only."""
    return "".join(chr(ord(char) + 32) if "A" <= char <= "Z" else char for char in name)


def table_names(
    names: Iterable[str], taken: Iterable[str] = (), held: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Give each mailbox name its table name: the same, save where SQLite could not tell two apart.

    Of `A` and `a` the first in code point order keeps its name, the other gets `~2`; so do mailboxes named as one of
    our own tables or as a table SQLite brings along (`taken`). A name that begins with `sqlite_`, which SQLite keeps
    for itself, gets a `~` in front: no suffix would free it.

    Names in `held` (by mailbox) stay as they were given out, and nobody else gets them: a statement that was right
    about a mailbox must not read another one because a name that differs in case has appeared.
    """
    ordered = sorted(names, key=lambda name: (name != "INBOX", name))
    used = {fold(name) for name in (*RESERVED, *taken)}
    literal = {fold(name) for name in ordered}
    given: dict[str, str] = {}
    held = held or {}
    used.update(map(fold, held.values()))
    for name in ordered:
        if name in held:
            given[name] = held[name]
            continue
        wanted = f"~{name}" if fold(name).startswith("sqlite_") else name
        choice = wanted
        if fold(choice) in used:
            free = (f"{wanted}~{number}" for number in itertools.count(2))
            choice = next(name for name in free if fold(name) not in used and fold(name) not in literal)
        used.add(fold(choice))
        given[name] = choice
    return given


class Numbered(NamedTuple):
    """A mailbox and its number in `messages`; how many messages it holds, where that was told with the list."""

    number: int
    mailbox: Mailbox
    messages: int | None = None


class Catalog:
    """The mailboxes of an account as last listed."""

    def __init__(
        self, mailboxes: Iterable[Mailbox], taken: Iterable[str] = (), held: Mapping[str, str] | None = None
    ) -> None:
        self.mailboxes: tuple[Mailbox, ...] = tuple(sorted(mailboxes, key=lambda m: (m.name != "INBOX", m.name)))
        selectable = {m.name: m for m in self.mailboxes if m.is_selectable}
        self.table_names: Mapping[str, str] = table_names(selectable, taken, held)
        self._by_table = {fold(table): selectable[name] for name, table in self.table_names.items()}
        self._by_name = selectable

    @property
    def selectable(self) -> tuple[Mailbox, ...]:
        """The mailboxes that can hold messages."""
        return tuple(self._by_name.values())

    def find_table(self, table_name: str) -> Mailbox | None:
        """Return the mailbox behind a table name, which SQLite compares without regard to ASCII case."""
        return self._by_table.get(fold(table_name))

    def find_mailbox(self, name: str) -> Mailbox:
        """Return a mailbox by its own name; INBOX in any case (RFC 3501 5.1). Raises NoSuchMailbox."""
        mailbox = self._by_name.get("INBOX" if name.upper() == "INBOX" else name)
        if mailbox is None:
            missing = f"there is no mailbox {name!r} in this account"
            raise NoSuchMailbox(self.why_unknown(name) or missing, command="LIST")
        return mailbox

    def why_unknown(self, name: str) -> str:
        """Say why a mailbox that is listed has no table; empty where none of that name is."""
        is_listed = any(mailbox.name == name for mailbox in self.mailboxes)
        return f"mailbox {name!r} holds no messages, at most other mailboxes" if is_listed else ""
