"""Faults: what a server or a line does wrong, and what comes of it. Never a wrong row, and always an end.

Each case is one line of tests/kit/faults.py: what happens to the answer of which command, once or every time, and
what is allowed to come of it: the right rows after a silent repetition, rows with NULL where nothing can be read, the
rows of all other mailboxes and a warning, or one error that says what happened. It is tried on a stream of FETCHes
alone and on whole statements; time and memory are bounded, and the next statement works. The table of outcomes is
printed at the end of the run.
"""

from __future__ import annotations

import dataclasses
import json
import re
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import imapdb
from imapdb import errors
from imapdb.account import Account
from imapdb.imap import fetch, patience
from imapdb.imap.connection import Connection
from imapdb.imap.fetch import FetchStream, Items
from imapdb.imap.mailboxes import Mailbox
from imapdb.sql import bodies
from tests.kit.faults import CASES, LEFT_OUT, LOST, MALFORMED, STALE, Case, instead, literal, second
from tests.kit.faulty import Act, FaultyServer, Held, Reply, Step
from tests.kit.proxy import Proxy
from tests.kit.told import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.kit.servers import Login

TIMEOUT = 0.4
# The first wait, a second one after the repetition, and what a busy machine takes for the rest.
PATIENCE = 30.0
MEGABYTES = 150

INBOX = Mailbox("INBOX", b"INBOX", "/", (), None)
MAIL = {
    "INBOX": [Held(uid, f"in {uid}", 100 + uid, "\\Seen" if uid % 2 else "") for uid in range(1, 7)],
    "Archive": [Held(uid, f"old {uid}", 200 + uid) for uid in range(3, 9)],
}
Row = tuple[object, ...]


# What is run: a level names what is read, and gives the rows there should be.


def stream_rows(server: FaultyServer) -> tuple[Callable[[], list[Row]], Callable[[], None]]:
    connection = Connection(account_of(server))

    def run() -> list[Row]:
        items = Items(flags=True, size=True, fields=frozenset({b"SUBJECT"}))
        stream = FetchStream(connection, INBOX, range(1, 7), items, uidvalidity=7)
        found: list[Row] = []
        try:
            while (message := stream.next()) is not None:
                header = message.header
                subject = None if header is None else header.decode().removeprefix("Subject: ").strip()
                found.append((message.uid, subject, message.size))
        finally:
            stream.close()
        return found

    return run, connection.close


def statement_rows(sql: str) -> Callable[[FaultyServer], tuple[Callable[[], list[Row]], Callable[[], None]]]:
    def level(server: FaultyServer) -> tuple[Callable[[], list[Row]], Callable[[], None]]:
        db = imapdb.connect(account_of(server))
        return lambda: sorted(tuple(row) for row in db.execute(sql)), db.close

    return level


def account_of(server: FaultyServer) -> Account:
    return Account(server.host, "u", server.port, password="p", tls="none", timeout=TIMEOUT)


LEVELS: dict[str, tuple[Callable[[FaultyServer], tuple[Callable[[], list[Row]], Callable[[], None]]], list[Row]]] = {
    "FETCH": (stream_rows, [(held.uid, held.subject, held.size) for held in MAIL["INBOX"]]),
    "table": (
        statement_rows("SELECT uid, subject, size FROM INBOX WHERE size > 10"),
        [(held.uid, held.subject, held.size) for held in MAIL["INBOX"]],
    ),
    "texts": (
        statement_rows("SELECT uid, subject, size, text, encoding FROM INBOX WHERE size > 10"),
        [(held.uid, held.subject, held.size, "Hello.\n", "us-ascii") for held in MAIL["INBOX"]],
    ),
    "join": (
        statement_rows("SELECT i.uid, a.uid, i.subject, a.size FROM INBOX i JOIN Archive a ON a.uid = i.uid"),
        [(i.uid, a.uid, i.subject, a.size) for i in MAIL["INBOX"] for a in MAIL["Archive"] if i.uid == a.uid],
    ),
    "messages": (
        statement_rows("SELECT mailbox, uid, subject, size FROM messages"),
        sorted((name, held.uid, held.subject, held.size) for name, mail in MAIL.items() for held in mail),
    ),
}

OUTCOMES: dict[str, dict[str, str]] = {}


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """Write the outcomes, for the summary of the run."""
    yield
    if not OUTCOMES:
        return
    width = max(map(len, OUTCOMES))
    lines = SECTIONS["faults"] = [f"{'':{width}}  " + "  ".join(f"{level:14}" for level in LEVELS)]
    for name, by_level in OUTCOMES.items():
        came = "  ".join(f"{by_level.get(level, ''):14}" for level in LEVELS)
        lines.append(f"{name:{width}}  {came}".rstrip())


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less before what was refused for now is asked again, and take half of the messages for large."""
    monkeypatch.setattr(patience, "PAUSES", (0.01, 0.02, 0.05))
    monkeypatch.setattr(bodies, "SMALL", 103)


@pytest.fixture
def bounded() -> Iterator[None]:
    """Assert that what is done ends in time and in little memory, and leaves no thread and no socket."""
    threads, sockets = threading.active_count(), _sockets()
    held = _resident()
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < PATIENCE
    assert _peak() - held < MEGABYTES * 1024
    assert (threading.active_count(), _sockets()) == (threads, sockets)


def _sockets() -> int:
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except FileNotFoundError:
            # The descriptor of the listing itself.
            continue
    return sum(link.startswith("socket:") for link in links)


def _resident() -> int:
    """Give the resident memory in KiB, and have the peak measured from here."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    match = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert match is not None
    return int(match[1])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault(bounded: None, case: Case, level: str) -> None:
    begin, right = LEVELS[level]
    outcomes = OUTCOMES.setdefault(case.name, {})
    if level == "FETCH" and case.command == "UID SEARCH":
        outcomes[level] = "-"
        return
    with FaultyServer(MAIL) as server:
        run, close = begin(server)
        try:
            if level != "FETCH" or case.command != "EXAMINE":
                # The mailboxes are listed and the session is open: the fault befalls a statement like any other.
                assert run() == right
            server.arm(case.armed, case.play, case.times)
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always", errors.UnreadableMailbox)
                came = outcome(run)
            outcomes[level] = type(came).__name__ if isinstance(came, errors.Error) else "right rows"
            left_out = case.left_out if level == "messages" else ()
            assert [warning.message.mailbox for warning in warned] == list(left_out)  # type: ignore[union-attr]
            if left_out and len(left_out) < len(MAIL):
                outcomes[level] = "the rest"
                assert came == [row for row in right if row[0] not in left_out]
            elif case.of and level in ("FETCH", "table", "texts"):
                # These read the other one.
                outcomes[level] = "-"
                assert came == right
            elif case.error is not None and (level != "texts" or came != right):
                # Of texts the first answers hold no literal that could be wrong.
                assert type(came) is case.error, came
                assert re.search(case.says, str(came))
                assert came.command == case.command
            else:
                assert isinstance(came, list), f"{came!r} instead of rows"
                if case.gaps:
                    outcomes[level] = "NULL for it"
                    # Of texts there are three answers: sizes, whole messages, structures.
                    assert_nothing_wrong(came, right, 3 if level == "texts" else 1)
                else:
                    assert came == right
            server.disarm()
            assert run() == right
        finally:
            close()


def test_what_was_not_told_is_said_in_problems(bounded: None) -> None:
    sql = "SELECT uid, size, subject, problems FROM INBOX ORDER BY uid"
    without = "{}: not told, or not readable".format
    with FaultyServer(MAIL) as server, imapdb.connect(account_of(server)) as db:
        good = [tuple(row) for row in db.execute(sql)]
        # This server never tells a date.
        assert {row[3] for row in good} == {json.dumps([without("INTERNALDATE")])}
        server.arm(LEFT_OUT.armed, LEFT_OUT.play, 100)
        odd = [tuple(row) for row in db.execute(sql)]
        lost = json.dumps([without("RFC822.SIZE"), without("INTERNALDATE")])
        # The second of those that come whole, and of those whose structure is told.
        assert odd == [
            (uid, None, subject, lost) if uid in (2, 5) else (uid, size, subject, told)
            for uid, size, subject, told in good
        ]
        server.disarm()
        assert [tuple(row) for row in db.execute(sql)] == good


def outcome(run: Callable[[], list[Row]]) -> list[Row] | errors.Error:
    try:
        return run()
    except errors.Error as error:
        return error.with_traceback(None)


def assert_nothing_wrong(found: list[Row], right: list[Row], most: int) -> None:
    """Assert that rows differ from the right ones by NULLs alone, or by those SQL leaves out as NULL is not > 10."""
    assert len(right) - most <= len(found) <= len(right)
    for row in found:
        assert any(
            all(value is None or value == meant for value, meant in zip(row, whole, strict=True)) for whole in right
        ), row


@pytest.mark.parametrize("level", LEVELS)
def test_a_mailbox_rebuilt_while_the_line_is_down(bounded: None, level: str) -> None:
    begin, right = LEVELS[level]
    outcomes = OUTCOMES.setdefault("UIDVALIDITY changed at reconnect", {})
    with FaultyServer(MAIL) as server:
        run, close = begin(server)
        try:
            assert run() == right

            def rebuilt(reply: Reply) -> Iterable[Step]:
                server.uidvalidity += 1
                return [reply.said[0], Act.CLOSE]

            server.arm("UID FETCH", rebuilt, 1)
            with pytest.raises(STALE, match="was rebuilt: UIDVALIDITY 7 became 8; run the statement again"):
                run()
            outcomes[level] = "StaleMailbox"
        finally:
            close()
        server.uidvalidity = 7
        run, close = begin(server)
        assert run() == right
        close()


@pytest.mark.parametrize("times", [1, None])
@pytest.mark.parametrize("level", LEVELS)
def test_an_answer_cut_at_every_octet(level: str, times: int | None) -> None:
    begin, right = LEVELS[level]
    step = 1 if level == "FETCH" and times else 7
    with FaultyServer(MAIL) as server:
        run, close = begin(server)
        assert run() == right
        lengths: list[int] = []

        def whole(reply: Reply) -> Iterable[Step]:
            lengths.append(len(reply.whole))
            return [reply.whole]

        server.arm("UID FETCH", whole)
        run()
        for place in range(0, max(lengths), step):

            def cut_here(reply: Reply, place: int = place) -> Iterable[Step]:
                return [reply.whole[:place], Act.CLOSE]

            server.arm("UID FETCH", cut_here, times)
            came = outcome(run)
            if isinstance(came, errors.Error):
                assert times is None
                assert type(came) is LOST
                assert re.search("closed the connection|the connection broke", str(came))
            else:
                # Where some of the answer comes each time, the repetitions may come to all of it.
                assert came == right, place
        server.disarm()
        assert run() == right
        close()


def test_literals_of_every_wrong_length() -> None:
    begin, right = LEVELS["FETCH"]
    with FaultyServer(MAIL) as server:
        run, close = begin(server)
        assert run() == right
        came = set()
        for grown in range(-20, 400):
            server.arm("UID FETCH", second(literal(grown)), 1)
            read = outcome(run)
            if isinstance(read, errors.Error):
                came.add(type(read))
                continue
            # A length that ends where another message does is no fault that anybody could see; but what is told of a
            # header ends at its empty line.
            for uid, subject, size in read:
                assert (uid, str(subject).partition("\r\n")[0], size) in right
        assert came <= {MALFORMED, LOST}
        server.disarm()
        assert run() == right
        close()


@pytest.mark.parametrize("sent", [b"", b"x" * 5_000_000])
def test_a_large_message_is_believed_as_far_as_it_comes(
    bounded: None, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer(MAIL) as server:
        db = imapdb.connect(account_of(server))
        sql = "SELECT email FROM INBOX WHERE uid = 2"
        right = [(b"Subject: in 2\r\n\r\nHello.\r\n",)]
        assert db.execute(sql).all() == right
        announced = b"* 2 FETCH (UID 2 BODY[] {900000000}\r\n" + sent
        server.arm("UID FETCH", instead(announced, Act.HOLD), 1)
        assert db.execute(sql).all() == right
        server.arm("UID FETCH", instead(announced, Act.CLOSE))
        with pytest.raises(LOST):
            db.execute(sql).all()
        monkeypatch.setattr(fetch, "MAX_MESSAGE", 1_000_000)
        server.arm("UID FETCH", instead(announced, Act.HOLD))
        with pytest.raises(MALFORMED, match="900000000 octets, where 1000000 are taken"):
            db.execute(sql).all()
        server.disarm()
        assert db.execute(sql).all() == right
        db.close()


def test_a_large_message_is_in_memory_once() -> None:
    size = 60_000_000
    whole = b"Subject: large\r\n\r\n" + b"x" * (size - 18)
    with FaultyServer(MAIL) as server:
        connection = Connection(dataclasses.replace(account_of(server), timeout=10))
        connection.ping()

        def large(reply: Reply) -> Iterable[Step]:
            return [b"* 2 FETCH (UID 2 BODY[] {%d}\r\n" % size, whole, b")\r\n", reply.end]

        server.arm("UID FETCH", large)
        stream = FetchStream(connection, INBOX, [2], Items(body=True), uidvalidity=7)
        held = _resident()
        message = stream.next()
        assert message is not None
        assert message.body == whole
        # Some of it for growing in steps; two copies would be 120 million octets.
        assert _peak() - held < 85_000
        stream.close()
        connection.close()


def test_a_stream_of_large_messages_given_up_drops_the_session() -> None:
    with FaultyServer(MAIL) as server:
        connection = Connection(account_of(server))
        stream = FetchStream(connection, INBOX, range(1, 7), Items(body=True), uidvalidity=7)
        stream._sizes = dict.fromkeys(range(1, 7), 20_000_000)
        assert stream.next() is not None
        stream.close()
        assert connection.opened == 1
        connection.ping()
        assert connection.opened == 2
        connection.close()


def test_a_real_answer_cut_at_every_octet(dovecot_login: Login) -> None:
    login = dovecot_login
    uids = login.append_all("INBOX", [b"Subject: s%d\r\n\r\nx\r\n" % n for n in range(3)])
    items = Items(flags=True, size=True, fields=frozenset({b"SUBJECT"}))

    def read(connection: Connection) -> list[Row]:
        stream = FetchStream(connection, INBOX, uids, items, uidvalidity=None)
        found: list[Row] = []
        while (message := stream.next()) is not None:
            found.append((message.uid, message.header, message.size))
        return found

    with Proxy(login.host, login.port) as proxy:
        connection = Connection(Account(proxy.host, login.user, proxy.port, login.password, "none", timeout=10))
        right = read(connection)
        assert len(right) == 3
        proxy.clear()
        assert read(connection) == right
        for place in range(proxy.octets_down):
            proxy.cut_after(place, once=True)
            assert read(connection) == right, place
        connection.close()
