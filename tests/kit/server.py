"""What every test server offers, and the ports and waiting they share."""

from __future__ import annotations

import os
import secrets
import socket
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from tests.kit.login import Login

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.kit.ca import Authority

# Characters that must be escaped in a URL.
PASSWORD = "s3cret/p%ss?w@rd"


class MailServer(ABC):
    """An IMAP server of its own for the run, on 127.0.0.1 and ports nobody else has."""

    name: ClassVar[str]
    delimiter: ClassVar[str] = "/"
    # What the name of every mailbox but INBOX begins with, and what none may hold.
    prefix: ClassVar[str] = ""
    refused: ClassVar[str] = ""

    # Whether STARTTLS is offered on `port`.
    starttls: bool = False
    host: str = "127.0.0.1"
    port: int
    # None where the server speaks no TLS, or shows a certificate the run's CA did not sign.
    tls_port: int | None = None
    cafile: Path | None = None
    # The one password of every account.
    password: str = PASSWORD

    def __init__(self, authority: Authority) -> None:
        self.authority = authority

    @classmethod
    @abstractmethod
    def missing(cls) -> str | None:
        """Say why the server cannot be run on this machine, None where it can."""

    @abstractmethod
    def start(self) -> None:
        """Run it, and return once it greets."""

    @abstractmethod
    def stop(self) -> None:
        """End it, with everything it started."""

    def new_login(self) -> Login:
        """Open an empty account under a name never used before."""
        user = f"{self.name}-{secrets.token_hex(4)}"
        return Login(self, self.host, self.port, user, self.password)

    def named(self, mailbox: str) -> str:
        """Name a mailbox as near to that as the server takes it."""
        name = "".join("-" if character in self.refused else character for character in mailbox)
        return name if name == "INBOX" else self.prefix + name


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that were free a moment ago; all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def greets(host: str, port: int, patience: float = 1.0) -> bool:
    """Connect and see whether an IMAP greeting comes within `patience` seconds."""
    try:
        with socket.create_connection((host, port), patience) as client:
            return client.recv(4) == b"* OK"
    except OSError:
        return False


def wait_for_greeting(process: subprocess.Popen[bytes], port: int, patience: float, log: Path) -> bool:
    """Wait until the server greets; False when it ended instead, as it does when another took its port.

    Raises TimeoutError, with the end of the log, when neither happens within `patience` seconds.
    """
    end = time.monotonic() + patience
    while not greets("127.0.0.1", port):
        if process.poll() is not None:
            return False
        if time.monotonic() > end:
            raise TimeoutError(f"no IMAP greeting after {patience:.0f} s\n{tail(log)}")
        time.sleep(0.01)
    return True


def tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else "(no log)"


def running_port(variable: str) -> int | None:
    """Return the port a container listens on, as docker-compose.test.yml names it, if one was given and it greets."""
    text = os.environ.get(variable, "")
    return int(text) if text.isdigit() and greets("127.0.0.1", int(text)) else None
