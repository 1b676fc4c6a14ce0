"""Courier IMAP 5.0 from unpacked packages."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.kit.unpacked import UnpackedServer

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.kit.ca import Authority

# What Debian's /etc/courier/imapd sets.
_CAPABILITY = "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE"
_SETTINGS = {
    "IMAP_CAPABILITY": _CAPABILITY,
    "IMAP_CAPABILITY_TLS": f"{_CAPABILITY} AUTH=PLAIN",
    "IMAP_KEYWORDS": "1",
    "IMAP_ACL": "1",
    # Seconds between two looks into the mailbox during IDLE. Debian has 60.
    "IMAP_IDLE_TIMEOUT": "1",
    "IMAP_MAILBOX_SANITY_CHECK": "1",
    "IMAP_USELOCKS": "1",
    "IMAP_ENHANCEDIDLE": "0",
    "TLS_VERIFYPEER": "NONE",
}
# Compiled in: where it asks for passwords (the path's first half, which another instruction writes than the rest), and
# the user for STARTTLS, whom only the package makes.
_SOCKET = b"/run/courier/aut"
_OWN_SOCKET = b"authentication"
_USER = b"-server\0courier\0"


class Courier(UnpackedServer):
    """Courier, with every name and the one password an account."""

    name = "courier"
    delimiter = "."
    prefix = "INBOX."
    programs = (
        "usr/bin/imapd",
        "usr/bin/couriertls",
        "usr/lib/courier/courier/imaplogin",
        "usr/lib/libcourierauth.so.0",
        "usr/libexec/gam_server",
        "usr/sbin/couriertcpd",
    )

    def __init__(self, authority: Authority) -> None:
        super().__init__(authority)
        self._authentication: socket.socket | None = None

    def stop(self) -> None:
        if self._authentication is not None:
            # A close alone does not end an accept that waits.
            with suppress(OSError):
                self._authentication.shutdown(socket.SHUT_RDWR)
            self._authentication.close()
            self._authentication = None
        super().stop()

    def _prepare(self, folder: Path) -> None:
        (folder / "home").mkdir()
        (folder / "pem").write_bytes(self.authority.cert_file.read_bytes() + self.authority.key_file.read_bytes())
        _replace(folder / "usr/lib/libcourierauth.so.0", _SOCKET, _OWN_SOCKET)
        user = self.owner.pw_name.encode()
        self.starttls = len(user) <= len("courier")
        if self.starttls:
            _replace(folder / "usr/lib/courier/courier/imaplogin", _USER, b"-server\0" + user)

    def _run(self, folder: Path) -> subprocess.Popen[bytes]:
        self._authentication = socket.socket(socket.AF_UNIX)
        self._authentication.bind(str(folder / _OWN_SOCKET.decode()))
        self._authentication.listen(100)
        threading.Thread(target=self._authenticate, args=(self._authentication, folder), daemon=True).start()
        # It tells of new mail. Courier would start one that outlives it, if it found it.
        client = secrets.token_hex(8)
        self._spawn([folder / "usr/libexec/gam_server", "--notimeout", client], {}, as_owner=True)
        tls = folder / "usr/bin/couriertls"
        settings = _SETTINGS | {
            "GAM_CLIENT_ID": client,
            "IMAP_STARTTLS": "YES" if self.starttls else "NO",
            "COURIERTLS": str(tls),
            "TLS_CERTFILE": str(folder / "pem"),
        }
        listen: list[str | Path] = [
            folder / "usr/sbin/couriertcpd",
            "-address=127.0.0.1",
            "-maxprocs=300",
            "-maxperip=300",
            "-nodnslookup",
            "-noidentlookup",
        ]
        login: list[str | Path] = [folder / "usr/lib/courier/courier/imaplogin", folder / "usr/bin/imapd", "Maildir"]
        self._spawn([*listen, str(self.tls_port), tls, "-server", "-tcpd", *login], settings | {"IMAP_TLS": "1"})
        return self._spawn([*listen, str(self.port), *login], settings)

    def _authenticate(self, listening: socket.socket, folder: Path) -> None:
        """Be Courier's authentication daemon, until the socket is closed."""
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                with client, suppress(OSError, ValueError):
                    self._answer(client, folder)

    def _answer(self, client: socket.socket, folder: Path) -> None:
        with client.makefile("rb") as incoming:
            # Lines of further knowledge come first.
            words = incoming.readline().split()
            while words and words[0] != b"AUTH":
                words = incoming.readline().split()
            _service, _kind, user, password, _ = incoming.read(int(words[1])).decode().split("\n")
        if password != self.password:
            client.sendall(b"FAIL\n")
            return
        home = folder / "home" / user
        if not home.exists():
            for path in (home, home / "Maildir", *(home / "Maildir" / name for name in ("cur", "new", "tmp"))):
                path.mkdir(0o700)
                os.chown(path, self.owner.pw_uid, self.owner.pw_gid)
        account = {"UID": self.owner.pw_uid, "GID": self.owner.pw_gid, "HOME": home, "ADDRESS": user}
        lines = [f"{name}={value}\n" for name, value in account.items()]
        client.sendall("".join([*lines, ".\n"]).encode())


def _replace(program: Path, there: bytes, new: bytes) -> None:
    """Write a shorter string over one that a program holds; a NUL ends it."""
    octets = program.read_bytes()
    if octets.count(there) != 1 or len(new) > len(there):
        raise RuntimeError(f"{program.name} is not the one of courier-imap 5.0")
    # Its link is replaced, the file beside it stays.
    program.unlink()
    program.write_bytes(octets.replace(there, new.ljust(len(there), b"\0")))
    program.chmod(0o755)
