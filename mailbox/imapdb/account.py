"""Who and where: the address of an IMAP account, its TLS rules and its credentials."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import SplitResult, quote, unquote, urlsplit

from imapdb.errors import ProgrammingError, TLSFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["TLS", "Account", "SearchMode", "Source", "url_parts"]

# A secret, or what fetches it when a session opens.
Source = str | Callable[[], str]

TLS = Literal["implicit", "starttls", "none"]
SearchMode = Literal["default", "exact"]

SEARCH_MODES: Final[tuple[SearchMode, ...]] = ("default", "exact")
DEFAULT_TIMEOUT = 60.0
DEFAULT_PORTS: dict[TLS, int] = {"implicit": 993, "starttls": 143, "none": 143}
DEFAULT_CONNECTIONS = 2
OPTIONS = ("tls", "cafile", "certfile", "keyfile", "timeout", "search", "authzid", "connections")


@dataclasses.dataclass(frozen=True)
class Account:
    """An IMAP account: everything needed to open a session, nothing that is open.

    `tls` is "implicit" (imaps, RFC 8314), "starttls" (RFC 3501 6.2.1) or "none". `tls_is_explicit` says that the user
    asked for it: only then does a password go out in clear to a host that is not loopback. `timeout` is in seconds
    and bounds the wait for a connection and for each piece of an answer. `certfile` and `keyfile` are a client
    certificate in PEM; `ssl_context`, where given, replaces what `cafile` and `certfile` would make. `search` "exact"
    leaves conditions on text to SQL alone, so that malformed mail, which servers decode their own way, is found too.
    `connections` is how many sessions a connection may have: with 2, a second one is opened while one statement reads
    two large mailboxes in turns; 1 keeps it to one.

    `password` is a text, or a callable asked for it whenever a session opens. `token`, in its place, gives OAuth access
    tokens: asked at every opening, and once more where the server does not accept what it gave. Threads that open
    sessions at once ask at once. `authzid` is whose mail to open with these credentials (RFC 4616): a master user's
    way into the account of another. `name` is what the file of accounts calls it; `smtp`, `identities` and `mailboxes`
    (by use: sent, trash, archive, drafts, junk) are what it says of sending and filing.
    """

    host: str
    user: str
    port: int = 993
    password: Source | None = dataclasses.field(default=None, repr=False)
    tls: TLS = "implicit"
    tls_is_explicit: bool = False
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    timeout: float = DEFAULT_TIMEOUT
    ssl_context: ssl.SSLContext | None = dataclasses.field(default=None, repr=False)
    search: SearchMode = "default"
    token: Callable[[], str] | None = dataclasses.field(default=None, repr=False)
    authzid: str | None = None
    connections: int = DEFAULT_CONNECTIONS
    name: str | None = None
    smtp: str | None = None
    identities: tuple[str, ...] = ()
    mailboxes: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Refuse what could never be sent, before anything is opened.

        Raises ProgrammingError.
        """
        if not self.host:
            raise ProgrammingError("an account needs a host: imaps://user@host/")
        if not self.user:
            raise ProgrammingError("an account needs a user: imaps://user@host/")
        if self.token is not None and (self.password is not None or not callable(self.token)):
            raise ProgrammingError("token is a callable that returns one, and takes the place of a password")
        password = self.password if isinstance(self.password, str) else ""
        _check_texts({"host": self.host, "user": self.user, "password": password, "authzid": self.authzid or ""})
        if not 0 < self.port < 2**16:
            raise ProgrammingError(f"port {self.port} is not between 1 and 65535")
        if not 0 < self.timeout < float("inf"):
            raise ProgrammingError("timeout must be a number of seconds above 0")
        if not 0 < self.connections <= DEFAULT_CONNECTIONS:
            raise ProgrammingError("connections is 1 or 2: as many sessions as a connection may have")
        if self.search not in SEARCH_MODES:
            raise ProgrammingError(f"search={self.search!r}: search takes {' or '.join(SEARCH_MODES)}")

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        password: Source | None = None,
        token: Callable[[], str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> Account:
        """Read `imap://user:password@host:port/?tls=…&cafile=…&timeout=…&search=…` (RFC 5092 in spirit).

        `imaps` is TLS from the first octet; `imap` is STARTTLS, except on loopback, where nothing can be listened to
        and the connection stays plain unless `?tls=starttls` is said. User and password are percent-encoded. `password`
        wins over that of the URL; IMAPDB_PASSWORD is read where neither is given. Raises ProgrammingError with a text
        that never repeats the password.
        """
        parts = url_parts(url)
        if password is not None:
            parts["password"] = password
        return cls.from_parts(**parts, token=token, ssl_context=ssl_context)

    @classmethod
    def from_file(
        cls,
        name: str | None = None,
        *,
        password: Source | None = None,
        token: Callable[[], str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> Account:
        """Return an account of the user's file (see imapdb.accounts), by name or the one it says is the default.

        `password` or `token` take the place of what the file says of secrets. Raises ProgrammingError.
        """
        from imapdb.accounts import Accounts  # noqa: PLC0415 - read where accounts are named, which few programs do

        return Accounts.read().account(name, password=password, token=token, ssl_context=ssl_context)

    @classmethod
    def find(
        cls,
        where: str,
        *,
        password: Source | None = None,
        token: Callable[[], str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> Account:
        """Return the account at a URL, or, of a text without `://`, the one of that name in the user's file.

        Raises ProgrammingError, as `from_url` and `from_file` do.
        """
        make = cls.from_url if "://" in where else cls.from_file
        return make(where, password=password, token=token, ssl_context=ssl_context)

    @classmethod
    def from_parts(
        cls,
        *,
        scheme: str,
        host: str,
        port: int | None,
        user: str,
        password: Source | None,
        options: Iterable[tuple[str, str]],
        token: Callable[[], str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> Account:
        """Make an account of the decoded parts of a URL; shared with the SQLAlchemy dialect.

        Raises ProgrammingError for an option that is unknown, doubled, or has no sense with the scheme.
        """
        given: dict[str, str] = {}
        for name, value in options:
            if name not in OPTIONS:
                raise ProgrammingError(f"unknown option {name!r}: an account's URL takes {', '.join(OPTIONS)}")
            if name in given:
                raise ProgrammingError(f"option {name!r} is given twice")
            given[name] = value
        said = given.get("tls")
        if said not in (None, "starttls", "none") or (scheme == "imaps" and said is not None):
            raise ProgrammingError("?tls= takes starttls or none, and goes with imap:// (imaps:// is TLS already)")
        tls: TLS
        if scheme == "imaps":
            tls = "implicit"
        elif said is not None:
            tls = "starttls" if said == "starttls" else "none"
        else:
            tls = "none" if is_loopback(host) else "starttls"
        try:
            timeout = float(given.get("timeout", DEFAULT_TIMEOUT))
        except ValueError:
            raise ProgrammingError("?timeout= takes a number of seconds") from None
        search = next((mode for mode in SEARCH_MODES if mode == given.get("search", "default")), None)
        if search is None:
            raise ProgrammingError(f"?search= takes {' or '.join(SEARCH_MODES)}")
        if password is None and token is None:
            password = os.environ.get("IMAPDB_PASSWORD") or None
        return cls(
            host=host,
            user=user,
            port=DEFAULT_PORTS[tls] if port is None else port,
            password=password,
            tls=tls,
            tls_is_explicit=said is not None,
            cafile=given.get("cafile"),
            certfile=given.get("certfile"),
            keyfile=given.get("keyfile"),
            timeout=timeout,
            ssl_context=ssl_context,
            search=search,
            token=token,
            authzid=given.get("authzid") or None,
            connections=_connections(given),
        )

    @property
    def needs_password(self) -> bool:
        """Whether there is neither a password yet nor anything to ask for one."""
        return self.password is None and self.token is None

    def with_password(self, password: Source) -> Account:
        """Return the same account with this password, or with this callable to ask for it."""
        return dataclasses.replace(self, password=password, token=None)

    def with_token(self, token: Callable[[], str]) -> Account:
        """Return the same account with this callable to ask for a token."""
        return dataclasses.replace(self, password=None, token=token)

    def with_search(self, search: SearchMode) -> Account:
        """Return the same account searched in this way. Raises ProgrammingError for one that is none."""
        return dataclasses.replace(self, search=search)

    @property
    def may_send_password_in_clear(self) -> bool:
        """Whether a password may go out without TLS: to this machine itself, or because `?tls=none` was said."""
        return is_loopback(self.host) or (self.tls == "none" and self.tls_is_explicit)

    @property
    def url(self) -> str:
        """The account as a URL without its password, fit for a log."""
        scheme = "imaps" if self.tls == "implicit" else "imap"
        host = f"[{self.host}]" if ":" in self.host else self.host
        whose = f"?authzid={quote(self.authzid, safe='')}" if self.authzid else ""
        return f"{scheme}://{quote(self.user, safe='')}@{host}:{self.port}/{whose}"

    def __str__(self) -> str:
        return self.url

    def tls_context(self) -> ssl.SSLContext:
        """Make the context that verifies the server: system roots, or `cafile`.

        Raises TLSFailed for files that cannot be read.
        """
        if self.ssl_context is not None:
            return self.ssl_context
        for path in (self.cafile, self.certfile, self.keyfile):
            if path is not None and not Path(path).is_file():
                raise TLSFailed(f"{path} is not a file; cafile, certfile and keyfile name PEM files")
        try:
            context = ssl.create_default_context(cafile=self.cafile)
            if self.certfile is not None:
                # Without a password to give, OpenSSL would ask for one at the terminal, and wait.
                context.load_cert_chain(self.certfile, self.keyfile, password="")
        except (ssl.SSLError, OSError) as error:
            raise TLSFailed(f"cafile, certfile or keyfile cannot be used: {error}") from error
        return context


def _check_texts(texts: Mapping[str, str]) -> None:
    for what, value in texts.items():
        if any(char in value for char in "\r\n\0"):
            raise ProgrammingError(f"the {what} holds CR, LF or NUL")
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise ProgrammingError(f"the {what} is not Unicode text (it holds lone surrogates)")


def url_parts(url: str) -> dict[str, Any]:
    """Take an account's URL apart, for `Account.from_parts`. Raises ProgrammingError as `Account.from_url` does."""
    parts, port = _split(url)
    if parts.scheme not in ("imap", "imaps"):
        raise ProgrammingError("an account's URL begins with imap:// or imaps://")
    if parts.path not in ("", "/"):
        raise ProgrammingError("an account's URL names no mailbox: nothing may follow the host but ?options")
    if parts.fragment:
        raise ProgrammingError("an account's URL has no '#…': write '#' in a user or password as %23")
    options = _options(parts.query)
    if "@" in parts.query and any(name not in OPTIONS for name, _ in options):
        # Part of a password, most likely: not repeated.
        raise ProgrammingError("an account's URL has options unknown; write '?' in a user or password as %3F")
    return {
        "scheme": parts.scheme,
        "host": _decoded(parts.hostname or ""),
        "port": port,
        "user": _decoded(parts.username or ""),
        "password": _decoded(parts.password or "") or None,
        "options": options,
    }


def _connections(given: Mapping[str, str]) -> int:
    said = given.get("connections", str(DEFAULT_CONNECTIONS))
    if said not in ("1", "2"):
        raise ProgrammingError("?connections= takes 1 or 2")
    return int(said)


def _options(query: str) -> list[tuple[str, str]]:
    """Split `a=b&c=d`; unlike urllib's parse_qsl, `+` stays itself (a file name may hold one)."""
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return [(_decoded(name), _decoded(value)) for name, _, value in pairs]


def _split(url: str) -> tuple[SplitResult, int | None]:
    # urlsplit() drops the first three of these wherever they stand, which would make another password of it.
    if not any(char in url for char in "\r\n\t\0"):
        with suppress(ValueError):
            parts = urlsplit(url)
            return parts, parts.port
    # Not chained, not quoted: urllib's text repeats the URL, and with it the password.
    raise ProgrammingError(
        "this URL cannot be read: write imaps://user:password@host:port/ with user and password percent-encoded"
    )


def _decoded(text: str) -> str:
    with suppress(UnicodeDecodeError):
        return unquote(text, errors="strict")
    raise ProgrammingError("the percent-encoding of this URL is not that of UTF-8")


def is_loopback(host: str) -> bool:
    """Say whether the host is this machine, by its name or address alone: no look-up, so nobody can answer falsely."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
