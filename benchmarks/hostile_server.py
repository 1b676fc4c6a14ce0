"""Hostile messages on a Dovecot: every column of them is read, once."""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.floor import Raw
from benchmarks.hostile_inputs import messages
from benchmarks.place import Place
from imapdb import dbapi
from imapdb.sql.columns import COLUMNS
from tests.kit.ca import Authority
from tests.kit.dovecot import Dovecot
from tests.kit.nasty import appendable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["over_the_wire"]


_APPENDED = re.compile(rb"APPENDUID \d+ (\d+)")
_ITEMS = "(UID FLAGS RFC822.SIZE INTERNALDATE BODYSTRUCTURE BODY.PEEK[HEADER])"


def over_the_wire(sizes: Sequence[int], only: str) -> Iterator[tuple[str, str, dict[int, float]]]:
    """Time the server alone, when it is asked for the first time, and then every column, by the octets of a message.

    Ours is the time of this process: the server, and other programs, take turns with it.
    """
    if reason := Dovecot.missing():
        raise SystemExit(f"this needs Dovecot: {reason}")
    columns = ", ".join(f'"{column.name}"' for column in COLUMNS if column.name != "recent")
    with tempfile.TemporaryDirectory(prefix="imapdb-hostile-") as scratch:
        Path(scratch).chmod(0o755)
        server = Dovecot(Authority(Path(scratch) / "authority"))
        server.start()
        try:
            login = server.new_login()
            place = Place(login.host, login.port, login.user, login.password)
            for name, make in messages().items():
                if only not in f"every column: {name}":
                    continue
                alone: dict[int, float] = {}
                ours: dict[int, float] = {}
                for size in sizes:
                    octets = appendable(make(size))
                    raw = Raw(place)
                    uid = _append(raw, octets)
                    raw.run("EXAMINE INBOX")
                    began = time.perf_counter()
                    raw.run(f"UID FETCH {uid} {_ITEMS}")
                    raw.run(f"UID FETCH {uid} (BODY.PEEK[])")
                    alone[len(octets)] = time.perf_counter() - began
                    raw.close()
                    connection = dbapi.connect(place.url)
                    began = time.process_time()
                    rows = connection.cursor().execute(f"SELECT {columns} FROM INBOX WHERE uid = {uid}").fetchall()
                    ours[len(octets)] = time.process_time() - began
                    connection.close()
                    if len(rows) != 1:
                        raise RuntimeError(f"{name}: {len(rows)} rows")
                yield "the server alone", name, alone
                yield "every column", name, ours
        finally:
            server.stop()


def _append(raw: Raw, octets: bytes) -> int:
    found = _APPENDED.search(raw.whole(b"APPEND INBOX {%d+}\r\n%b" % (len(octets), octets)))
    if found is None:
        raise RuntimeError("the server does not say where it put a message")
    return int(found[1])
