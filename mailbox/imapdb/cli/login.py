"""Which account, and its password: the options all commands share, and the `Account` they make."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from imapdb.errors import ProgrammingError

if TYPE_CHECKING:
    from imapdb.account import Account

__all__ = ["PasswordStdinOption", "UrlOption", "account", "first_line"]

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        "--account",
        metavar="URL|NAME",
        show_default=False,
        help="The account: imaps://user@host/ (TLS) or imap://user@host/ (STARTTLS), user and password "
        "percent-encoded; or its name, see imapdb account. Without this option, the environment variable IMAPDB_URL, "
        "or the account that was made the default. A password in it is visible to everyone who may list this "
        "machine's processes; better are IMAPDB_PASSWORD, --password-stdin, or being asked.",
    ),
]
PasswordStdinOption = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from the first line of standard input."),
]


def account(url: str | None, *, password_stdin: bool) -> Account:
    """Make the account of these options and the environment, asking for the password if a terminal is there to ask.

    The password is the first of: standard input (if asked for), the URL or what the file of accounts says,
    IMAPDB_PASSWORD, the terminal.
    """
    from imapdb.account import Account  # noqa: PLC0415 - ssl is loaded only to log in

    given = url if url is not None else os.environ.get("IMAPDB_URL") or _usual()
    if not given:
        raise typer.BadParameter(
            "say which account: --url imaps://user@host/, or set IMAPDB_URL, or write one down: imapdb account add",
            param_hint="--url",
        )
    found = Account.find(given, password=first_line() if password_stdin else None)
    if url is not None and urlsplit(url).password:
        print(  # a warning, and the answer goes to standard output
            "imapdb: warning: the password in --url is visible in the process list; use IMAPDB_PASSWORD or "
            "--password-stdin",
            file=sys.stderr,
        )
    if found.needs_password:
        found = found.with_password(_asked(found))
    return found


def _usual() -> str | None:
    """Give the name of the account that is meant where none is named, if the file of accounts says so."""
    from imapdb.accounts import Accounts  # noqa: PLC0415 - ssl is loaded only to log in

    return Accounts.read().usual


def first_line() -> str:
    """Read the password that --password-stdin promises."""
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise ProgrammingError("--password-stdin: standard input holds no password")
    return line


def _asked(who: Account) -> str:
    if not sys.stdin.isatty():
        raise ProgrammingError("no password: set IMAPDB_PASSWORD or use --password-stdin")
    from getpass import getpass  # noqa: PLC0415

    return getpass(f"Password of {who}: ")
