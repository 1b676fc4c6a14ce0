"""`make bench`: imapdb beside imapclient and a raw socket, on Dovecot on this machine.

    python -m benchmarks [--messages 20000] [--rounds 5]

The floor is a socket that sends the commands and reads the answer to its end, parsing nothing. Contenders take turns;
the median of the rounds counts, and what is printed is its ratio to the floor.
"""

from __future__ import annotations

import argparse
import imaplib
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import imapclient
import sqlalchemy as sa

from benchmarks.mail import letters
from imapdb import dbapi
from tests.kit.ca import Authority
from tests.kit.servers import Dovecot

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kit.servers import Login

FEW = "uid, sender, subject, created, size, flags"
MANY = f'{FEW}, "to", cc, sent, message_id'
ENVELOPE = "(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE)"


class Raw:
    """A socket that has logged in; answers are read and thrown away."""

    def __init__(self, login: Login) -> None:
        self._imap = imaplib.IMAP4(login.host, login.port)
        self._imap.login(login.user, login.password)
        self._imap.select("INBOX", readonly=True)

    def run(self, command: str) -> bytes:
        """Send one command and return the octets of its answer."""
        self._imap.send(f"raw {command}\r\n".encode())
        answer = bytearray()
        while True:
            answer += self._imap.sock.recv(1 << 18)
            end = answer.rfind(b"\r\nraw ") + 2 if not answer.startswith(b"raw ") else 0
            if (end > 1 or answer.startswith(b"raw ")) and answer.endswith(b"\r\n"):
                return bytes(answer)

    def close(self) -> None:
        """Log out."""
        self._imap.logout()


def fill(login: Login, count: int) -> None:
    """Append the mail, without waiting for each answer."""
    with login.imaplib() as client:
        for number, (octets, flags, received) in enumerate(letters(count)):
            head = f"{number} APPEND INBOX ({flags}) {imaplib.Time2Internaldate(received)} {{{len(octets)}+}}\r\n"
            client.send(head.encode() + octets + b"\r\n")
            if number % 100 == 99 or number == count - 1:
                while not client.readline().startswith(f"{number} OK".encode()):
                    pass


def measure(contenders: dict[str, Callable[[], int]], rounds: int) -> dict[str, float]:
    """Let the contenders take turns; give each one's median in seconds. All must find the same number of rows."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    found: dict[str, int] = {}
    for _ in range(rounds):
        for name, contender in contenders.items():
            began = time.perf_counter()
            found[name] = contender()
            times[name].append(time.perf_counter() - began)
    rows = set(found.values()) - {-1}
    if len(rows) != 1:
        raise SystemExit(f"the contenders disagree: {found}")
    return {name: statistics.median(taken) for name, taken in times.items()}


def main() -> None:
    """Fill a mailbox, measure, print."""
    options = argparse.ArgumentParser()
    options.add_argument("--messages", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    if reason := Dovecot.missing():
        sys.exit(f"the measurements need Dovecot: {reason}")
    with tempfile.TemporaryDirectory() as folder:
        server = Dovecot(Authority(Path(folder)))
        server.start()
        try:
            login = server.new_login()
            print(f"{chosen.messages} messages, medians of {chosen.rounds}, × of the floor")
            fill(login, chosen.messages)
            compare(login, chosen.rounds)
        finally:
            server.stop()


def compare(login: Login, rounds: int) -> None:
    """Measure the three tasks."""
    raw = Raw(login)
    connection = dbapi.connect(login.url())
    cursor = connection.cursor()
    engine = sa.create_engine(login.url())
    client = imapclient.IMAPClient(login.host, login.port, ssl=False)
    client.login(login.user, login.password)
    client.select_folder("INBOX", readonly=True)

    def by_dbapi(sql: str) -> int:
        return len(cursor.execute(sql).fetchall())

    def count_by_dbapi(condition: str) -> int:
        ((number,),) = cursor.execute(f"SELECT count(*) FROM INBOX WHERE {condition}").fetchall()
        return int(number)

    def by_core(table: sa.Table, names: list[str], *where: sa.ColumnElement[bool]) -> int:
        with engine.connect() as opened:
            return len(opened.execute(sa.select(*(table.c[name] for name in names)).where(*where)).all())

    def by_imapclient(criteria: list[str]) -> int:
        uids = client.search(criteria)
        items = ["FLAGS", "RFC822.SIZE", "INTERNALDATE", "ENVELOPE"]
        return sum(len(client.fetch(uids[at : at + 500], items)) for at in range(0, len(uids), 500))

    inbox = sa.Table("INBOX", sa.MetaData(), autoload_with=engine)
    few = FEW.split(", ")
    many = [name.strip('"') for name in MANY.split(", ")]
    unseen = raw.run("UID SEARCH RETURN (ALL) UNSEEN").split(b"ALL ")[1].split(b"\r\n")[0].decode()
    tasks: dict[str, dict[str, Callable[[], int]]] = {
        "count by flag and size": {
            "floor": lambda: -1 if raw.run("UID SEARCH RETURN (COUNT) UNSEEN SMALLER 4000") else 0,
            "imapdb, DBAPI": lambda: count_by_dbapi("seen = 0 AND size < 4000"),
            "imapclient": lambda: len(client.search(["UNSEEN", "SMALLER", "4000"])),
        },
        "unseen: six columns": {
            "floor": lambda: -1 if raw.run(f"UID FETCH {unseen} {ENVELOPE}") else 0,
            "imapdb, DBAPI": lambda: by_dbapi(f"SELECT {FEW} FROM INBOX WHERE seen = 0"),
            "imapdb, SQLAlchemy": lambda: by_core(inbox, few, inbox.c.seen == sa.false()),
            "imapclient": lambda: by_imapclient(["UNSEEN"]),
        },
        "all: ten columns": {
            "floor": lambda: -1 if raw.run(f"UID FETCH 1:* {ENVELOPE}") else 0,
            "imapdb, DBAPI": lambda: by_dbapi(f"SELECT {MANY} FROM INBOX"),
            "imapdb, SQLAlchemy": lambda: by_core(inbox, many),
            "imapclient": lambda: by_imapclient(["ALL"]),
        },
    }
    for task, contenders in tasks.items():
        taken = measure(contenders, rounds)
        floor = taken.pop("floor")
        ratios = "   ".join(f"{name} {seconds / floor:.1f}×" for name, seconds in taken.items())
        print(f"{task:24} floor {floor * 1000:7.1f} ms   {ratios}")
    raw.close()
    client.logout()
    engine.dispose()
    connection.close()


if __name__ == "__main__":
    main()
