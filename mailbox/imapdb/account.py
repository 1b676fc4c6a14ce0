"""Who and where: the address of an IMAP account, its TLS rules and its credentials."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import ssl
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import SplitResult, quote, unquote, urlsplit

from imapdb.errors import ProgrammingError, TLSFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["TLS", "Account", "SearchMode"]

TLS = Literal["implicit", "starttls", "none"]
SearchMode = Literal["default", "exact"]

SEARCH_MODES: Final[tuple[SearchMode, ...]] = ("default", "exact")
DEFAULT_TIMEOUT = 60.0
DEFAULT_PORTS: dict[TLS, int] = {"implicit": 993, "starttls": 143, "none": 143}
OPTIONS = ("tls", "cafile", "certfile", "keyfile", "timeout", "search")


@dataclasses.dataclass(frozen=True)
class Account:
    """An IMAP account: everything needed to open a session, nothing that is open.

    `tls` is "implicit" (imaps, RFC 8314), "starttls" (RFC 3501 6.2.1) or "none". `tls_is_explicit` says that the user
    asked for it: only then does a password go out in clear to a host that is not loopback. `timeout` is in seconds
    and bounds the wait for a connection and for each piece of an answer. `certfile` and `keyfile` are a client
    certificate in PEM; `ssl_context`, where given, replaces what `cafile` and `certfile` would make. `search` "exact"
    leaves conditions on text to SQL alone, so that malformed mail, which servers decode their own way, is found too.
    """

    host: str
    user: str
    port: int = 993
    password: str | None = dataclasses.field(default=None, repr=False)
    tls: TLS = "implicit"
    tls_is_explicit: bool = False
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    timeout: float = DEFAULT_TIMEOUT
    ssl_context: ssl.SSLContext | None = dataclasses.field(default=None, repr=False)
    search: SearchMode = "default"

    def __post_init__(self) -> None:
        """Refuse what could never be sent, before anything is opened.

        Raises ProgrammingError.
        """
        if not self.host:
            raise ProgrammingError("an account needs a host: imaps://user@host/")
        if not self.user:
            raise ProgrammingError("an account needs a user: imaps://user@host/")
        for what, value in (("host", self.host), ("user", self.user), ("password", self.password or "")):
            if any(char in value for char in "\r\n\0"):
                raise ProgrammingError(f"the {what} holds CR, LF or NUL")
            if any("\ud800" <= char <= "\udfff" for char in value):
                raise ProgrammingError(f"the {what} is not Unicode text (it holds lone surrogates)")
        if not 0 < self.port < 2**16:
            raise ProgrammingError(f"port {self.port} is not between 1 and 65535")
        if not 0 < self.timeout < float("inf"):
            raise ProgrammingError("timeout must be a number of seconds above 0")
        if self.search not in SEARCH_MODES:
            raise ProgrammingError(f"search={self.search!r}: search takes {' or '.join(SEARCH_MODES)}")

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        password: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> Account:
        """Read `imap://user:password@host:port/?tls=…&cafile=…&timeout=…&search=…` (RFC 5092 in spirit).

        `imaps` is TLS from the first octet; `imap` is STARTTLS, except on loopback, where nothing can be listened to
        and the connection stays plain unless `?tls=starttls` is said. User and password are percent-encoded. `password`
        wins over that of the URL; IMAPDB_PASSWORD is read where neither is given. Raises ProgrammingError with a text
        that never repeats the password.
        """
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
        return cls.from_parts(
            scheme=parts.scheme,
            host=_decoded(parts.hostname or ""),
            port=port,
            user=_decoded(parts.username or ""),
            password=password if password is not None else _decoded(parts.password or "") or None,
            options=options,
            ssl_context=ssl_context,
        )

    @classmethod
    def from_parts(
        cls,
        *,
        scheme: str,
        host: str,
        port: int | None,
        user: str,
        password: str | None,
        options: Iterable[tuple[str, str]],
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
        if password is None:
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
        )

    @property
    def needs_password(self) -> bool:
        """Whether there is no password yet."""
        return self.password is None

    def with_password(self, password: str) -> Account:
        """Return the same account with this password."""
        return dataclasses.replace(self, password=password)

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
        return f"{scheme}://{quote(self.user, safe='')}@{host}:{self.port}/"

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
