"""Answers of real servers, kept as text: tests/transcripts/*.txt, read by tests/test_transcripts.py.

A line of a transcript begins with what it is:

    #    a remark
    C:   the command, after its tag, which is always A1
    S:   a line of the answer, without its CR LF; %XX is an octet, as in a URL
    M:   a message there is in the answer, as JSON: what imapdb reads

`python -m tests.kit.recorded` has the servers that can be run here answer anew, and prints nothing: look at `git diff`.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from imapdb.errors import ProtocolError
from imapdb.imap.fetched import read_fetch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imapdb.imap.fetched import Fetched
    from tests.kit.servers import Login

FOLDER = Path(__file__).resolve().parents[1] / "transcripts"

_KEPT = re.compile(rb"[^%\x20-\x7e]|%")
_TOLD = ("flags", "size", "date", "email_id", "thread_id", "labels", "header", "body")

COMMANDS = [
    "UID FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)])",
    "UID FETCH 1:* (UID FLAGS)",
    "UID FETCH 1:* (UID BODY.PEEK[HEADER])",
    "UID FETCH 1:* (UID RFC822.SIZE BODY.PEEK[])",
]
MAIL: list[tuple[bytes, tuple[str, ...]]] = [
    (b"Subject: plain\r\nFrom: Ann <ann@example.org>\r\n\r\nHello.\r\n", ()),
    (b'From: a@b\r\nSubject: folded\r\n  and "quoted" \\ back {5}\r\n\r\n)\r\nA1 OK done\r\n', ("\\Seen", "\\Flagged")),
    ("Subject: grüße (raw)\r\nFrom: ü\r\n\r\n* 2 FETCH (UID 2)\r\n".encode("latin-1"), ("\\Answered",)),
    (b"\r\n", ("\\Deleted",)),
    (b"X-Only: header\r\n\r\n", ("\\Draft", "\\Seen")),
]


@dataclasses.dataclass
class Exchange:
    """A command, what the server said to it, and what imapdb is to make of that."""

    name: str
    command: str
    said: bytes = b""
    messages: list[dict[str, object]] = dataclasses.field(default_factory=list)


def exchanges(path: Path) -> Iterator[Exchange]:
    """Read a transcript."""
    exchange: Exchange | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "C:":
            if exchange is not None:
                yield exchange
            exchange = Exchange(f"{path.stem}: {rest}", rest)
        elif exchange is None:
            continue
        elif kind == "S:":
            exchange.said += unquote_to_bytes(rest) + b"\r\n"
        elif kind == "M:":
            exchange.messages.append(json.loads(rest))
    if exchange is not None:
        yield exchange


def told(message: Fetched) -> dict[str, object]:
    """Write a message as a transcript does; octets as Latin-1."""
    values: dict[str, object] = {"uid": message.uid}
    for name in _TOLD:
        value = getattr(message, name)
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        elif isinstance(value, tuple):
            value = [label.decode("latin-1") for label in value]
        if value is not None:
            values[name] = value
    return values


def record(login: Login) -> Iterator[str]:
    """Ask a server, and write its answers down."""
    created = datetime.datetime(2024, 2, 1, 3, 4, 5, tzinfo=datetime.UTC)
    for message, flags in MAIL:
        login.append_all("INBOX", [message], flags, created)
    with socket.create_connection((login.host, login.port), 10) as sock, sock.makefile("rb") as incoming:
        incoming.readline()
        _ask(sock, incoming, "LOGIN " + " ".join(_quoted(word) for word in (login.user, login.password)))
        _ask(sock, incoming, "EXAMINE INBOX")
        for command in COMMANDS:
            lines, messages = _ask(sock, incoming, command)
            yield f"C: {command}"
            yield from (f"S: {_written(line)}".rstrip() for line in lines)
            yield from ("M: " + json.dumps(message) for message in messages)


def _ask(sock: socket.socket, incoming: Iterable[bytes], command: str) -> tuple[list[bytes], list[dict[str, object]]]:
    sock.sendall(f"A1 {command}\r\n".encode())
    reader = iter(incoming)
    whole = b""
    # Literals are skipped by their length: what is in them may look like the end.
    read = incoming.read  # type: ignore[attr-defined]
    messages = []
    response: list[bytes] = []
    for line in reader:
        response.append(line)
        whole += line
        if match := re.search(rb"\{(\d+)\}\r\n\Z", line):
            response.append(read(int(match[1])))
            whole += response[-1]
            continue
        try:
            message = read_fetch(response)
        except ProtocolError:
            message = None
        if message is not None:
            messages.append(told(message))
        if response[0].startswith(b"A1 "):
            break
        response = []
    return whole.removesuffix(b"\r\n").split(b"\r\n"), messages


def _written(line: bytes) -> str:
    return _KEPT.sub(lambda match: b"%%%02X" % match[0][0], line).decode("ascii").rstrip() + (
        "%20" * (len(line) - len(line.rstrip(b" ")))
    )


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main() -> None:
    """Record every server there is."""
    from tests.kit.ca import Authority  # noqa: PLC0415 - needed for recording alone
    from tests.kit.servers import SERVERS  # noqa: PLC0415

    for name, kind in SERVERS.items():
        if reason := kind.missing():
            sys.stderr.write(f"not recorded: {name} ({reason})\n")
            continue
        with tempfile.TemporaryDirectory() as folder:
            server = kind(Authority(Path(folder)))
            server.start()
            try:
                lines = list(record(server.new_login()))
            finally:
                server.stop()
        head = f"# {name}, recorded by python -m tests.kit.recorded"
        (FOLDER / f"{name}.txt").write_text("\n".join([head, *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
