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
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import mail
from benchmarks.floor import Raw
from benchmarks.place import Place
from benchmarks.questions import Known
from tests.kit.ca import Authority
from tests.kit.dovecot import Dovecot

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["filled"]

_AT_ONCE = 200  # messages in one MULTIAPPEND
# Everything a contender may ask for, so that none finds the server's cache warmer than another.
_WARM = (
    "(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE)",
    "(BODY.PEEK[HEADER.FIELDS (CC DATE FROM MESSAGE-ID SUBJECT TO)])",
    "(BODY.PEEK[HEADER])",
)


@contextmanager
def filled(count: int, cache: Path) -> Iterator[tuple[Place, list[Known]]]:
    """Run a server whose INBOX holds `count` messages, made now or taken from `cache`; give account and mail."""
    source = Path(mail.__file__).read_bytes()
    with tempfile.TemporaryDirectory(prefix="imapdb-bench-") as scratch:
        # Dovecot leaves its rights: under a closed folder, as /root is, the mail cannot stay.
        root = cache if _is_open(cache) else Path(scratch)
        Path(scratch).chmod(0o755)
        folder = root / f"{count}-{hashlib.sha256(source).hexdigest()[:8]}"
        known = folder / "known.json"
        if not known.exists():
            for earlier in root.glob(f"{count}-*"):
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
                known.write_text(json.dumps(_fill(place, count)), encoding="utf-8")
            _warm(place)
            yield place, [Known(*fields) for fields in json.loads(known.read_text(encoding="utf-8"))]
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


def _fill(place: Place, count: int) -> list[Known]:
    """Append the mail, many messages to a command, the next under way while one is stored."""
    known = []
    uid = 0
    raw = Raw(place)
    letters = mail.letters(count)
    while batch := list(islice(letters, _AT_ONCE)):
        command = bytearray(b"APPEND INBOX")
        for letter in batch:
            uid += 1
            known.append(Known(uid, len(letter.octets), letter.subject, letter.flags, int(letter.received.timestamp())))
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


def _warm(place: Place) -> None:
    raw = Raw(place)
    raw.run("EXAMINE INBOX")
    for items in _WARM:
        raw.run(f"UID FETCH 1:* {items}")
    raw.run("UID SORT (REVERSE ARRIVAL) UTF-8 UNSEEN")
    raw.close()
