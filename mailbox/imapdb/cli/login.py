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

__all__ = ["PasswordStdinOption", "UrlOption", "account"]

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        show_default=False,
        help="The account: imaps://user@host/ (TLS) or imap://user@host/ (STARTTLS), user and password "
        "percent-encoded. Without this option, the environment variable IMAPDB_URL. A password in it is visible to "
        "everyone who may list this machine's processes; better are IMAPDB_PASSWORD, --password-stdin, or being asked.",
    ),
]
PasswordStdinOption = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from the first line of standard input."),
]


def account(url: str | None, *, password_stdin: bool) -> Account:
    """Make the account of these options and the environment, asking for the password if a terminal is there to ask.

    The password is the first of: standard input (if asked for), the URL, IMAPDB_PASSWORD, the terminal.
    """
    from imapdb.account import Account  # noqa: PLC0415 - ssl is loaded only to log in

    given = url if url is not None else os.environ.get("IMAPDB_URL")
    if not given:
        raise typer.BadParameter("say which account: --url imaps://user@host/, or set IMAPDB_URL", param_hint="--url")
    found = Account.from_url(given, password=_first_line() if password_stdin else None)
    if url is not None and urlsplit(url).password:
        print(  # a warning, and the answer goes to standard output
            "imapdb: warning: the password in --url is visible in the process list; use IMAPDB_PASSWORD or "
            "--password-stdin",
            file=sys.stderr,
        )
    if found.needs_password:
        found = found.with_password(_asked(found))
    return found


def _first_line() -> str:
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise ProgrammingError("--password-stdin: standard input holds no password")
    return line


def _asked(who: Account) -> str:
    if not sys.stdin.isatty():
        raise ProgrammingError("no password: set IMAPDB_PASSWORD or use --password-stdin")
    from getpass import getpass  # noqa: PLC0415

    return getpass(f"Password of {who}: ")
