"""Mail that arrives while a session is open is found by its uid, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imapdb import dbapi

if TYPE_CHECKING:
    from tests.kit.servers import Login


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT subject FROM INBOX WHERE uid = {}",
        "SELECT text FROM INBOX WHERE uid = {}",
        "SELECT attachments FROM INBOX WHERE uid IN ({}, 5000)",
        "SELECT uid FROM INBOX WHERE uid = {}",
        "SELECT count(*) FROM INBOX WHERE uid = {} HAVING count(*)",
        "SELECT email FROM messages WHERE mailbox = 'INBOX' AND uid = {}",
    ],
)
def test_by_its_uid(login: Login, sql: str) -> None:
    with dbapi.connect(login.url()) as connection, connection.cursor() as cursor:
        login.append("INBOX", b"Subject: first\r\n\r\nx\r\n")
        cursor.execute("SELECT uid, subject, text FROM INBOX").fetchall()
        for number in range(3):
            uid = login.append("INBOX", b"Subject: late %d\r\n\r\nx\r\n" % number)
            assert len(cursor.execute(sql.format(uid)).fetchall()) == 1
