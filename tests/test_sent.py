"""`sent`, the Date header as its author's clock had it: however odd, no server hides it from a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imapdb import dbapi
from tests.kit.odd_mail import DATES

if TYPE_CHECKING:
    from tests.kit.login import Login

BOUNDS = ("1980-01-01", "2024-02-29 09:00:00", "2024-03-01", "2036-01-01 00:00:00")
# The years in which a server that keeps 32 bits finds them: 1900 in 2036, 2150 in 2013.
NONSENSE = {b"1 Jan 1900 00:00:00 +0000", b"1 Mar 1888 10:00:00 +0000", b"1 Jan 2150 00:00:00 +0000"}


def store(login: Login) -> list[bytes]:
    """Append a message of each date; return the dates that were taken."""
    # pymap ends the session at some of them.
    wanted = [date for date in DATES if login.server.name != "pymap" or (date.strip() and b"\r" not in date)]
    with login.imaplib() as client:
        octets = {date: b"From: a@example.org\r\nDate: %b\r\nSubject: odd\r\n\r\nhello\r\n" % date for date in wanted}
        return [date for date in wanted if client.append("INBOX", "()", None, octets[date])[0] == "OK"]


def test_no_odd_date_is_hidden_from_a_comparison(login: Login) -> None:
    stored = store(login)
    with dbapi.connect(login.url()) as connection, connection.cursor() as cursor:
        sent = dict(cursor.execute("SELECT uid, sent FROM INBOX").fetchall())
        assert len(sent) == len(stored)
        assert all(sent[uid] is None for uid, date in zip(sorted(sent), stored, strict=True) if date in NONSENSE)
        for bound in BOUNDS:
            found = cursor.execute("SELECT uid FROM INBOX WHERE sent < ?", (bound,)).fetchall()
            assert {uid for (uid,) in found} == {uid for uid, moment in sent.items() if moment and moment < bound}
            found = cursor.execute("SELECT uid FROM INBOX WHERE sent >= ? OR seen", (bound,)).fetchall()
            assert {uid for (uid,) in found} == {uid for uid, moment in sent.items() if moment and moment >= bound}
