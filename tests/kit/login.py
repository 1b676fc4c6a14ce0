"""One account on one server, and the plain client the tests check imapdb against.

Nothing in here uses imapdb or imapclient: what the oracle says must not depend on what is tested.
"""

from __future__ import annotations

import base64
import imaplib
import re
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from tests.kit.proxy import Proxy
    from tests.kit.server import MailServer

_UNSAFE = re.compile(r"[^\x20-\x7e]+")
_APPENDED = re.compile(rb"\[APPENDUID \d+ (\d+)\]", re.IGNORECASE)
_UIDNEXT = re.compile(rb"UIDNEXT (\d+)", re.IGNORECASE)

# Long enough for a busy machine, short enough that a hung server fails the test and not the run. Seconds.
TIMEOUT = 30


def modified_utf7(name: str) -> str:
    """Encode a mailbox name as RFC 3501 5.1.3 says."""

    def shifted(match: re.Match[str]) -> str:
        coded = base64.b64encode(match[0].encode("utf-16-be")).rstrip(b"=")
        return "&" + coded.decode().replace("/", ",") + "-"

    return _UNSAFE.sub(shifted, name.replace("&", "&-"))


def quoted(text: str) -> str:
    """Write ASCII as a quoted string of RFC 3501 4.3."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def wire_name(mailbox: str) -> str:
    """Write a mailbox name as an argument of a command, for the methods of imaplib."""
    return quoted(modified_utf7(mailbox))


class RefusedError(AssertionError):
    """The plain client got something else than OK."""


def checked(answer: tuple[str, list[Any]]) -> list[Any]:
    """Take the data out of an answer of imaplib that must be OK."""
    status, lines = answer
    if status != "OK":
        raise RefusedError(f"{status} {lines!r}")
    return lines


@dataclass(frozen=True)
class Login:
    """A fresh account. `server` is where it lives; `host` and `port` may also be those of a proxy before it."""

    server: MailServer = field(repr=False)
    host: str
    port: int
    user: str
    password: str

    def through(self, proxy: Proxy) -> Login:
        """Give the same account as reached by way of a proxy."""
        return replace(self, host=proxy.host, port=proxy.port)

    def url(self, scheme: str = "imap", **query: str) -> str:
        """Write the account as a URL; `imaps` names the TLS port and the CA of the run."""
        port: int | None = self.port
        if scheme == "imaps":
            port = self.server.tls_port
            if port is None:
                raise RefusedError(f"{self.server.name} has no TLS port here")
            if self.server.cafile is not None:
                query = {"cafile": str(self.server.cafile)} | query
        parameters = "?" + urlencode(query) if query else ""
        return f"{scheme}://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{self.host}:{port}/{parameters}"

    @contextmanager
    def imaplib(self) -> Iterator[imaplib.IMAP4]:
        """Log the plain client in, without TLS, and out again."""
        with imaplib.IMAP4(self.host, self.port, TIMEOUT) as client:
            # imaplib writes a literal and its line end separately; with Nagle's algorithm the second waits 40 ms.
            client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.login(self.user, self.password)
            yield client

    def append(self, mailbox: str, message: bytes, flags: Iterable[str] = (), created: datetime | None = None) -> int:
        """Append one message, octet for octet, and return its UID. `created` is aware."""
        return self.append_all(mailbox, [message], flags, created)[0]

    def append_all(
        self, mailbox: str, messages: Iterable[bytes], flags: Iterable[str] = (), created: datetime | None = None
    ) -> list[int]:
        """Append several messages over one connection and return their UIDs."""
        arguments = [wire_name(mailbox), "(" + " ".join(flags) + ")"]
        if created is not None:
            arguments.append(imaplib.Time2Internaldate(created))
        with self.imaplib() as client:
            return [_append(client, arguments, message) for message in messages]

    def create(self, mailbox: str) -> None:
        """Create a mailbox of any Unicode name; its levels are divided by `server.delimiter`."""
        with self.imaplib() as client:
            checked(client.create(wire_name(mailbox)))


def _append(client: imaplib.IMAP4, arguments: list[str], message: bytes) -> int:
    # Not client.append(): it turns every bare CR or LF into CRLF, and odd mail is what we want to send.
    client.literal = message  # type: ignore[assignment] # octets, whatever typeshed says
    status, lines = client._simple_command("APPEND", *arguments)
    if status != "OK":
        raise RefusedError(f"APPEND {status} {lines!r}")
    for line in lines:
        if match := _APPENDED.search(line or b""):
            return int(match[1])
    # Without UIDPLUS: nobody else writes to a fresh account, so the newest message is ours.
    (state,) = checked(client.status(arguments[0], "(UIDNEXT)"))
    match = _UIDNEXT.search(state if isinstance(state, bytes) else b"")
    if match is None:
        raise RefusedError(f"STATUS says no UIDNEXT: {state!r}")
    return int(match[1]) - 1
