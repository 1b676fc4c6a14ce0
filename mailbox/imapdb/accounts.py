"""The accounts of the user: a TOML file that says where each one is, who one is there, and how to ask for its secret.

    default = "work"

    [work]
    imap = "imaps://ada%40example.org@imap.example.org/"  # with the options of every account's URL; or instead of it
    # host = "imap.example.org"                             host, user, port and tls ("implicit", "starttls", "none");
    # user = "ada@example.org"                              cafile, certfile, keyfile, timeout, search, authzid and
    #                                                       connections may stand beside either
    smtp = "smtps://smtp.example.org/"                    # for sending
    identities = ["Ada Lovelace <ada@example.org>"]       # who one writes as; the first where nothing else is said
    password_command = "pass show mail/work"              # or token_command = "…" (OAuth), or keyring = true

    [work.mailboxes]                                      # where the server does not say so itself (SPECIAL-USE)
    sent = "Sent"                                         # also trash, archive, drafts, junk

No secret is in it. A password in it is refused, whoever may read the file: it would be in every backup and in every
repository of dotfiles. Secrets are fetched when a session opens, not when the file is read.
"""

from __future__ import annotations

import dataclasses
import email.utils
import os
import re
import stat
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from imapdb.account import Account, url_parts
from imapdb.credentials import Command, Keyring
from imapdb.errors import ProgrammingError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from imapdb.account import Source

__all__ = ["NAME", "Accounts", "accounts_file", "how_secret_is_had"]

# What an account may be called: nothing that could be a URL, or hold a password somebody typed into the wrong place.
NAME = re.compile(r"[\w.@+-][\w.@+ -]{0,99}")

ADDRESS_KEYS = ("host", "user", "port", "tls")
PATH_KEYS = ("cafile", "certfile", "keyfile")
OPTION_KEYS = ("authzid", "connections", "search", "timeout", *PATH_KEYS)
SECRET_KEYS = ("password_command", "token_command", "keyring")
KEYS = ("imap", *ADDRESS_KEYS, *OPTION_KEYS, "smtp", "identities", *SECRET_KEYS, "mailboxes")
SPECIAL = ("sent", "trash", "archive", "drafts", "junk")
_SECRETS_THEMSELVES = ("password", "passwd", "pass", "token", "secret")


def accounts_file() -> Path:
    """Say where the file is, whether or not it is there.

    That is IMAPDB_ACCOUNTS; else imapdb/accounts.toml in XDG_CONFIG_HOME or ~/.config, in %APPDATA% on Windows, and on
    macOS in ~/Library/Application Support where it is there and not in ~/.config.
    """
    if said := os.environ.get("IMAPDB_ACCOUNTS"):
        return Path(said).expanduser()
    # The specification has relative paths ignored.
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(configured):  # noqa: PTH117 - it may be empty, which is a Path of its own
        folder = Path(configured)
    elif sys.platform == "win32":
        folder = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    else:
        folder = Path.home() / ".config"
    path = folder / "imapdb" / "accounts.toml"
    if sys.platform == "darwin" and not path.exists():
        other = Path.home() / "Library" / "Application Support" / "imapdb" / "accounts.toml"
        if other.exists():
            return other
    return path


@dataclasses.dataclass(frozen=True)
class Accounts:
    """The file as it was read. An account in it is looked at when it is asked for: a mistake in one spoils no other."""

    path: Path
    default: str | None
    tables: Mapping[str, Mapping[str, Any]] = dataclasses.field(repr=False)

    @classmethod
    def read(cls, path: Path | None = None) -> Accounts:
        """Read the file; one that is not there holds no accounts.

        Raises ProgrammingError for one that is no TOML, or holds more than accounts and `default` at the top.
        """
        path = accounts_file() if path is None else path
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return cls(path, None, {})
        except OSError as error:
            raise ProgrammingError(f"{path} cannot be read: {error.strerror or error}") from error
        return cls.parse(text, path)

    @classmethod
    def parse(cls, octets: bytes, path: Path) -> Accounts:
        """Read what stands in the file. Raises as `read` does."""
        tables: dict[str, Any] = {}
        problem: str | None = None
        try:
            # An editor of Windows may put a byte order mark in front.
            tables = tomllib.loads(octets.decode("utf-8-sig"))
        except UnicodeDecodeError:
            problem = "is not UTF-8"
        except tomllib.TOMLDecodeError as error:
            problem = f"is no TOML: {error}"
        if problem is not None:
            # Not chained: the error of the parser holds the whole file, and a password may be in it after all.
            raise ProgrammingError(f"{path} {problem}")
        default = tables.pop("default", None)
        if default is not None and not isinstance(default, str):
            raise ProgrammingError(f'{path}: default is the name of an account: default = "name"')
        for name, table in tables.items():
            if not isinstance(table, dict):
                raise ProgrammingError(_misplaced(name, path))
            if not NAME.fullmatch(name):
                raise ProgrammingError(f"{path}: an account's name has letters, digits and any of . @ + - _ and blanks")
        if default is not None and default not in tables:
            raise ProgrammingError(f"{path}: the default names an account that is not in it")
        return cls(path, default, tables)

    @property
    def names(self) -> list[str]:
        """The names of the accounts, in the order of the file."""
        return list(self.tables)

    @property
    def usual(self) -> str | None:
        """The account where none is named: the default, or the only one."""
        return self.default or (self.names[0] if len(self.tables) == 1 else None)

    def account(
        self,
        name: str | None = None,
        *,
        password: Source | None = None,
        token: Callable[[], str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> Account:
        """Make the account of that name, or the usual one.

        `password` or `token` take the place of what the file says of secrets. Raises ProgrammingError where there is no
        such account, and for a mistake in it, naming key and file.
        """
        if name is None:
            name = self.usual
            if name is None:
                raise ProgrammingError(f"{self.path} names no default account; say which")
        if name not in self.tables:
            # A password somebody put in the wrong place is not repeated.
            called = repr(name) if NAME.fullmatch(name) else "of that name"
            known = f"it has {', '.join(self.tables)}" if self.tables else "it has none"
            raise ProgrammingError(
                f"there is no account {called} in {self.path} ({known}); a URL begins with imaps:// or imap://"
            )
        try:
            return self._made(name, self.tables[name], password, token, ssl_context)
        except ProgrammingError as error:
            raise ProgrammingError(f"{self.path}: [{name}] {error}") from error

    def _made(
        self,
        name: str,
        table: Mapping[str, Any],
        password: Source | None,
        token: Callable[[], str] | None,
        context: ssl.SSLContext | None,
    ) -> Account:
        for key in table:
            if key.lower() in _SECRETS_THEMSELVES:
                raise ProgrammingError(f"{key}: {_NO_SECRETS}")
            if key not in KEYS:
                raise ProgrammingError(f"unknown key {key!r}: an account has {', '.join(KEYS)}")
        address = _address(table)
        options = [*address.pop("options"), *self._options(table)]
        if password is None and token is None:
            password, token = self._secret(name, table)
        account = Account.from_parts(**address, options=options, password=password, token=token, ssl_context=context)
        return dataclasses.replace(
            account,
            name=name,
            smtp=_smtp(table),
            identities=_identities(table),
            mailboxes=_mailboxes(table),
        )

    def _options(self, table: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Read what may stand beside a URL instead of in it. Files are relative to this one."""
        options: list[tuple[str, str]] = []
        for key in OPTION_KEYS:
            if key not in table:
                continue
            if key == "timeout":
                if isinstance(table[key], bool) or not isinstance(table[key], int | float):
                    raise ProgrammingError("timeout is a number of seconds")
                options.append((key, str(table[key])))
            elif key == "connections":
                if isinstance(table[key], bool) or not isinstance(table[key], int):
                    raise ProgrammingError("connections is 1 or 2")
                options.append((key, str(table[key])))
            elif key in PATH_KEYS:
                options.append((key, str(self.path.parent / Path(_text(table, key)).expanduser())))
            else:
                options.append((key, _text(table, key)))
        return options

    def _secret(self, name: str, table: Mapping[str, Any]) -> tuple[Source | None, Callable[[], str] | None]:
        """Make what will ask for the password, and for the token. Nothing is asked now."""
        given = [key for key in SECRET_KEYS if table.get(key, False) is not False]
        if len(given) > 1:
            raise ProgrammingError(f"{' and '.join(given)}: one of them, not more")
        if not given:
            if not isinstance(table.get("keyring", False), bool):
                raise ProgrammingError("keyring is true or false")
            return None, None
        (key,) = given
        if key == "keyring":
            if table[key] is not True:
                raise ProgrammingError("keyring is true or false")
            return Keyring(name), None
        written = table[key]
        if not isinstance(written, str) and not (
            isinstance(written, list) and all(isinstance(word, str) for word in written)
        ):
            raise ProgrammingError(f"{key} is a command: a text, or a list of its words")
        self._refuse_strangers(key)
        command = Command.parse(written, key)
        return (command, None) if key == "password_command" else (None, command)

    def _refuse_strangers(self, key: str) -> None:
        """Run no command of a file that others may write to: they could run anything as us."""
        if os.name != "posix":
            return
        with suppress(OSError):
            if stat.S_IMODE(self.path.stat().st_mode) & (stat.S_IWGRP | stat.S_IWOTH):
                raise ProgrammingError(f"{key} is not run: others may write to the file; chmod 600 {self.path}")


_NO_SECRETS = (
    "no password is kept in this file; use keyring = true or password_command (token_command for OAuth), "
    "or set IMAPDB_PASSWORD"
)


def how_secret_is_had(account: Account) -> str | None:
    """Name the key of the file that says how the secret of an account is asked for; None where none does."""
    source = account.password if account.token is None else account.token
    if isinstance(source, Keyring):
        return "keyring"
    return source.called if isinstance(source, Command) else None


def _misplaced(key: str, path: Path) -> str:
    if key.lower() in _SECRETS_THEMSELVES:
        return f"{path}: {key}: {_NO_SECRETS}"
    if key in KEYS:
        return f"{path}: {key} belongs into the table of an account: [name] in the line before it"
    return f"{path}: unknown key {key!r}: the file has tables, one for each account, and `default`"


def _address(table: Mapping[str, Any]) -> dict[str, Any]:
    """Read the server and the user: a URL, or fields of their own."""
    fields = [key for key in ADDRESS_KEYS if key in table]
    if "imap" in table:
        if fields:
            raise ProgrammingError(f"imap and {', '.join(fields)}: an account has a URL or these, not both")
        address = url_parts(_text(table, "imap"))
        if address.pop("password"):
            raise ProgrammingError(f"imap: {_NO_SECRETS}")
        return address
    for key in ("host", "user"):
        if key not in table:
            raise ProgrammingError(f"{key} is missing: an account has imap = 'imaps://user@host/', or host and user")
    tls = _text(table, "tls") if "tls" in table else "implicit"
    if tls not in ("implicit", "starttls", "none"):
        raise ProgrammingError("tls is one of implicit, starttls, none")
    port = table.get("port")
    if port is not None and (isinstance(port, bool) or not isinstance(port, int)):
        raise ProgrammingError("port is a number")
    return {
        "scheme": "imaps" if tls == "implicit" else "imap",
        "host": _text(table, "host"),
        "port": port,
        "user": _text(table, "user"),
        "options": [] if tls == "implicit" else [("tls", tls)],
    }


def _smtp(table: Mapping[str, Any]) -> str | None:
    """Read where mail is sent to; checked here, used by what sends."""
    if "smtp" not in table:
        return None
    url = _text(table, "smtp")
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.password is not None:
            raise ProgrammingError(f"smtp: {_NO_SECRETS}")
        if parts.scheme in ("smtp", "smtps", "lmtp") and parts.hostname and (parts.port or 1) > 0:
            return url
    raise ProgrammingError("smtp is a URL: smtps://user@host/ or smtp://user@host:587/")


def _identities(table: Mapping[str, Any]) -> tuple[str, ...]:
    """Read who one writes as: each an address, with or without a name."""
    identities = table.get("identities", [])
    if not isinstance(identities, list) or not all(isinstance(one, str) for one in identities):
        raise ProgrammingError('identities is a list of texts: ["Ada <ada@example.org>"]')
    for one in identities:
        _, address = email.utils.parseaddr(one)
        before, _, behind = address.rpartition("@")
        if not before or not behind or any(char in "\r\n\0" for char in one):
            raise ProgrammingError(f"identities: {one!r} holds no address")
    return tuple(identities)


def _mailboxes(table: Mapping[str, Any]) -> dict[str, str]:
    """Read which mailboxes are special."""
    mailboxes = table.get("mailboxes", {})
    if not isinstance(mailboxes, dict):
        raise ProgrammingError("mailboxes is a table: [name.mailboxes] with sent = …, trash = …")
    for use in mailboxes:
        if use not in SPECIAL:
            raise ProgrammingError(f"unknown key {use!r} in mailboxes: it has {', '.join(SPECIAL)}")
        if not _text(mailboxes, use) or any(char in "\r\n\0" for char in mailboxes[use]):
            raise ProgrammingError(f"mailboxes: {use} is no name of a mailbox")
    return dict(mailboxes)


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table[key]
    if not isinstance(value, str):
        raise ProgrammingError(f"{key} is a text, in quotes")
    return value
