"""Dovecot with a mailbox that is filled once and kept, its caches warm."""

from __future__ import annotations

import hashlib
import imaplib
import json
import os
import pwd
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks import bodies, mail
from benchmarks.floor import Raw
from benchmarks.place import Place
from benchmarks.questions import Known, KnownParts
from tests.kit.ca import Authority
from tests.kit.dovecot import Dovecot

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterator
    from types import ModuleType

__all__ = ["filled", "filled_with_bodies"]

_AT_ONCE = 200  # messages in one MULTIAPPEND
_AT_ONCE_OCTETS = 8_000_000
# Everything a contender may ask for, so that none finds the server's cache warmer than another.
_WARM = (
    "(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE)",
    "(BODY.PEEK[HEADER.FIELDS (CC DATE FROM MESSAGE-ID SUBJECT TO)])",
    "(BODY.PEEK[HEADER])",
)
_WARM_BODIES = ("(UID FLAGS RFC822.SIZE BODYSTRUCTURE)", "(BODY.PEEK[])")


class _Letter(Protocol):
    """What is appended."""

    @property
    def octets(self) -> bytes: ...

    @property
    def flags(self) -> str: ...

    @property
    def received(self) -> datetime.datetime: ...


@contextmanager
def filled(count: int, cache: Path) -> Iterator[tuple[Place, list[Known]]]:
    """Run a server whose INBOX holds `count` messages, made now or taken from `cache`; give account and mail."""

    def known(uid: int, letter: mail.Letter) -> Known:
        return Known(uid, len(letter.octets), letter.subject, letter.flags, int(letter.received.timestamp()))

    with _served(f"{count}", cache, mail, lambda: mail.letters(count), known) as (place, found):
        _warm(place, _WARM, "UID SORT (REVERSE ARRIVAL) UTF-8 UNSEEN")
        yield place, [Known(*fields) for fields in found]


@contextmanager
def filled_with_bodies(count: int, cache: Path) -> Iterator[tuple[Place, list[KnownParts]]]:
    """Do the same with the mail of `benchmarks.bodies`."""
    with _served(f"bodies-{count}", cache, bodies, lambda: bodies.filed(count), _known_parts) as (place, found):
        _warm(place, _WARM_BODIES)
        yield place, [KnownParts(*fields) for fields in found]


def _known_parts(uid: int, filed: bodies.Filed) -> KnownParts:
    return filed.known(uid)


@contextmanager
def _served(
    name: str,
    cache: Path,
    module: ModuleType,
    letters: Callable[[], Iterator[Any]],
    known_of: Callable[[int, Any], Any],
) -> Iterator[tuple[Place, list[Any]]]:
    """Run a server with mail of a module, whose octets say whether it has to be made anew."""
    source = Path(str(module.__file__)).read_bytes()
    with tempfile.TemporaryDirectory(prefix="imapdb-bench-") as scratch:
        # Dovecot leaves its rights: under a closed folder, as /root is, the mail cannot stay.
        root = cache if _is_open(cache) else Path(scratch)
        Path(scratch).chmod(0o755)
        folder = root / f"{name}-{hashlib.sha256(source).hexdigest()[:8]}"
        known = folder / "known.json"
        if not known.exists():
            for earlier in root.glob(f"{name}-*"):
                shutil.rmtree(earlier, ignore_errors=True)
            _make(folder / "mail")
        server = Dovecot(
            Authority(Path(scratch) / "authority"),
            settings=f"mail_location = mdbox:{folder / 'mail'}\nmail_max_userip_connections = 200\n",
        )
        server.start()
        try:
            login = server.new_login()
            place = Place(login.host, login.port, login.user, login.password)
            if not known.exists():
                known.write_text(json.dumps(_fill(place, letters(), known_of)), encoding="utf-8")
            yield place, json.loads(known.read_text(encoding="utf-8"))
        finally:
            server.stop()


def _is_open(folder: Path) -> bool:
    """Whether whoever Dovecot runs the mail as gets to this folder."""
    if os.geteuid() != 0:
        return True
    return all(not parent.exists() or parent.stat().st_mode & 0o001 for parent in folder.resolve().parents)


def _make(folder: Path) -> None:
    folder.mkdir(parents=True)
    if os.geteuid() == 0:
        # The user tests.kit.dovecot gives the mail to.
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)


def _fill(place: Place, letters: Iterator[_Letter], known_of: Callable[[int, Any], Any]) -> list[Any]:
    """Append the mail, many messages to a command, the next under way while one is stored."""
    known = []
    uid = 0
    raw = Raw(place)
    for batch in _batches(letters):
        command = bytearray(b"APPEND INBOX")
        for letter in batch:
            uid += 1
            known.append(known_of(uid, letter))
            date = imaplib.Time2Internaldate(letter.received)
            command += f" ({letter.flags}) {date} {{{len(letter.octets)}+}}\r\n".encode() + letter.octets
        raw.send(bytes(command))
        if raw.waiting > 1:
            raw.read()
    raw.drain()
    # Nobody is told of \Recent any more once a session has selected the mailbox.
    raw.run("SELECT INBOX")
    raw.close()
    return known


def _batches(letters: Iterator[_Letter]) -> Iterator[list[_Letter]]:
    batch: list[_Letter] = []
    for letter in letters:
        batch.append(letter)
        if len(batch) == _AT_ONCE or sum(len(each.octets) for each in batch) > _AT_ONCE_OCTETS:
            yield batch
            batch = []
    if batch:
        yield batch


def _warm(place: Place, items: tuple[str, ...], *commands: str) -> None:
    raw = Raw(place)
    raw.run("EXAMINE INBOX")
    for each in items:
        raw.run(f"UID FETCH 1:* {each}")
    for command in commands:
        raw.run(command)
    raw.close()
