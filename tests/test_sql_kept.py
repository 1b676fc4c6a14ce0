"""Rows kept for the inner side of a join: found without asking again, and without a whole mailbox in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imapdb import dbapi
from tests.kit.proxy import Proxy

if TYPE_CHECKING:
    from tests.kit.servers import Login


def letter(number: int, answered: int | None = None) -> bytes:
    reply = f"In-Reply-To: <{answered}@x>\r\n" if answered is not None else ""
    return f"Message-ID: <{number}@x>\r\n{reply}Subject: s{number}\r\n\r\n{'x' * number}\r\n".encode()


def test_whole_messages_are_fetched_only_for_the_rows_that_match(dovecot_login: Login) -> None:
    dovecot_login.append_all("INBOX", [letter(number) for number in range(40)])
    dovecot_login.create("Sent")
    dovecot_login.append_all("Sent", [letter(100 + number, answered=number * 9) for number in range(5)])
    sql = """
        SELECT i.subject, length(i.email), json_extract(i.headers, '$."message-id"'), s.subject
          FROM Sent s JOIN INBOX i ON i.message_id = s.in_reply_to ORDER BY s.uid
    """
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        with dbapi.connect(dovecot_login.through(proxy).url()) as connection:
            found = connection.cursor().execute(sql).fetchall()
        whole = [command for command in proxy.commands if "BODY.PEEK[]" in command]
    expected = [
        (f"s{number * 9}", len(letter(number * 9)), f"<{number * 9}@x>", f"s{100 + number}") for number in range(5)
    ]
    assert found == expected
    # Two Filter calls search and fetch; from the third on the rows are kept, and each match is fetched alone.
    assert all(len(command.split()[2].split(",")) == 1 and ":" not in command.split()[2] for command in whole[2:])
    assert len(whole) <= 12


def test_values_that_change_their_type_are_not_taken_for_the_same(dovecot_login: Login) -> None:
    dovecot_login.append_all("INBOX", [letter(number) for number in range(10)])
    with dbapi.connect(dovecot_login.url()) as connection:
        sql = """
            WITH value(v) AS (VALUES (1), (1.0), ('1'), (2), (NULL), (x'31'), (2.5))
            SELECT v, (SELECT count(*) FROM INBOX WHERE uid = v), (SELECT count(*) FROM INBOX WHERE seen = v - 1)
              FROM value
        """
        assert connection.cursor().execute(sql).fetchall() == [
            (1, 1, 10),
            (1.0, 1, 10),
            ("1", 1, 10),
            (2, 1, 0),
            (None, 0, 0),
            (b"1", 0, 10),
            (2.5, 0, 0),
        ]
