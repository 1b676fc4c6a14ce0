"""Messages with attachments, and large ones that are never in memory as a whole."""

from __future__ import annotations

import base64
import binascii
import hashlib
import random
import socket
from typing import TYPE_CHECKING

from tests.kit.login import RefusedError, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.kit.login import Login

__all__ = ["LargeMail", "attached", "encoded", "letter", "named"]

_HEAD = "From: ada@example.org\r\nSubject: attached\r\nMIME-Version: 1.0\r\n"
_TEXT = b"Content-Type: text/plain\r\n\r\nSee below."


def encoded(octets: bytes, encoding: str, name: str = "x") -> bytes:
    """Encode as a mail program does."""
    match encoding:
        case "base64":
            return base64.encodebytes(octets).replace(b"\n", b"\r\n").rstrip()
        case "quoted-printable":
            coded = "".join(f"={octet:02X}" for octet in octets)
            return "=\r\n".join(coded[start : start + 75] for start in range(0, len(coded), 75)).encode()
        case "x-uuencode":
            lines = [binascii.b2a_uu(octets[start : start + 45]) for start in range(0, len(octets), 45)]
            whole = f"begin 644 {name}\n".encode() + b"".join(lines) + b"`\nend"
            return whole.replace(b"\n", b"\r\n")
    return octets


def attached(octets: bytes, encoding: str, fields: str = "", kind: str = "application/octet-stream") -> bytes:
    """Write a part."""
    head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n{fields}\r\n"
    return head.encode() + encoded(octets, encoding)


def named(name: str, octets: bytes = b"octets") -> bytes:
    """Write a part whose filename is whatever may be said by RFC 2231."""
    coded = "".join(f"%{octet:02X}" for octet in name.encode("utf-8", "surrogatepass"))
    pieces = [coded[start : start + 60] for start in range(0, len(coded), 60)]
    fields = ";\r\n".join(
        f" filename*{number}*={'' if number else chr(39).join(('utf-8', '', ''))}{piece}"
        for number, piece in enumerate(pieces)
    )
    return attached(octets, "base64", f"Content-Disposition: attachment;\r\n{fields}\r\n")


def letter(*parts: bytes) -> bytes:
    """Write a message of a short text and these parts."""
    whole = b"".join(b"--=_edge\r\n" + part + b"\r\n" for part in (_TEXT, *parts))
    return _HEAD.encode() + b'Content-Type: multipart/mixed; boundary="=_edge"\r\n\r\n' + whole + b"--=_edge--\r\n"


class LargeMail:
    """A message with one attachment of `size` octets in base64; both are made while they are needed.

    `digest` is the SHA-256 of the attachment.
    """

    def __init__(self, size: int, seed: int = 1) -> None:
        # Lines of 57 octets, of which a block repeats: as quick to make as to send.
        self._block = random.Random(seed).randbytes(57 * 4096)
        self._encoded = encoded(self._block, "base64") + b"\r\n"
        self._blocks, rest = divmod(size, len(self._block))
        self._rest = self._block[:rest]
        self.size = size
        digest = hashlib.sha256()
        for _ in range(self._blocks):
            digest.update(self._block)
        digest.update(self._rest)
        self.digest = digest.hexdigest()

    def pieces(self) -> Iterator[bytes]:
        """Write the message."""
        head, tail = letter(attached(b"@@", "base64", "Content-Disposition: attachment; filename=large.bin\r\n")).split(
            encoded(b"@@", "base64")
        )
        yield head
        for _ in range(self._blocks):
            yield self._encoded
        yield encoded(self._rest, "base64") + tail

    def append(self, login: Login, mailbox: str = "INBOX") -> None:
        """Send it by APPEND, as a stream."""
        size = sum(map(len, self.pieces()))
        with socket.create_connection((login.host, login.port), 600) as sock, sock.makefile("rb") as incoming:
            incoming.readline()
            _ask(sock, incoming, b"LOGIN %s %s" % (quoted(login.user).encode(), quoted(login.password).encode()))
            _ask(sock, incoming, b"APPEND %s {%d}" % (quoted(mailbox).encode(), size), b"+")
            for piece in self.pieces():
                sock.sendall(piece)
            sock.sendall(b"\r\n")
            _until(incoming, b"A1 ")


def _ask(sock: socket.socket, incoming: Iterable[bytes], command: bytes, expected: bytes = b"A1 OK") -> None:
    sock.sendall(b"A1 " + command + b"\r\n")
    _until(incoming, expected)


def _until(incoming: Iterable[bytes], expected: bytes) -> None:
    for line in incoming:
        if line.startswith(expected):
            return
        if line.startswith(b"A1 "):
            raise RefusedError(line)
    raise RefusedError("the server left")
