"""`imapdb account`: the accounts of the user's own file, written down, listed and tried out."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imapdb.cli.groups import grouped
from imapdb.cli.login import PasswordStdinOption, account, first_line
from imapdb.cli.output import Form  # noqa: TC001 - typer reads the annotations
from imapdb.errors import ProgrammingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imapdb.imap.connection import Connection

__all__ = ["app"]

# What makes a difference to how imapdb asks, in the order of how much.
CAPABILITIES = (
    *("ESEARCH", "CONDSTORE", "QRESYNC", "LIST-EXTENDED", "LIST-STATUS", "STATUS=SIZE", "SPECIAL-USE", "NAMESPACE"),
    *("OBJECTID", "X-GM-EXT-1", "UIDPLUS", "MOVE", "MULTIAPPEND", "LITERAL+", "LITERAL-", "IDLE", "NOTIFY"),
    *("COMPRESS=DEFLATE", "IMAP4REV2"),
)

app = typer.Typer(
    name="account",
    help="Write accounts down under a name, list them, try them out.\n\nThey are kept in "
    "~/.config/imapdb/accounts.toml (XDG_CONFIG_HOME, or IMAPDB_ACCOUNTS for another file). Every command takes such a "
    "name as its --account. No password is kept there: it comes from the keyring or from a command, each time a "
    "session opens.",
    short_help="Write accounts down, list them, try them out.",
    rich_markup_mode=None,
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="What to call the account.")]
URLArgument = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        show_default=False,
        help="Where it is: imaps://user@host/ (TLS) or imap://user@host/ (STARTTLS), without a password.",
    ),
]
DefaultOption = Annotated[bool, typer.Option("--default", help="Use it wherever no account is named.")]
TriedArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME]", show_default=False, help="The account, or a URL; without it IMAPDB_URL, or the default."
    ),
]


@dataclass(frozen=True)
class Secret:
    """Where the secret of an account is to come from. Raises BadParameter for more than one place."""

    keyring: Annotated[
        bool,
        typer.Option(
            "--keyring", help="Ask for the password now and keep it in the system's keyring; --password-stdin reads it."
        ),
    ] = False
    password_command: Annotated[
        str | None,
        typer.Option(
            "--password-command",
            metavar="COMMAND",
            show_default=False,
            help="Run this whenever a session opens; the first line it prints is the password. No shell reads it.",
        ),
    ] = None
    token_command: Annotated[
        str | None,
        typer.Option(
            "--token-command",
            metavar="COMMAND",
            show_default=False,
            help="The same for an OAuth access token (OAUTHBEARER, XOAUTH2).",
        ),
    ] = None
    password_stdin: PasswordStdinOption = False

    def __post_init__(self) -> None:
        """See that there is one place."""
        if len(self.fields) > 1:
            raise typer.BadParameter("choose one", param_hint="--keyring / --password-command / --token-command")
        if self.password_stdin and not self.keyring:
            raise typer.BadParameter("no password is kept but in the keyring: --keyring", param_hint="--password-stdin")

    @property
    def fields(self) -> dict[str, Any]:
        """What to write into the file."""
        given = {
            "keyring": self.keyring or None,
            "password_command": self.password_command,
            "token_command": self.token_command,
        }
        return {key: value for key, value in given.items() if value is not None}


@dataclass(frozen=True)
class Sending:
    """Where an account's mail goes out, and in whose name."""

    smtp: Annotated[
        str | None,
        typer.Option("--smtp", metavar="URL", show_default=False, help="Where its mail is sent: smtps://user@host/."),
    ] = None
    identity: Annotated[
        list[str] | None,
        typer.Option(
            "--identity",
            metavar="ADDRESS",
            show_default=False,
            help="Who writes from it: 'Ada <ada@example.org>'. May be said more than once.",
        ),
    ] = None

    @property
    def fields(self) -> dict[str, Any]:
        """What to write into the file."""
        smtp = {} if self.smtp is None else {"smtp": self.smtp}
        return smtp | ({"identities": self.identity} if self.identity else {})


@app.command(short_help="Write an account down.")
@grouped
def add(
    name: NameArgument, url: URLArgument, *, secret: Secret, sending: Sending, default: DefaultOption = False
) -> None:
    """Write an account down under a name.

        imapdb account add work imaps://ada@imap.example.org/ --password-command "pass show mail/work"

    The file is made if it is not there, and can be edited by hand; what is in it, comments too, stays as it is. A name
    that is taken is refused. Nothing is connected to: that is `imapdb account test`.
    """
    from imapdb.accounts import NAME, Accounts, accounts_file  # noqa: PLC0415 - ssl is loaded for accounts alone
    from imapdb.cli.account_edit import with_account, write  # noqa: PLC0415

    if not NAME.fullmatch(name):
        raise typer.BadParameter("a name has letters, digits, blanks and any of . @ + - _", param_hint="NAME")
    path = accounts_file()
    if name in Accounts.read(path).tables:
        raise ProgrammingError(f"{path} has an account {name!r} already; edit the file to change it")
    fields = {"imap": url, **sending.fields, **secret.fields}
    # Line ends are kept: bytes, not lines.
    before = path.read_bytes().decode("utf-8-sig") if path.exists() else ""
    after = with_account(before, name, fields, default=default)
    # Whatever is wrong with it is said before anything is kept.
    added = Accounts.parse(after.encode(), path).account(name)
    if secret.keyring:
        from imapdb.credentials import Keyring  # noqa: PLC0415

        Keyring(name).keep(first_line() if secret.password_stdin else _asked(str(added)))
    write(path, after)
    print(f"imapdb: {name} is in {path}; imapdb account test {name} tries it", file=sys.stderr)


@app.command("list", short_help="List the accounts.")
@grouped
def list_accounts(*, form: Form) -> None:
    """List the accounts: name, whether it is the one used where none is named, URL, where its secret comes from.

    The last column says what is wrong with an account that cannot be used; it is empty for the others.
    """
    from imapdb.accounts import Accounts, how_secret_is_had  # noqa: PLC0415 - ssl is loaded for accounts alone

    accounts = Accounts.read()
    rows: list[Sequence[object]] = []
    for name in accounts.names:
        usual = int(name == accounts.usual)
        try:
            found = accounts.account(name)
        except ProgrammingError as error:
            rows.append((name, usual, None, None, None, str(error)))
        else:
            rows.append((name, usual, found.url, how_secret_is_had(found), found.smtp, None))
    columns = [("name", "TEXT"), ("is_default", "BOOLEAN"), ("url", "TEXT"), ("secret", "TEXT"), ("smtp", "TEXT")]
    form.print_rows([*columns, ("problem", "TEXT")], rows)


@app.command("test", short_help="Open a session and say what is there.")
@grouped
def try_account(*, name: TriedArgument = None, form: Form, password_stdin: PasswordStdinOption = False) -> None:
    """Log in to an account, and say what server is there: its name, TLS, capabilities, the number of mailboxes.

    The capabilities are those imapdb makes something of; missing are those it would. The profile says what is known of
    the server's search. Ends with 1, and one line that says why, where no session can be opened.
    """
    who = account(name, password_stdin=password_stdin)

    from imapdb.imap.connection import Connection  # noqa: PLC0415 - loaded once the options are right

    connection = Connection(who)
    try:
        found = _found(connection)
    finally:
        connection.close()
    if form.as_json or form.as_csv:
        form.print_rows([(key, "") for key in found], [list(found.values())])
    else:
        # Programs read null; for people an empty line would look like something left out.
        shown = found | {"tls": found["tls"] or "none"}
        form.print_rows([("what", "TEXT"), ("found", "TEXT")], list(shown.items()))


def _found(connection: Connection) -> dict[str, object]:
    mailboxes = connection.mailboxes()
    said = {key.lower(): value for key, value in connection.server_id.items()}
    profile = connection.profile
    return {
        "account": str(connection.account),
        "server": " ".join(filter(None, (said.get("name"), said.get("version")))) or connection.greeting,
        "profile": profile.name,
        "tls": connection.tls_version,
        "capabilities": " ".join(word for word in CAPABILITIES if word in connection.capabilities),
        "missing": " ".join(word for word in CAPABILITIES if word not in connection.capabilities),
        "mailboxes": len(mailboxes),
        "selectable": sum(mailbox.is_selectable for mailbox in mailboxes),
    }


def _asked(who: str) -> str:
    if not sys.stdin.isatty():
        raise ProgrammingError("no password for the keyring: use --password-stdin")
    from getpass import getpass  # noqa: PLC0415

    password = getpass(f"Password of {who}: ")
    if not password:
        raise ProgrammingError("no password for the keyring: nothing was typed")
    return password
