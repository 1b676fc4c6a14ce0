"""The Python API: classes, queries, names, errors, threads."""

from __future__ import annotations

import ast
import datetime
import gc
import inspect
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import sqlalchemy as sa

import imapdb
from imapdb import errors
from imapdb.message import Message
from imapdb.sql.columns import COLUMNS
from tests.kit.proxy import Proxy
from tests.kit.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.servers import Login

MAIL = b"From: Anna <anna@example.org>\r\nSubject: %s\r\nDate: Fri, 20 Nov 2026 10:00:00 +0100\r\n\r\nhello\r\n"
NAMES = ("A", "a", "two words", "dots.and-dashes", 'qu"otes', "日本語", "[Gmail]", "Entwürfe & Co", "messages", "it's")


@pytest.fixture
def db(dovecot_login: Login) -> Iterator[imapdb.Database]:
    for number in range(3):
        dovecot_login.append("INBOX", MAIL % b"s%d" % number, ["\\Seen"] if number else [])
    with imapdb.connect(dovecot_login.url()) as opened:
        yield opened


def test_the_annotations_of_message_are_the_registry() -> None:
    (tree,) = ast.parse(inspect.getsource(Message)).body
    assert isinstance(tree, ast.ClassDef)
    named = [
        node.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    assert [name for name in named if not name.startswith("_")] == [column.name for column in COLUMNS]


def test_any_mailbox_name_is_a_table(login: Login) -> None:
    # GreenMail takes A and a for the same mailbox; the dot is its delimiter, which makes "dots" a parent.
    names = [login.server.named(name) for name in NAMES if name != "a" or login.server.name != "greenmail"]
    for number, name in enumerate(names):
        login.create(name)
        login.append(name, MAIL % b"in %d" % number)
    with imapdb.connect(login.url()) as db:
        for number, name in enumerate(names):
            (message,) = db(db[name]).select()
            assert message.subject == f"in {number}"
            assert message.mailbox == name
        tables = {row.name: row.table_name for row in db.execute("SELECT name, table_name FROM mailboxes")}
        big, small, messages = map(login.server.named, ("A", "a", "messages"))
        assert tables[big] == big
        assert tables.get(small, f"{small}~2") == f"{small}~2"
        assert tables[messages] == (messages if login.server.prefix else "messages~2")
        for number, name in enumerate(names):
            quoted = tables[name].replace('"', '""')
            assert db.execute(f'SELECT subject FROM "{quoted}"').scalar() == f"in {number}"
            assert db.execute("SELECT uid FROM messages WHERE mailbox = ?", (name,)).all()


def test_names_of_the_api_win_and_items_are_mailboxes(dovecot_login: Login) -> None:
    dovecot_login.create("close")
    with imapdb.connect(dovecot_login.url()) as db:
        assert callable(db.close)
        assert db["close"].__table__.name == "close"  # type: ignore[attr-defined]
        assert "close" in dir(db)
        assert db["inbox"] is db.INBOX
        with pytest.raises(errors.NoSuchMailbox, match="nowhere"):
            db["nowhere"]
        with pytest.raises(AttributeError, match="nowhere"):
            _ = db.nowhere


def test_a_name_that_only_stands_above_mailboxes_holds_no_messages(dovecot_login: Login) -> None:
    dovecot_login.create("Archive/2024")
    with imapdb.connect(dovecot_login.url()) as db:
        assert "Archive" in db.mailboxes
        said = "mailbox 'Archive' holds no messages, at most other mailboxes"
        with pytest.raises(errors.NoSuchMailbox, match=said):
            db["Archive"]
        with pytest.raises(AttributeError, match=said):
            _ = db.Archive
        assert db(db["Archive/2024"]).count() == 0
        # It may be made one that does.
        dovecot_login.create("Archive")
        assert db(db["Archive"]).count() == 0


def test_a_mailbox_made_meanwhile_is_found(db: imapdb.Database, dovecot_login: Login) -> None:
    assert "Later" not in db.tables
    dovecot_login.create("Later")
    assert db(db["Later"]).count() == 0
    assert db.Later is db["Later"]
    assert "Later" in db.mailboxes
    dovecot_login.create("Later still")
    assert db.execute('SELECT count(*) FROM "Later still"').scalar() == 0


def test_new_mail_is_seen_by_the_next_question(db: imapdb.Database, dovecot_login: Login) -> None:
    assert db(db.INBOX).count() == 3
    dovecot_login.append("INBOX", MAIL % b"new")
    assert db(db.INBOX).count() == 4


def test_typed_rows(db: imapdb.Database) -> None:
    message = db(db.INBOX.subject == "s0").first()
    assert message.seen is False
    assert message.flags == ["\\Recent"]
    assert isinstance(message.size, int)
    assert message.sent == datetime.datetime(2026, 11, 20, 9, tzinfo=datetime.UTC)
    assert message.created.tzinfo is datetime.UTC
    assert message.headers == {
        "from": "Anna <anna@example.org>",
        "subject": "s0",
        "date": "Fri, 20 Nov 2026 10:00:00 +0100",
    }
    assert message.email == MAIL % b"s0"
    assert message.cc is None
    assert repr(message) == f"<INBOX {message.uid}: 's0'>"
    row = db(db.INBOX).select(db.INBOX.seen, db.INBOX.created)[0]
    assert isinstance(row.seen, bool)


def test_objects_are_as_fresh_as_the_last_query(db: imapdb.Database, dovecot_login: Login) -> None:
    held = db(db.INBOX.subject == "s0").first()
    assert held.seen is False
    with dovecot_login.imaplib() as client:
        client.select("INBOX")
        client.uid("STORE", str(held.uid), "+FLAGS", r"(\Seen)")
    again = db(db.INBOX.uid == held.uid).first()
    assert again.seen is True


def test_order_and_limits(db: imapdb.Database) -> None:
    assert [m.subject for m in db(db.INBOX).select()] == ["s2", "s1", "s0"]
    assert [m.subject for m in db(db.INBOX).select(orderby=db.INBOX.subject)] == ["s0", "s1", "s2"]
    assert [m.subject for m in db(db.INBOX).select(orderby=[db.INBOX.seen, db.INBOX.uid.desc()])] == ["s0", "s2", "s1"]
    assert [m.subject for m in db(db.INBOX).select(limitby=(1, 2))] == ["s1"]
    assert db(db.INBOX).select(limitby=(0, 0)) == []
    assert db(db.INBOX).select()[-1].subject == "s0"
    with pytest.raises(errors.ProgrammingError, match="limitby"):
        db(db.INBOX).select(limitby=(2, 1))


def test_a_query_needs_a_mailbox(db: imapdb.Database) -> None:
    for nothing in (sa.true(), None, "seen", 3):
        with pytest.raises(errors.ProgrammingError):
            db(nothing)
    assert db(db.INBOX.uid < 0).isempty()
    assert not db(db.INBOX).isempty()


def test_iteration_streams_and_may_be_left(dovecot_login: Login) -> None:
    dovecot_login.append_all("INBOX", [MAIL % b"m%d" % number for number in range(1500)])
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        url = dovecot_login.through(proxy).url()
        with imapdb.connect(url) as db:
            for message in db(db.INBOX):
                # Another question in the middle, on the same session.
                assert db(db.INBOX.uid <= message.uid).count() == 1500
                break
            asked = sum("FETCH" in command for command in proxy.commands)
            assert asked <= 2
            assert db(db.INBOX).count() == 1500
            assert [m.subject for m in db(db.INBOX)][:2] == ["m1499", "m1498"]


def test_two_questions_at_once_do_not_mix(db: imapdb.Database, dovecot_login: Login) -> None:
    dovecot_login.append_all("INBOX", [MAIL % b"t%d" % number for number in range(600)])
    dovecot_login.create("Other")
    dovecot_login.append_all("Other", [MAIL % b"o%d" % number for number in range(600)])
    pairs = zip(db(db.INBOX.uid > 3), db(db["Other"]), strict=True)
    found = [(one.subject, other.subject) for one, other in pairs]
    assert found == [(f"t{number}", f"o{number}") for number in reversed(range(600))]


def test_days_are_local_days(db: imapdb.Database) -> None:
    inbox = db.INBOX
    today = datetime.date.today()  # noqa: DTZ011 - the user's day
    yesterday, tomorrow = today - datetime.timedelta(days=1), today + datetime.timedelta(days=1)
    expected = {
        "==": (inbox.created == today, 3),
        "!=": (inbox.created != today, 0),
        "<": (inbox.created < today, 0),
        "<=": (inbox.created <= today, 3),
        ">": (inbox.created > today, 0),
        "> yesterday": (inbox.created > yesterday, 3),
        ">=": (inbox.created >= today, 3),
        "between": (inbox.created.between(yesterday, today), 3),
        "not between": (~inbox.created.between(yesterday, today), 0),
        "in": (inbox.created.in_([yesterday, today]), 3),
        "not in": (inbox.created.not_in([tomorrow]), 3),
        "aware": (inbox.created > datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1), 0),
        "naive": (inbox.created < datetime.datetime.now() + datetime.timedelta(hours=1), 3),  # noqa: DTZ005
    }
    for name, (condition, count) in expected.items():
        assert db(condition).count() == count, name


def test_writes_are_refused_and_nothing_is_sent(dovecot_login: Login) -> None:
    uid = dovecot_login.append("INBOX", MAIL % b"keep")
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        url = dovecot_login.through(proxy).url()
        with imapdb.connect(url) as db:
            for sql in ("UPDATE INBOX SET seen = 1", "DELETE FROM INBOX", "INSERT INTO INBOX (subject) VALUES ('x')"):
                with pytest.raises(errors.NotSupportedError, match="only reads"):
                    db.execute(sql)
            assert db(db.INBOX).select(db.INBOX.uid) == [(uid,)]
        assert not any(word in command.split() for command in proxy.commands for word in ("STORE", "EXPUNGE", "APPEND"))


def test_errors_are_ours_and_leave_the_database_usable(db: imapdb.Database) -> None:
    with pytest.raises(errors.ProgrammingError, match="nosuch"):
        db.execute("SELECT nosuch FROM INBOX")
    with pytest.raises(errors.ProgrammingError, match="syntax"):
        db.execute("SELEC 1")
    assert db(db.INBOX).count() == 3


def test_a_wrong_password_says_so_without_it(dovecot_login: Login) -> None:
    url = replace(dovecot_login, password="s3cr3t-guess").url()
    with imapdb.connect(url) as db, pytest.raises(errors.AuthenticationFailed) as caught:
        db(db.INBOX).count()
    assert "s3cr3t-guess" not in repr(caught.value)
    assert "s3cr3t-guess" not in repr(db)
    assert "s3cr3t-guess" not in repr(db.account)
    assert "s3cr3t-guess" not in repr(db.engine)


def test_a_name_that_differs_in_case_never_changes_a_table(dovecot_login: Login) -> None:
    dovecot_login.create("a")
    dovecot_login.append("a", MAIL % b"in small a")
    with imapdb.connect(dovecot_login.url()) as db:
        assert [m.subject for m in db(db["a"]).select()] == ["in small a"]
        dovecot_login.create("A")
        dovecot_login.append("A", MAIL % b"in capital A")
        assert [m.subject for m in db(db["A"]).select()] == ["in capital A"]
        assert [m.subject for m in db(db["a"]).select()] == ["in small a"]
        tables = {row.name: row.table_name for row in db.execute("SELECT name, table_name FROM mailboxes")}
        assert (tables["a"], tables["A"]) == ("a", "A~2")


def test_a_number_names_a_mailbox(dovecot_login: Login) -> None:
    dovecot_login.create("5")
    with imapdb.connect(dovecot_login.url()) as db:
        for sql in ("name = 5", "name = '5'", "name IN (5, 6)", "name LIKE '5'"):
            assert db.execute(f"SELECT name FROM mailboxes WHERE {sql}").scalars().all() == ["5"]
        assert db.execute("SELECT name FROM mailboxes WHERE name = 5.0").all() == []


def test_every_way_of_reading_gives_its_session_back(db: imapdb.Database) -> None:
    pool = db.engine.pool
    assert isinstance(pool, sa.pool.QueuePool)
    for _ in db(db.INBOX):
        break
    gc.collect()
    assert pool.checkedout() == 0
    result = db.execute("SELECT subject FROM INBOX")
    assert result.fetchone() is not None
    assert db(db.INBOX).count() == 3
    assert pool.checkedout() == 1
    assert len(result.all()) == 2
    del result
    assert db(db.INBOX).count() == 3
    assert pool.checkedout() == 0
    for _ in range(20):
        db.execute("SELECT subject FROM INBOX").fetchone()
    gc.collect()
    assert db(db.INBOX).count() == 3
    assert pool.checkedout() == 0


def test_a_message_refuses_to_be_changed(db: imapdb.Database) -> None:
    message = db(db.INBOX).first()
    with pytest.raises(errors.NotSupportedError, match="only reads"):
        message.seen = True
    assert db(db.INBOX).count() == 3


def test_a_closed_database_says_so(db: imapdb.Database) -> None:
    query = db(db.INBOX)
    db.close()
    for use in (query.count, lambda: db.execute("SELECT 1"), lambda: list(query), lambda: db["INBOX2"]):
        with pytest.raises(errors.InterfaceError, match="closed"):
            use()


def test_colons_in_a_text_are_text(db: imapdb.Database) -> None:
    assert db.execute("SELECT count(*) FROM INBOX WHERE subject LIKE '% :urgent%'").scalar() == 0
    assert db.execute("SELECT count(*) FROM INBOX WHERE subject = :one", {"one": "s1"}).scalar() == 1


def test_attaching_needs_a_file(db: imapdb.Database, tmp_path: Path) -> None:
    with pytest.raises(errors.OperationalError, match="not a file"):
        db.attach("crm", tmp_path / "typo.db")
    assert not (tmp_path / "typo.db").exists()
    assert db(db.INBOX).count() == 3


def test_the_ends_of_time(db: imapdb.Database) -> None:
    assert db(db.INBOX.created < datetime.date.max).count() == 3
    assert db(db.INBOX.created > datetime.date.min).count() == 3
    assert db(db.INBOX.created == datetime.date.max).count() == 0
    assert db(db.INBOX.created > pd.Timestamp("2020-01-01")).count() == 3


def test_flags_that_change_after_the_search_are_the_newer_ones() -> None:
    script = """
        S: * OK [CAPABILITY IMAP4rev1] Dovecot
        C: LOGIN ...
        S: $tag OK [CAPABILITY IMAP4rev1] in
        C: EXAMINE "INBOX"
        S: * 2 EXISTS
        S: * OK [UIDVALIDITY 7]
        S: $tag OK
        C: UID SEARCH UNSEEN
        S: * SEARCH 1 2
        S: $tag OK
        C: UID FETCH 1:2 (UID FLAGS)
        S: * 1 FETCH (UID 1 FLAGS (\\Seen))
        S: * 2 FETCH (UID 2 FLAGS ())
        S: $tag OK
        HOLD
    """
    with Transcript(script) as server, imapdb.connect(f"imap://u:p@{server.host}:{server.port}/") as db:
        (row,) = db.execute("SELECT uid, seen, flags FROM INBOX WHERE seen = 0")
        assert tuple(row) == (2, 0, "[]")


def test_an_answer_beyond_the_uids_asked_for_is_cut() -> None:
    script = """
        S: * OK [CAPABILITY IMAP4rev1] ready
        C: LOGIN ...
        S: $tag OK [CAPABILITY IMAP4rev1] in
        C: EXAMINE "INBOX"
        S: * OK [UIDVALIDITY 7]
        S: $tag OK
        C: UID SEARCH UID 1:499
        S: * SEARCH 1 999
        S: $tag OK
        HOLD
    """
    with Transcript(script) as server, imapdb.connect(f"imap://u:p@{server.host}:{server.port}/") as db:
        assert db.execute("SELECT uid FROM INBOX WHERE uid < 500").all() == [(1,)]


def test_a_mailbox_that_cannot_be_read_is_left_out_of_messages() -> None:
    script = """
        S: * OK [CAPABILITY IMAP4rev1] ready
        C: LOGIN ...
        S: $tag OK [CAPABILITY IMAP4rev1] in
        C: LSUB ...
        S: $tag OK
        C: LIST "" "*"
        S: * LIST () "/" INBOX
        S: * LIST () "/" Shared
        S: $tag OK
        C: EXAMINE "INBOX"
        S: * OK [UIDVALIDITY 7]
        S: $tag OK
        C: UID SEARCH ALL
        S: * SEARCH 1 2
        S: $tag OK
        C: EXAMINE "Shared"
        S: $tag NO [NOPERM] not yours
        C: UID SEARCH ALL
        S: $tag BAD no mailbox
        HOLD
    """
    with (
        Transcript(script) as server,
        imapdb.connect(f"imap://u:p@{server.host}:{server.port}/") as db,
        pytest.warns(errors.UnreadableMailbox, match="Shared"),
    ):
        assert db.execute("SELECT count(*) FROM messages").scalar() == 2


def test_threads_share_a_database(db: imapdb.Database) -> None:
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(db(db.INBOX).count())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [3] * 8


def test_a_connection_cut_between_questions_is_not_noticed(dovecot_login: Login) -> None:
    dovecot_login.append("INBOX", MAIL % b"here")
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        url = dovecot_login.through(proxy).url()
        with imapdb.connect(url) as db:
            for _ in range(3):
                assert [m.subject for m in db(db.INBOX)] == ["here"]
                proxy.cut()


def test_importing_imapdb_leaves_the_standard_mailbox_alone() -> None:
    import mailbox  # noqa: PLC0415

    assert hasattr(mailbox, "Maildir")


def test_the_public_names_are_sorted_and_there() -> None:
    assert imapdb.__all__ == sorted(imapdb.__all__)
    for name in imapdb.__all__:
        assert getattr(imapdb, name) is not None
    with pytest.raises(AttributeError):
        _ = imapdb.nothing_of_the_kind
