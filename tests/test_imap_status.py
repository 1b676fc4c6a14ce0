"""The numbers of mailboxes: by one LIST or by many STATUS, and the same rows either way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from imapdb import dbapi, errors
from imapdb.account import Account
from imapdb.imap import status
from imapdb.imap.connection import Connection
from tests.kit.login import RefusedError, checked
from tests.kit.proxy import Proxy
from tests.kit.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kit.servers import Login, MailServer

BASIC = "IMAP4rev1 LITERAL+"
LISTING = f"{BASIC} LIST-EXTENDED LIST-STATUS"
ALL = "SELECT * FROM mailboxes ORDER BY name"
NAMES = ["with blanks", 'say "hello"', "日本語", "A & B", "100%", "Entwürfe", "'", "Lower", "UPPER"]


def ask(sql: str, *steps: str | bytes, capability: str = LISTING, times: int = 1) -> list[tuple[Any, ...]]:
    script: list[str | bytes] = [
        f"S: * OK [CAPABILITY {capability}] ready",
        "C: LOGIN ...",
        f"S: $tag OK [CAPABILITY {capability}] in",
        *steps,
        "HOLD",
    ]
    with (
        Transcript(script) as server,
        dbapi.connect(Account(server.host, "u", server.port, password="p", tls="none", timeout=5)) as connection,
    ):
        cursor = connection.cursor()
        for _ in range(times):
            rows = cursor.execute(sql).fetchall()
        return rows


def listed(*names: str) -> list[str | bytes]:
    return [*(f'S: * LIST () "/" {name}' for name in names)]


SQL = "SELECT name, messages, unseen FROM mailboxes ORDER BY name"
COMMAND = 'C: LIST "" "*" RETURN (SUBSCRIBED STATUS (MESSAGES UNSEEN))'
PLAIN = 'C: LIST "" "*" RETURN (SUBSCRIBED)'


def test_numbers_come_with_the_list() -> None:
    rows = ask(
        SQL,
        COMMAND,
        *listed("INBOX", '"a \\"b\\""', "&ZeVnLIqe-"),
        b'* LIST () "/" {3}\r\nlit\r\n',
        "S: * STATUS inbox (MESSAGES 1 UNSEEN 2)",
        'S: * STATUS "a \\"b\\"" (messages 3 unseen 4)',
        b"* STATUS {9}\r\n&ZeVnLIqe (MESSAGES 9)\r\n",
        b"* STATUS {10}\r\n&ZeVnLIqe- (UNSEEN 6 MESSAGES 5 X 7)\r\n",
        b"* STATUS {3}\r\nlit (MESSAGES 7 UNSEEN 8)\r\n",
        "S: * STATUS unknown (MESSAGES 1)",
        "S: * STATUS nonsense",
        "S: * STATUS ((((",
        "S: $tag OK",
    )
    assert rows == [("INBOX", 1, 2), ('a "b"', 3, 4), ("lit", 7, 8), ("日本語", 5, 6)]


def test_what_the_list_leaves_out_is_asked_for_alone() -> None:
    rows = ask(
        SQL,
        COMMAND,
        *listed("INBOX", "a", "b"),
        'S: * LIST (\\Noselect) "/" above',
        "S: * STATUS INBOX (MESSAGES 1 UNSEEN 2)",
        "S: $tag OK",
        'C: STATUS "a" (MESSAGES UNSEEN)',
        "S: $tag NO [NOPERM] not yours",
        'C: STATUS "b" (MESSAGES UNSEEN)',
        "S: * STATUS b (MESSAGES 3)",
        "S: $tag OK",
    )
    assert rows == [("INBOX", 1, 2), ("a", None, None), ("above", None, None), ("b", 3, None)]


@pytest.mark.parametrize("refusal", ["NO not today", "BAD what"])
def test_a_list_with_numbers_that_is_refused_is_not_asked_for_again(refusal: str) -> None:
    without = [PLAIN, *listed("a"), "S: $tag OK", 'C: STATUS "a" (MESSAGES UNSEEN)']
    told = ["S: * STATUS a (MESSAGES 1 UNSEEN 2)", "S: $tag OK"]
    rows = ask(SQL, COMMAND, f"S: $tag {refusal}", *without, *told, *without, *told, times=2)
    assert rows == [("a", 1, 2)]


def test_a_list_with_numbers_that_is_refused_for_now_is_asked_for_again() -> None:
    without = [PLAIN, *listed("a"), "S: $tag OK", 'C: STATUS "a" (MESSAGES UNSEEN)', "S: $tag BAD no"]
    told = [COMMAND, *listed("a"), "S: * STATUS a (MESSAGES 1 UNSEEN 2)", "S: $tag OK"]
    assert ask(SQL, COMMAND, "S: $tag NO [UNAVAILABLE] busy", *without, *told, times=2) == [("a", 1, 2)]


def test_a_list_that_is_refused_is_an_error() -> None:
    with pytest.raises(errors.ServerRefused, match="never"):
        ask(SQL, COMMAND, "S: $tag NO never", PLAIN, "S: $tag NO never")


@pytest.mark.parametrize("steps", [[COMMAND], [PLAIN, *listed("a"), "S: $tag OK", 'C: STATUS "a" (MESSAGES UNSEEN)']])
def test_an_answer_out_of_step_is_an_error(steps: list[str | bytes]) -> None:
    capability = LISTING if steps[0] == COMMAND else f"{BASIC} LIST-EXTENDED"
    with pytest.raises(errors.ProtocolError, match="not asked"):
        ask(SQL, *steps, "S: ZZ OK", capability=capability)


@pytest.mark.parametrize(
    ("columns", "capability", "items"),
    [
        ("name, messages", LISTING, "MESSAGES"),
        ("size", LISTING, ""),
        ("highestmodseq", LISTING, ""),
        ("size, messages, highestmodseq", LISTING, "MESSAGES"),
        ("size", f"{LISTING} STATUS=SIZE", "SIZE"),
        ("highestmodseq, uidnext", f"{LISTING} CONDSTORE", "HIGHESTMODSEQ UIDNEXT"),
        ("*", LISTING, "MESSAGES UIDNEXT UIDVALIDITY UNSEEN"),
        ("name, subscribed", LISTING, ""),
    ],
)
def test_only_what_is_read_and_offered_is_asked(columns: str, capability: str, items: str) -> None:
    command = COMMAND.replace("MESSAGES UNSEEN", items) if items else PLAIN
    told = [f"S: * STATUS a ({' '.join(f'{item} 7' for item in items.split())})"] if items else []
    ask(f"SELECT {columns} FROM mailboxes", command, *listed("a"), *told, "S: $tag OK", capability=capability)


def test_without_list_status_there_is_a_status_for_each() -> None:
    rows = ask(
        SQL,
        PLAIN,
        *listed("a", "b"),
        "S: $tag OK",
        'C: STATUS "a" (MESSAGES UNSEEN)',
        'C: STATUS "b" (MESSAGES UNSEEN)',
        b"* STATUS a (MESSAGES 1 UNSEEN 2)\r\nA3 OK\r\n* STATUS b (MESSAGES 3 UNSEEN 4)\r\nA4 OK\r\n",
        capability=f"{BASIC} LIST-EXTENDED",
    )
    assert rows == [("a", 1, 2), ("b", 3, 4)]


# Real servers.


@pytest.fixture
def account(login: Login) -> Login:
    """Mailboxes of every kind of name, with a message or two."""
    with login.imaplib() as client:
        # Courier 5.0 tells the time as the UIDVALIDITY of an INBOX that nobody has opened yet.
        checked(client.select("INBOX", readonly=True))
    for number, name in enumerate(map(login.server.named, NAMES)):
        try:
            login.create(name)
        except RefusedError:
            # The server's own limits.
            continue
        for _ in range(number % 3):
            login.append(name, b"Subject: here\r\n\r\n", ["\\Seen"] if number % 2 else [])
    return login


def unmarked(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Leave out what Dovecot says of a mailbox where it looks into it: whether there is anything new."""
    return [
        tuple(
            value.replace('"\\\\Marked"', "").replace('"\\\\UnMarked"', "") if isinstance(value, str) else value
            for value in row
        )
        for row in rows
    ]


def test_the_same_rows_with_and_without(account: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    with dbapi.connect(account.url()) as connection:
        cursor = connection.cursor()
        together = unmarked(cursor.execute(ALL).fetchall())
        assert cursor.description is not None
        columns = [name for name, *_ in cursor.description]
        assert "LIST-STATUS" not in connection.imap.capabilities or status.can_list_statuses(connection.imap)
        monkeypatch.setattr(status, "can_list_statuses", lambda connection: False)
        alone = unmarked(cursor.execute(ALL).fetchall())
    assert together == alone
    rows = {row["name"]: row for row in (dict(zip(columns, row, strict=True)) for row in together)}
    assert len(rows) > len(NAMES) // 2
    for number, name in enumerate(map(account.server.named, NAMES)):
        if name in rows:
            assert (name, rows[name]["messages"]) == (name, number % 3)
            assert (name, rows[name]["unseen"]) == (name, 0 if number % 2 else number % 3)
            assert rows[name]["uidvalidity"] > 0
            assert isinstance(json.loads(rows[name]["attributes"]), list)


def test_the_numbers_of_the_open_mailbox_are_those_of_now(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    with dbapi.connect(login.url()) as connection:
        cursor = connection.cursor()
        for count in range(1, 7):
            cursor.execute("SELECT count(*) FROM INBOX").fetchall()
            login.append("INBOX", b"Subject: new\r\n\r\n")
            where = " WHERE name = 'INBOX'" if count % 2 else ""
            (inbox, *_) = cursor.execute(f"SELECT name, messages, unseen FROM mailboxes{where}").fetchall()
            assert inbox == ("INBOX", count, count)
            if count == 4:
                monkeypatch.setattr(status, "can_list_statuses", lambda connection: False)


def test_many_mailboxes_are_one_command(
    dovecot_login: Login, dovecot_with: Callable[[str], MailServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    without = dovecot_with("IMAP4rev1 LITERAL+ LIST-EXTENDED SPECIAL-USE STATUS=SIZE CONDSTORE").new_login()
    found = []
    for login, listing, asked in ((dovecot_login, "STATUS", 0), (without, "", 41)):
        for number in range(40):
            login.create(f"m{number}")
        login.append("m7", b"Subject: x\r\n\r\nx\r\n")
        with Proxy(login.host, login.port) as proxy, dbapi.connect(login.through(proxy).url()) as connection:
            connection.imap.ping()
            proxy.delay = 0.005
            proxy.clear()
            sql = "SELECT name, messages, unseen, size FROM mailboxes WHERE messages > 0"
            found.append(connection.cursor().execute(sql).fetchall())
            commands = [command for command in proxy.commands if not command.startswith("NAMESPACE")]
            assert [command.partition(" ")[0] for command in commands] == ["LIST", *["STATUS"] * asked]
            assert ("STATUS (MESSAGES SIZE UNSEEN)" in commands[0]) == bool(listing)
            assert proxy.round_trips <= (6 if asked else 1)
    assert found[0] == found[1] == [("m7", 1, 1, 17)]


def test_a_connection_that_breaks_is_not_noticed(dovecot_login: Login) -> None:
    dovecot_login.create("a")
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        connection = Connection(Account.from_url(dovecot_login.through(proxy).url()))
        right = status.list_with_statuses(connection, ["MESSAGES"])
        assert set(right.statuses) == {"INBOX", "a"}
        proxy.cut()
        assert status.list_with_statuses(connection, ["MESSAGES"]).statuses == right.statuses
        assert connection.opened == 2
        connection.close()
