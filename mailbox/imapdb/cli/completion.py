"""What the shell offers at TAB. It never asks the server: mailboxes are those that were last listed."""

import json
import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from imapdb.cli import places
from imapdb.cli.statement import ORDERS
from imapdb.errors import Error

if TYPE_CHECKING:
    from imapdb.account import Account

__all__ = ["complete_columns", "complete_mailbox", "complete_order", "remember_mailboxes"]

# Accounts whose mailboxes are kept, the latest ones.
_ACCOUNTS = 20
_FILE = "mailboxes.json"
# What bash takes as it stands in a word.
_PLAIN_TO_BASH = re.compile(r"([^\w@%+=:,./-])")


def remember_mailboxes(account: "Account", tables: Iterable[str]) -> None:
    """Keep the names of an account's mailboxes for the next TAB; it does not matter whether that works."""
    try:
        path = places.cache(_FILE)
        known = _known()
        known.pop(str(account), None)
        latest = dict([*known.items(), (str(account), list(tables))][-_ACCOUNTS:])
        written = path.with_suffix(f".{os.getpid()}")
        # Nobody else's business; the mode is given before anything is in it.
        os.close(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        written.write_text(json.dumps(latest), encoding="utf-8")
        written.replace(path)
    except OSError:
        return


def _known() -> dict[str, list[str]]:
    try:
        known = json.loads(places.cache(_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def complete_mailbox(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the mailboxes of the account, as they were last listed."""
    from imapdb.account import Account  # noqa: PLC0415 - ssl is loaded only for an account
    from imapdb.accounts import Accounts  # noqa: PLC0415

    names = ["INBOX", "messages"]
    try:
        given = context.params.get("url") or os.environ.get("IMAPDB_URL") or Accounts.read().usual
        if given:
            names += _known().get(str(Account.find(given)), [])
    except Error:
        # TAB is no place for a message; the command will say it.
        names = names[:2]
    # What cannot be typed is not offered: a line break in a name would be the next name.
    fitting = (name for name in dict.fromkeys(names) if name.startswith(incomplete) and name.isprintable())
    return list(map(_for_shell, fitting))


def complete_columns(incomplete: str) -> list[str]:
    """Offer columns and sets of them for the last name of a list."""
    from imapdb.cli.columns import BUILT_IN, saved_sets  # noqa: PLC0415 - they import this module
    from imapdb.sql.columns import COLUMNS  # noqa: PLC0415 - only where it is asked for

    before, comma, last = incomplete.rpartition(",")
    try:
        sets = [*BUILT_IN, *saved_sets()]
    except Error:
        sets = [*BUILT_IN]
    names = [*(column.name for column in COLUMNS), *(f"@{name}" for name in sets)]
    return [f"{before}{comma}{name}" for name in names if name.startswith(last)]


def complete_order(incomplete: str) -> list[str]:
    """Offer what can be sorted by, either way round."""
    sign = "-" if incomplete.startswith("-") else ""
    return [f"{sign}{name}" for name in ORDERS if name.startswith(incomplete.removeprefix("-"))]


def _for_shell(name: str) -> str:
    """Escape what bash would take apart; the other shells do so themselves."""
    if os.environ.get("_IMAPDB_COMPLETE") != "complete_bash":
        return name
    return _PLAIN_TO_BASH.sub(r"\\\1", name)
