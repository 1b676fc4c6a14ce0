"""Texts and structures: what is asked of the server for them, and what comes of a server that does not help."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

import imapdb
from imapdb import dbapi, errors
from imapdb.account import Account
from imapdb.imap import tokens
from imapdb.sql import bodies
from tests.kit.faulty import Act, FaultyServer, Held, Reply
from tests.kit.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kit.servers import Login

KILO = 1000
HEAD = b"Subject: s\r\nMIME-Version: 1.0\r\n"
FETCH = re.compile(r"UID FETCH (\S+) \((.*)\)$")


def plain(text: bytes) -> bytes:
    return HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text


def mixed(text: bytes, size: int, *, html: bytes = b"") -> bytes:
    """A message with an attachment of about that many octets."""
    said = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text
    if html:
        inner = b"--i\r\n" + said + b"\r\n--i\r\nContent-Type: text/html\r\n\r\n" + html + b"\r\n--i--\r\n"
        said = b'Content-Type: multipart/alternative; boundary="i"\r\n\r\n' + inner
    data = base64.encodebytes(b"\xff" * (size * 3 // 4)).replace(b"\n", b"\r\n")
    file = b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
    file += b"Content-Transfer-Encoding: base64\r\n\r\n" + data
    return (
        HEAD
        + b'Content-Type: multipart/mixed; boundary="o"\r\n\r\n--o\r\n'
        + said
        + b"\r\n--o\r\n"
        + file
        + b"--o--\r\n"
    )


def fetched(proxy: Proxy) -> list[tuple[str, str]]:
    return [(found[1], found[2]) for command in proxy.commands if (found := FETCH.search(command))]


def rows(login: Login, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with dbapi.connect(login.url()) as connection, connection.cursor() as cursor:
        return cursor.execute(sql, parameters).fetchall()


def asked(login: Login, sql: str) -> tuple[list[tuple[Any, ...]], list[tuple[str, str]]]:
    with Proxy(login.host, login.port) as proxy:
        return rows(login.through(proxy), sql), fetched(proxy)


def test_a_small_message_comes_whole_and_of_a_large_one_its_texts(dovecot_login: Login) -> None:
    mail = [
        plain(b"one"),
        mixed(b"two", 50 * KILO),
        mixed(b"three", 50 * KILO, html=b"<p>3"),
        mixed(b"four", 50 * KILO),
    ]
    dovecot_login.append_all("INBOX", mail)
    found, commands = asked(dovecot_login, "SELECT uid, text FROM INBOX")
    assert found == [(1, "one"), (2, "two"), (3, "three"), (4, "four")]
    assert commands == [
        ("1:4", "UID RFC822.SIZE"),
        ("1", "UID BODY.PEEK[]"),
        ("2:4", "UID BODYSTRUCTURE"),
        # Where the texts stand in the same place they are asked for together.
        ("2,4", "UID BODY.PEEK[1]"),
        ("3", "UID BODY.PEEK[1.1]"),
    ]


def test_what_is_written_plainly_needs_no_structure_where_the_server_tells_it_so(dovecot_login: Login) -> None:
    odd = mixed(b"odd", 3 * KILO).replace(b"filename=a.pdf", b'filename="=?utf-8?q?a?="')
    dovecot_login.append_all("INBOX", [mixed(b"small", 3 * KILO), odd, mixed(b"large", 50 * KILO)])
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        found = rows(dovecot_login.through(proxy), "SELECT text, attachments FROM INBOX")
        commands = fetched(proxy)
    assert [text for text, _ in found] == ["small", "odd", "large"]
    assert [json.loads(listed)[0]["filename"] for _, listed in found] == ["a.pdf", "a", "a.pdf"]
    assert commands == [
        ("1:3", "UID RFC822.SIZE"),
        ("1:2", "UID BODY.PEEK[]"),
        ("3", "UID BODYSTRUCTURE"),
        ("2", "UID BODYSTRUCTURE"),
        ("3", "UID BODY.PEEK[1]"),
    ]


@pytest.mark.parametrize(
    ("columns", "sections"),
    [
        ("text", "BODY.PEEK[1.1]"),
        ("html", "BODY.PEEK[1.2]"),
        ("text, html", "BODY.PEEK[1.1] BODY.PEEK[1.2]"),
        ("content", "BODY.PEEK[1.1] BODY.PEEK[1.2]"),
        ("content, html", "BODY.PEEK[1.1] BODY.PEEK[1.2]"),
    ],
)
def test_only_the_parts_that_are_read_travel(dovecot_login: Login, columns: str, sections: str) -> None:
    dovecot_login.append("INBOX", mixed(b"x", 50 * KILO, html=b"<p>y"))
    (row,), commands = asked(dovecot_login, f"SELECT {columns} FROM INBOX")
    assert commands[-1] == ("1", f"UID {sections}")
    values = {
        "text": "x",
        "html": "<p>y",
        "content": json.dumps([{"mime": "text/plain", "text": "x"}, {"mime": "text/html", "text": "<p>y"}]),
    }
    assert row == tuple(values[name] for name in columns.split(", "))


def test_a_list_of_attachments_moves_none_of_them(dovecot_login: Login) -> None:
    """Two thousand messages of 30 kB."""
    letter = mixed(b"said " * 100, 30 * KILO)
    uids = dovecot_login.append_all("INBOX", [letter] * 2000)
    assert len(letter) * len(uids) > 60 * KILO * KILO
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        login = dovecot_login.through(proxy)
        found = rows(login, "SELECT uid, attachments FROM INBOX")
        assert [uid for uid, _ in found] == uids
        assert {json.loads(listed)[0]["filename"] for _, listed in found} == {"a.pdf"}
        assert proxy.octets_down < KILO * KILO
        proxy.clear()
        assert rows(login, "SELECT count(*), min(size) > 20000 FROM attachments WHERE mailbox = 'INBOX'") == [(2000, 1)]
        assert proxy.octets_down < KILO * KILO


def test_the_text_of_large_messages_costs_little_more_than_the_text(dovecot_login: Login) -> None:
    said = b"a line of what somebody has to say\r\n" * 150
    uids = dovecot_login.append_all("INBOX", [mixed(said, 100 * KILO)] * 50)
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        found = rows(dovecot_login.through(proxy), "SELECT uid, text FROM INBOX")
        assert [uid for uid, _ in found] == uids
        assert proxy.octets_down < 1.2 * len(said) * len(uids)


def test_a_limit_asks_for_no_more(dovecot_login: Login) -> None:
    dovecot_login.append_all("INBOX", [mixed(b"%d" % n, 20 * KILO) for n in range(30)])
    found, commands = asked(dovecot_login, "SELECT uid, text FROM INBOX ORDER BY uid DESC LIMIT 3")
    assert found == [(30, "29"), (29, "28"), (28, "27")]
    assert {uids for uids, _ in commands} == {"28:30"}


def test_more_messages_than_are_told_at_once(dovecot_login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "FIRST_PIECE", 3)
    monkeypatch.setattr(bodies, "SIZES_AT_ONCE", 7)
    monkeypatch.setattr(bodies, "LARGEST_PIECE", 4)
    mail = [mixed(b"%d" % n, 20 * KILO) if n % 3 else plain(b"%d" % n) for n in range(40)]
    uids = dovecot_login.append_all("INBOX", mail)
    wanted = [(uid, str(n), "[]" if n % 3 == 0 else "a.pdf") for n, uid in enumerate(uids)]
    found = rows(dovecot_login, "SELECT uid, text, attachments FROM INBOX")
    assert [(u, t, a if a == "[]" else json.loads(a)[0]["filename"]) for u, t, a in found] == wanted


def test_what_is_read_late_is_fetched_late(dovecot_login: Login) -> None:
    """MATCH decides on the text without reading it; then the text is wanted all the same, from some row on."""
    mail = [mixed(b"budget %d" % n, 20 * KILO) if n % 2 else plain(b"budget %d" % n) for n in range(6)]
    dovecot_login.append_all("INBOX", [*mail, plain(b"other")])
    sql = "SELECT uid, CASE WHEN uid > 2 THEN text END FROM INBOX WHERE text MATCH 'budget'"
    assert rows(dovecot_login, sql) == [(1, None), (2, None), *((n + 1, f"budget {n}") for n in range(2, 6))]
    sql = "SELECT uid, CASE WHEN uid > 2 THEN text END, CASE WHEN uid > 4 THEN attachments END <> '[]' FROM INBOX"
    assert rows(dovecot_login, f"{sql} WHERE text MATCH 'budget'")[3:] == [
        (4, "budget 3", None),
        (5, "budget 4", 0),
        (6, "budget 5", 1),
    ]


def test_the_inner_side_of_a_join(dovecot_login: Login) -> None:
    dovecot_login.append_all("INBOX", [mixed(b"%d" % n, 20 * KILO, html=b"<p>h") for n in range(8)])
    sql = "SELECT a.uid, b.text, b.html, b.attachments <> '[]' FROM INBOX a JOIN INBOX b ON b.uid = a.uid + 1"
    assert rows(dovecot_login, sql) == [(n, str(n), "<p>h", 1) for n in range(1, 8)]


@pytest.mark.parametrize("column", ["text", "html"])
def test_a_join_on_a_text(dovecot_login: Login, column: str) -> None:
    """The rows of the inner side are kept without their texts, so that no index can be made of these."""
    for n in range(8):
        html = f"<p>{n}".encode()
        subject = f"{n}" if column == "text" else f"<p>{n}"
        letter = mixed(b"%d" % n, 20 * KILO, html=html).replace(b"Subject: s", b"Subject: " + subject.encode())
        dovecot_login.append("INBOX", letter)
    sql = f"SELECT a.uid, b.uid FROM INBOX a JOIN INBOX b ON b.{column} = a.subject"
    assert sorted(rows(dovecot_login, sql)) == [(n, n) for n in range(1, 9)]
    sql = f"SELECT count(*) FROM INBOX a WHERE EXISTS (SELECT 1 FROM INBOX b WHERE b.{column} = a.subject)"
    assert rows(dovecot_login, sql) == [(8,)]


def test_more_texts_than_a_command_can_name(dovecot_login: Login) -> None:
    part = b"--b\r\n\r\nx\r\n"
    many = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 6000 + b"--b--\r\n"
    dovecot_login.append_all("INBOX", [plain(b"one"), many, plain(b"two")])
    found, commands = asked(dovecot_login, "SELECT uid, length(text) FROM INBOX")
    assert found == [(1, 3), (2, 3 * 6000 - 2), (3, 3)]
    assert max(len(items) for _, items in commands) < KILO


def test_parts_of_many_places_deadlock_nobody(dovecot_login: Login) -> None:
    """Commands are written while the server writes answers: neither side may have to wait for the other."""
    part = b"--b\r\n\r\nx\r\n--b\r\nContent-Type: application/x-%d\r\n\r\n\r\n"
    letters = [
        HEAD
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"".join(b"--b\r\nContent-Type: a/b\r\n\r\n\r\n" * ((n * 7 + m) % 3) + part % m for m in range(40))
        + b"--b\r\nContent-Type: a/b\r\n\r\n"
        + b"y" * 20 * KILO
        + b"\r\n--b--\r\n"
        for n in range(120)
    ]
    uids = dovecot_login.append_all("INBOX", letters)
    assert rows(dovecot_login, "SELECT uid, length(text) FROM INBOX") == [(uid, 3 * 40 - 2) for uid in uids]


def test_a_large_limit_is_no_large_window(dovecot_login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LARGEST_PIECE", 5)
    dovecot_login.append_all("INBOX", [mixed(b"%d" % n, 20 * KILO) for n in range(30)])
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy, dbapi.connect(dovecot_login.through(proxy).url()) as c:
        cursor = c.cursor().execute("SELECT uid, text FROM INBOX ORDER BY uid LIMIT 20")
        assert cursor.fetchone() == (1, "0")
        assert [uids for uids, items in fetched(proxy) if "BODY.PEEK[1]" in items] == ["1:5"]
        assert len(cursor.fetchall()) == 19
        cursor.close()


# Servers that tell no structure, or one that cannot be used.


MAIL = {"INBOX": [Held(uid, f"in {uid}", 100 + uid) for uid in range(1, 7)]}
GOOD = [(uid, "Hello.\n", "us-ascii", "[]") for uid in range(1, 7)]
SQL = "SELECT uid, text, encoding, attachments FROM INBOX"


def told(structure: bytes) -> Callable[[Reply], Iterator[bytes]]:
    """Tell another structure of every message."""

    def play(reply: Reply) -> Iterator[bytes]:
        yield re.sub(rb"BODYSTRUCTURE \(.*?\)(?=[ )])", lambda _: structure, reply.whole)

    return play


@pytest.fixture(params=[0, 103, 1000], ids=["large", "some large", "small"])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SMALL", request.param)


@pytest.mark.parametrize(
    "structure",
    [
        b"BODYSTRUCTURE NIL",
        b"BODYSTRUCTURE ()",
        b'BODYSTRUCTURE "text"',
        b'BODYSTRUCTURE ((NIL "x") "mixed")',
        b"BODYSTRUCTURE " + b"(" * 300 + b")" * 300,
        b"BODYSTRUCTURE (" + rb"\x " * 2_001 + b")",
    ],
    ids=["NIL", "empty", "a text", "nonsense", "deep", "long"],
)
def test_a_structure_that_cannot_be_used(structure: bytes, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_TOKENS", 2_000)
    with FaultyServer(MAIL) as server, imapdb.connect(account_of(server)) as db:
        server.arm("UID FETCH", told(structure))
        assert [tuple(row) for row in db.execute(SQL)] == GOOD
        assert [tuple(row) for row in db.execute("SELECT uid, encoding FROM INBOX")] == [(u, e) for u, _, e, _ in GOOD]


def test_a_structure_that_is_not_told(small: None) -> None:
    with FaultyServer(MAIL) as server, imapdb.connect(account_of(server)) as db:
        server.arm("UID FETCH", told(b"X-NONE NIL"))
        assert [tuple(row) for row in db.execute(SQL)] == GOOD


def test_parts_that_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told twice without a part, the row has no text, and says so."""
    monkeypatch.setattr(bodies, "SMALL", 0)
    with FaultyServer(MAIL) as server, imapdb.connect(account_of(server)) as db:
        server.arm("UID FETCH", lambda reply: iter([re.sub(rb" BODY\[1\] \{8\}\r\nHello\.\r\n", b"", reply.whole)]))
        found = [tuple(row) for row in db.execute("SELECT uid, text, problems FROM INBOX")]
        assert [(uid, text) for uid, text, _ in found] == [(uid, None) for uid, *_ in GOOD]
        assert all("parts: not told, or not readable" in json.loads(problems) for _, _, problems in found)


@pytest.mark.parametrize("uid", [1, 3, 6])
def test_a_message_that_is_gone_before_its_text_is_told(uid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SMALL", 0)

    def without(reply: Reply) -> Iterator[bytes]:
        yield from (line for line in reply.said if b"(UID %d BODY[1]" % uid not in line)
        yield reply.end

    with FaultyServer(MAIL) as server, imapdb.connect(account_of(server)) as db:
        server.arm("UID FETCH", without)
        assert [tuple(row) for row in db.execute(SQL)] == [row for row in GOOD if row[0] != uid]


def test_a_message_whose_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """GreenMail answers NO to the parts of some odd mail, and tells all of it."""
    monkeypatch.setattr(bodies, "SMALL", 0)

    def refused(reply: Reply) -> Iterator[bytes]:
        is_odd = any(b"(UID 3 BODY[1]" in line for line in reply.said)
        yield reply.ended(b"NO cannot") if is_odd else reply.whole

    with FaultyServer(MAIL) as server, imapdb.connect(account_of(server)) as db:
        server.arm("UID FETCH", refused)
        assert [tuple(row) for row in db.execute(SQL)] == GOOD


@pytest.mark.parametrize("uid", [1, 3, 6])
def test_a_message_of_whose_text_nothing_is_told_but_nil(uid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """So Dovecot tells of what is gone."""
    monkeypatch.setattr(bodies, "SMALL", 0)

    def play(reply: Reply) -> Iterator[bytes]:
        yield reply.whole.replace(b"(UID %d BODY[1] {8}\r\nHello.\r\n" % uid, b"(UID %d BODY[1] NIL" % uid)

    with FaultyServer(MAIL) as server, imapdb.connect(account_of(server)) as db:
        server.arm("UID FETCH", play)
        found = [tuple(row) for row in db.execute(SQL)]
        assert [row for row in found if row[0] != uid] == [row for row in GOOD if row[0] != uid]
        assert [row[1] for row in found if row[0] == uid] in ([], [None])


def test_a_mailbox_rebuilt_between_structure_and_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SMALL", 0)
    with FaultyServer(MAIL) as server, imapdb.connect(account_of(server)) as db:
        assert [tuple(row) for row in db.execute(SQL)] == GOOD

        def rebuilt(reply: Reply) -> Iterator[Any]:
            if b"BODYSTRUCTURE" in reply.whole:
                server.uidvalidity = 8
                yield reply.whole
            elif b"BODY[1]" in reply.whole and server.uidvalidity == 8 and not cut:
                cut.append(True)
                yield Act.CLOSE
            else:
                yield reply.whole

        cut: list[bool] = []
        server.arm("UID FETCH", rebuilt)
        with pytest.raises(errors.StaleMailbox):
            db.execute(SQL).all()


def account_of(server: FaultyServer) -> Account:
    return Account(server.host, "u", server.port, password="p", tls="none", timeout=5)
