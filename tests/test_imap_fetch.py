"""FETCH: answers of every form, streams in bounded pieces, and what becomes of them when the line breaks."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb import errors
from imapdb.account import Account
from imapdb.imap import fetch, keys, search
from imapdb.imap.connection import Connection
from imapdb.imap.fetch import Fetched, FetchStream, Items
from imapdb.imap.fetched import read_fetch
from imapdb.imap.mailboxes import Mailbox
from tests.kit.dribble import answering
from tests.kit.proxy import Proxy
from tests.kit.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.kit.servers import Login

INBOX = Mailbox("INBOX", b"INBOX", "/", (), None)
OTHER = Mailbox("Other", b"Other", "/", (), None)
SUBJECT = Items(fields=frozenset({b"SUBJECT"}))
FLAGS = Items(flags=True)
LOGGED_IN: list[str | bytes] = [
    "S: * OK [CAPABILITY IMAP4rev1] ready",
    "C: LOGIN ...",
    "S: $tag OK [CAPABILITY IMAP4rev1] in",
]
ENTERED: list[str | bytes] = [
    *LOGGED_IN,
    'C: EXAMINE "INBOX"',
    "S: * OK [UIDVALIDITY 7] ok",
    "S: $tag OK [READ-ONLY] in",
]


def rows(stream: FetchStream) -> Iterator[Fetched]:
    while (message := stream.next()) is not None:
        yield message


def to(server: Transcript) -> Connection:
    return Connection(Account(server.host, "u", server.port, password="p", tls="none", timeout=5))


def through(proxy: Proxy, login: Login) -> Connection:
    return Connection(Account(proxy.host, login.user, proxy.port, login.password, "none", timeout=10))


def subjects(found: Sequence[Fetched]) -> list[tuple[int, bytes]]:
    return [(row.uid, (row.header or b"").strip()) for row in found]


# Answers


@pytest.mark.parametrize(
    "response",
    [
        [b"* 1 FETCH (UID 5 FLAGS (\\Seen a) RFC822.SIZE 9 BODY[HEADER.FIELDS (SUBJECT)] {3}\r\n", b"h\r\n", b")\r\n"],
        [b"* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {3}\r\n", b"h\r\n", b" RFC822.SIZE 9 FLAGS (\\Seen a) UID 5)\r\n"],
        [b"* 1 fetch (uid 5 flags (\\Seen a) rfc822.size 9 body[header.fields (subject)] {3}\r\n", b"h\r\n", b")\r\n"],
        [
            b'* 1 FETCH (UID 5 FLAGS (\\Seen a) BODY[HEADER.FIELDS ("SUBJECT")] {3}\r\n',
            b"h\r\n",
            b" RFC822.SIZE 9)\r\n",
        ],
        [
            b"* 1 FETCH (MODSEQ (12) UID 5 FLAGS (\\Seen a) RFC822.SIZE 9 X-NEW (1 (2)) BODY[HEADER] {3}\r\n",
            b"h\r\n",
            b")\r\n",
        ],
        [
            b"* 1 FETCH (UID 5  RFC822.SIZE 9 FLAGS (\\Seen a) BODY[HEADER.FIELDS ({7}\r\n",
            b"SUBJECT",
            b')] "h\r\n")\r\n',
        ],
    ],
)
def test_an_answer_in_any_order_and_case(response: list[bytes]) -> None:
    message = read_fetch(response)
    assert message is not None
    assert (message.uid, message.flags, message.size) == (5, b"\\Seen a", 9)
    assert message.header == b"h\r\n"


def test_quoted_and_nil_instead_of_a_literal() -> None:
    for said, read in ((b'"a \\"b\\""', b'a "b"'), (b"NIL", None), (b'""', b"")):
        message = read_fetch([b"* 1 FETCH (UID 5 BODY[] " + said + b")\r\n"])
        assert message is not None
        assert message.body == read


def test_dates_are_kept_as_they_came() -> None:
    message = read_fetch([b'* 1 FETCH (INTERNALDATE " 1-Feb-2024 01:02:03 +0000" UID 5)\r\n'])
    assert message is not None
    assert message.date == b" 1-Feb-2024 01:02:03 +0000"


@pytest.mark.parametrize(
    "line",
    [
        b"* 4 EXISTS\r\n",
        b"* 4 EXPUNGE\r\n",
        b"* VANISHED 3:5\r\n",
        b"* FLAGS (a)\r\n",
        b"* 1 FETCH (FLAGS (\\Seen))\r\n",
        b"* OK slow FETCH (sorry) :(\r\n",
        b"* NO FETCH is hard :(\r\n",
        b"* BYE\r\n",
    ],
)
def test_what_is_no_message_is_passed_over(line: bytes) -> None:
    assert read_fetch([line]) is None


@pytest.mark.parametrize(
    "line",
    [
        b"* 1 FETCH (FLAGS ( UID 5\r\n",
        b"* 1 FETCH UID 5\r\n",
        b"* 1 FETCH (RFC822.SIZE 5)\r\n",
        b"* 1 fetch (FLAGS () UID 5 UID 6)\r\n",
        b"* 1 FETCH (UID x)\r\n",
        b"* 1 FETCH (UID -5)\r\n",
        b"* 1 FETCH ((a) b)\r\n",
        b"* 1 FETCH (UID " + b"9" * 5000 + b")\r\n",
    ],
)
def test_a_message_that_cannot_be_read_is_an_error(line: bytes) -> None:
    with pytest.raises(errors.ProtocolError):
        read_fetch([line])


@pytest.mark.parametrize("size", [b"NIL", b"-4", b"1_0", b"9" * 40])
def test_a_size_that_is_none_makes_a_message_without_one(size: bytes) -> None:
    message = read_fetch([b"* 1 FETCH (UID 5 RFC822.SIZE " + size + b")\r\n"])
    assert message is not None
    assert (message.uid, message.size) == (5, None)


def test_an_item_left_out_is_asked_for_once_more_and_then_a_row_without_it() -> None:
    script: list[str | bytes] = [
        *ENTERED,
        "C: UID FETCH 1:3 (UID RFC822.SIZE)",
        "S: * 1 FETCH (UID 1 RFC822.SIZE 11)",
        "S: * 2 FETCH (UID 2 RFC822.SIZE NIL)",
        "S: * 3 FETCH (UID 3)",
        "S: $tag OK",
        "C: UID FETCH 2:3 (UID RFC822.SIZE)",
        "S: * 2 FETCH (UID 2 RFC822.SIZE NIL)",
        "S: * 3 FETCH (UID 3 RFC822.SIZE 33)",
        "S: $tag OK",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = to(server)
        stream = FetchStream(connection, INBOX, [1, 2, 3], Items(size=True), uidvalidity=7)
        assert [(row.uid, row.size) for row in rows(stream)] == [(1, 11), (2, None), (3, 33)]
        connection.close()


@given(st.binary(max_size=200))
def test_a_literal_may_hold_anything(octets: bytes) -> None:
    message = read_fetch([b"* 1 FETCH (UID 5 BODY[] {%d}\r\n" % len(octets), octets, b")\r\n"])
    assert message is not None
    assert message.body == octets


def test_items_cover_one_another() -> None:
    whole, header = Items(body=True), Items(header=True)
    assert whole.covers(header)
    assert whole.covers(SUBJECT)
    assert header.covers(SUBJECT)
    assert not SUBJECT.covers(header)
    assert not header.covers(whole)
    assert not whole.covers(FLAGS)
    assert (SUBJECT | FLAGS).covers(FLAGS)
    assert not Items()
    assert (SUBJECT | Items(fields=frozenset({b"DATE"}), flags=True)).command(frozenset()) == (
        b"(UID FLAGS BODY.PEEK[HEADER.FIELDS (DATE SUBJECT)])"
    )
    assert (whole | header | SUBJECT | Items(size=True, date=True)).command(frozenset()) == (
        b"(UID RFC822.SIZE INTERNALDATE BODY.PEEK[])"
    )


ANSWER = (
    b"* 2 EXISTS\r\n* 1 FETCH (UID 5 FLAGS () BODY[] {8}\r\n{3}\r\n)\r\n)\r\n"
    b'* 2 FETCH (BODY[] "q" UID 6)\r\n* 1 FETCH (FLAGS (x))\r\nA1 OK {9}\r\n'
)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_an_answer_cut_anywhere_is_the_same(step: int) -> None:
    with answering(ANSWER, step) as wire:
        pending = wire.send("UID FETCH", b"5:6", b"(UID BODY.PEEK[])")
        found = [message for response in wire.answer(pending) if (message := read_fetch(response))]
    assert [(message.uid, message.body) for message in found] == [(5, b"{3}\r\n)\r\n"), (6, b"q")]
    assert pending.text == "{9}"


@pytest.mark.parametrize("place", range(0, len(ANSWER), 5))
def test_an_answer_that_ends_too_early_is_a_lost_connection(place: int) -> None:
    with answering(ANSWER[:place]) as wire:
        pending = wire.send("UID FETCH", b"5:6", b"(UID BODY.PEEK[])")
        with pytest.raises(errors.ConnectionLost):
            list(wire.answer(pending))
        assert not wire.alive


# Streams


def test_what_comes_unasked_is_passed_over() -> None:
    script: list[str | bytes] = [
        *ENTERED,
        "C: UID FETCH 1:4 (UID BODY.PEEK[])",
        'S: * 1 FETCH (BODY[] "one" UID 1)',
        "S: * 9 EXISTS",
        "S: * 3 FETCH (UID 3 FLAGS (\\Seen))",
        "S: * 1 FETCH (FLAGS (\\Seen) UID 1)",
        "S: * 2 EXPUNGE",
        "S: * VANISHED 3",
        'S: * 8 FETCH (UID 80 BODY[] "not asked for")',
        'S: * 3 FETCH (UID 4 BODY[] "four")',
        "S: $tag OK",
        # Of 3 only flags were told: it is asked for once more before it counts as gone.
        "C: UID FETCH 2:3 (UID BODY.PEEK[])",
        "S: $tag OK",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = to(server)
        stream = FetchStream(connection, INBOX, [1, 2, 3, 4], Items(body=True), uidvalidity=7)
        stream._sizes = dict.fromkeys([1, 2, 3, 4], 1)
        assert [(row.uid, row.body, row.flags) for row in rows(stream)] == [(1, b"one", b"\\Seen"), (4, b"four", None)]
        connection.close()


def test_two_answers_for_one_message_are_one_row() -> None:
    script: list[str | bytes] = [
        *ENTERED,
        "C: UID FETCH ...",
        "S: * 1 FETCH (UID 1 FLAGS (a))",
        'S: * 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] "h")',
        "S: $tag OK",
        "HOLD",
    ]
    with Transcript(script) as server:
        stream = FetchStream(to(server), INBOX, [1], SUBJECT | FLAGS, uidvalidity=7)
        assert [(row.flags, row.header) for row in rows(stream)] == [(b"a", b"h")]
        stream._connection.close()


def test_flags_told_unasked_are_no_answer_when_the_line_breaks() -> None:
    # Message 2 is only told of by its flags before the break: it must be asked for again.
    first: list[str | bytes] = [
        *ENTERED,
        "C: UID FETCH 1:2 ...",
        'S: * 1 FETCH (UID 1 BODY[HEADER] "one")',
        "S: * 2 FETCH (UID 2 FLAGS (\\Seen))",
        "CLOSE",
    ]
    second: list[str | bytes] = [
        *ENTERED,
        "C: UID FETCH 2 ...",
        'S: * 2 FETCH (UID 2 BODY[HEADER] "two")',
        "S: $tag OK",
        "HOLD",
    ]
    with Transcript(first, second) as server:
        stream = FetchStream(to(server), INBOX, [1, 2], Items(header=True), uidvalidity=7)
        assert subjects(list(rows(stream))) == [(1, b"one"), (2, b"two")]
        stream._connection.close()


@pytest.mark.parametrize("known", [7, None])
def test_a_mailbox_rebuilt_at_reconnect(known: int | None) -> None:
    rebuilt = [step.replace("UIDVALIDITY 7", "UIDVALIDITY 8") for step in ENTERED if isinstance(step, str)]
    first: list[str | bytes] = [
        *ENTERED,
        "C: UID FETCH 1:2 ...",
        'S: * 1 FETCH (UID 1 BODY[HEADER] "old one")',
        "CLOSE",
    ]
    asked = "2" if known else "1:2"
    second: list[str | bytes] = [
        *rebuilt,
        f"C: UID FETCH {asked} ...",
        'S: * 1 FETCH (UID 1 BODY[HEADER] "new")',
        'S: * 2 FETCH (UID 2 BODY[HEADER] "new")',
        "S: $tag OK",
        "HOLD",
    ]
    with Transcript(first, second) as server:
        stream = FetchStream(to(server), INBOX, [1, 2], Items(header=True), uidvalidity=known)
        if known:
            with pytest.raises(errors.StaleMailbox, match="7 became 8"):
                stream.next()
        else:
            # Nothing was delivered yet: all of it is of the mailbox as it is now.
            assert subjects(list(rows(stream))) == [(1, b"new"), (2, b"new")]
        stream.close()
        stream._connection.close()


def test_a_message_expunged_while_it_is_read(dovecot_login: Login) -> None:
    script: list[str | bytes] = [
        *ENTERED,
        "C: UID FETCH ...",
        'S: * 1 FETCH (UID 1 BODY[HEADER] "h")',
        "S: $tag NO [EXPUNGEISSUED] gone",
        "C: NOOP",
        "S: $tag OK",
        "HOLD",
    ]
    with Transcript(script) as server:
        stream = FetchStream(to(server), INBOX, [1, 2], Items(header=True), uidvalidity=7)
        assert subjects(list(rows(stream))) == [(1, b"h")]
        stream._connection.ping()
        stream._connection.close()


@pytest.mark.parametrize("status", ["NO", "BAD"])
def test_a_refusal_with_more_under_way_leaves_the_session_in_step(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "FIRST_PIECE", 1)
    error = errors.ServerRefused if status == "NO" else errors.ProtocolError
    script: list[str | bytes] = [
        *ENTERED,
        "C: UID FETCH 1 ...",
        "C: UID FETCH 2:5 ...",
        f"S: A3 {status} no",
        "S: * 2 FETCH (UID 2 FLAGS (old))",
        "S: $tag OK",
        'C: EXAMINE "Other"',
        "S: $tag OK",
        "C: UID FETCH 2 ...",
        "S: * 1 FETCH (UID 2 FLAGS (new))",
        "S: $tag OK",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = to(server)
        stream = FetchStream(connection, INBOX, [1, 2, 3, 4, 5], FLAGS, uidvalidity=7)
        with pytest.raises(error):
            stream.next()
        stream.close()
        other = FetchStream(connection, OTHER, [2], FLAGS, uidvalidity=None)
        assert [row.flags for row in rows(other)] == [b"new"]
        assert connection.opened == 1
        connection.close()


def fill(login: Login, count: int) -> list[int]:
    return login.append_all("INBOX", [b"Subject: s%d\r\n\r\n%s\r\n" % (n, b"x" * (n % 50)) for n in range(count)])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of few messages, so that a few make several."""
    monkeypatch.setattr(fetch, "FIRST_PIECE", 4)
    monkeypatch.setattr(fetch, "LARGEST_PIECE", 8)
    monkeypatch.setattr(fetch, "PIECE_OCTETS", 200)


@pytest.mark.parametrize("items", [SUBJECT, Items(body=True), SUBJECT | FLAGS])
def test_rows_come_whole_and_in_order(login: Login, small: None, items: Items) -> None:
    uids = fill(login, 30)
    connection = Connection(Account.from_url(login.url()))
    for wanted in (uids, uids[::-1], uids[::3]):
        for first in (None, 1, 10):
            stream = FetchStream(connection, INBOX, wanted, items, uidvalidity=None, first=first)
            found = list(rows(stream))
            assert [row.uid for row in found] == wanted
            assert all(b"s%d" % uids.index(row.uid) in (row.header or row.body or b"") for row in found)
    assert connection.opened == 1
    assert connection.streaming is None
    connection.close()


@pytest.mark.parametrize("octets", [0, 50, 300, 700, 1000, 1500, 2500])
def test_a_break_in_the_midst_loses_no_row_and_doubles_none(login: Login, small: None, octets: int) -> None:
    uids = fill(login, 30)
    with Proxy(login.host, login.port) as proxy:
        connection = through(proxy, login)
        connection.ping()
        stream = FetchStream(connection, INBOX, uids, SUBJECT | FLAGS, uidvalidity=None)
        found = [stream.next()]
        proxy.cut_after(octets)
        try:
            while (row := stream.next()) is not None:
                found.append(row)
        except errors.OperationalError:
            # The proxy lets nobody in again until it is mended: the stream says so, and can be taken up again.
            proxy.mend()
            found += list(rows(stream))
        assert [(row.uid, (row.header or b"").strip()) for row in found if row] == [
            (uid, b"Subject: s%d" % n) for n, uid in enumerate(uids)
        ]
        connection.close()


def test_a_cut_between_rows_is_mended(login: Login, small: None) -> None:
    uids = fill(login, 30)
    with Proxy(login.host, login.port) as proxy:
        connection = through(proxy, login)
        stream = FetchStream(connection, INBOX, uids, Items(body=True), uidvalidity=None)
        found = []
        for number, row in enumerate(rows(stream)):
            found.append(row.uid)
            # Never two for one piece: a reset takes what was received and not read along, and a piece is asked for
            # again once.
            if number in (0, 8, 20):
                proxy.cut()
        assert found == uids
        assert connection.opened >= 3
        connection.close()


def test_another_command_while_pieces_are_under_way(login: Login, small: None) -> None:
    uids = fill(login, 30)
    name = login.server.named("Other")
    login.create(name)
    other = login.append_all(name, [b"Subject: other\r\n\r\n"] * 3)
    connection = Connection(Account.from_url(login.url()))
    streams = [FetchStream(connection, INBOX, uids, SUBJECT, uidvalidity=None) for _ in range(3)]
    for place, uid in enumerate(uids):
        for stream in streams:
            row = stream.next()
            assert row is not None
            assert (row.uid, (row.header or b"").strip()) == (uid, b"Subject: s%d" % place)
        if place % 7 == 0:
            mailbox = next(m for m in connection.mailboxes() if m.name == name)
            found = connection.read(lambda wire: list(search.search(wire, keys.ALL, esearch=False)), mailbox)
            assert found == other
    assert [stream.next() for stream in streams] == [None] * 3
    assert connection.opened == 1
    connection.close()


@pytest.mark.parametrize("at", [0, 1, 3, 4, 5, 11, 29])
def test_more_may_be_asked_for_on_the_way(login: Login, small: None, at: int) -> None:
    uids = fill(login, 30)
    connection = Connection(Account.from_url(login.url()))
    for begin in (Items(), FLAGS):
        stream = FetchStream(connection, INBOX, uids, begin, uidvalidity=None)
        found = []
        for number, row in enumerate(rows(stream)):
            found.append(row)
            if number == at:
                stream.require(SUBJECT, row)
                stream.require(FLAGS, row)
                stream.require(SUBJECT, row)
        assert [row.uid for row in found] == uids
        assert all(row.header is None for row in found[:at])
        assert subjects(found[at:]) == [(uid, b"Subject: s%d" % (n + at)) for n, uid in enumerate(uids[at:])]
        assert all(row.flags is not None for row in found[at:])
    connection.close()


def test_more_asked_for_when_the_session_is_gone(login: Login, small: None) -> None:
    uids = fill(login, 12)
    with Proxy(login.host, login.port) as proxy:
        connection = through(proxy, login)
        stream = FetchStream(connection, INBOX, uids, FLAGS, uidvalidity=None)
        first = stream.next()
        assert first is not None
        proxy.cut()
        stream.require(SUBJECT, first)
        assert subjects([first, *rows(stream)]) == [(uid, b"Subject: s%d" % n) for n, uid in enumerate(uids)]
        connection.close()


def test_closing_on_the_way_leaves_the_session_in_step(login: Login, small: None) -> None:
    uids = fill(login, 30)
    connection = Connection(Account.from_url(login.url()))
    for taken in (0, 1, 4, 5, 20):
        stream = FetchStream(connection, INBOX, uids, SUBJECT, uidvalidity=None)
        for _ in range(taken):
            stream.next()
        stream.close()
        assert stream.next() is None
        assert connection.streaming is None
        assert connection.read(lambda wire: list(search.search(wire, keys.ALL, esearch=False)), INBOX) == uids
    assert connection.opened == 1
    connection.close()


def test_a_limit_is_fetched_alone_and_the_rest_ahead(dovecot_login: Login, small: None) -> None:
    uids = fill(dovecot_login, 30)
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        connection = through(proxy, dovecot_login)
        connection.ping()
        proxy.clear()
        stream = FetchStream(connection, INBOX, uids, SUBJECT, uidvalidity=None, first=3)
        stream.next()
        assert [command for command in proxy.commands if "FETCH" in command] == [
            "UID FETCH 1:3 (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])"
        ]
        stream.close()
        proxy.clear()
        stream = FetchStream(connection, INBOX, uids, SUBJECT, uidvalidity=None)
        stream.next()
        # The second piece is under way before the first is read, the third and the fourth before the second.
        pieces = ["1:4", "5:12", "13:20", "21:28"]
        assert [command.split()[2] for command in proxy.commands if "FETCH" in command] == pieces[:2]
        for _ in range(4):
            stream.next()
        # The answer had come already: nothing made sure that the proxy heard of what was sent meanwhile.
        deadline = time.monotonic() + 5
        while sum("FETCH" in command for command in proxy.commands) < len(pieces) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [command.split()[2] for command in proxy.commands if "FETCH" in command] == pieces
        stream.close()
        connection.close()


def test_whole_messages_are_cut_by_their_sizes(dovecot_login: Login, small: None) -> None:
    sizes = [10, 10, 500, 10, 90, 90, 90, 10]
    uids = dovecot_login.append_all("INBOX", [b"S: x\r\n\r\n" + b"x" * size for size in sizes])
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        connection = through(proxy, dovecot_login)
        stream = FetchStream(connection, INBOX, uids, Items(body=True), uidvalidity=None, first=8)
        assert [row.uid for row in rows(stream)] == uids
        fetched = [command.split(" ", 2)[2] for command in proxy.commands if "FETCH" in command]
        assert fetched == ["1:8 (UID RFC822.SIZE)"] + [
            f"{piece} (UID BODY.PEEK[])" for piece in ("1:2", "3", "4:5", "6:7", "8")
        ]
        connection.close()


def test_commands_stay_short_whatever_is_asked(dovecot_login: Login) -> None:
    uids = fill(dovecot_login, 3)
    scattered = [*uids, *range(1_000_000, 1_000_000 + 40_000, 2)]
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        connection = through(proxy, dovecot_login)
        stream = FetchStream(connection, INBOX, scattered, SUBJECT, uidvalidity=None)
        assert [row.uid for row in rows(stream)] == uids
        commands = [command for command in proxy.commands if "FETCH" in command]
        assert len(commands) > 20
        assert max(map(len, commands)) < 8_000
        assert connection.opened == 1
        connection.close()


def test_fewer_are_asked_for_where_they_are_large(dovecot_login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "FIRST_PIECE", 4)
    monkeypatch.setattr(fetch, "HEAVY_OCTETS", 4000)
    uids = dovecot_login.append_all("INBOX", [b"Subject: %s\r\n\r\n" % (b"x" * 800)] * 20)
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        connection = through(proxy, dovecot_login)
        stream = FetchStream(connection, INBOX, uids, SUBJECT, uidvalidity=None)
        assert [row.uid for row in rows(stream)] == uids
        fetched = [command.split()[2] for command in proxy.commands if "FETCH" in command]
        # The second leaves before the first is read, and is four times as large.
        assert fetched == ["1:4", "5:20"]
        stream = FetchStream(connection, INBOX, uids, SUBJECT, uidvalidity=None, first=4)
        proxy.clear()
        assert [row.uid for row in rows(stream)] == uids
        fetched = [command.split()[2] for command in proxy.commands if "FETCH" in command]
        assert fetched == ["1:4", "5:8", "9:12", "13:16", "17:20"]
        connection.close()


def test_no_more_are_asked_for_than_the_server_tells_at_once() -> None:
    limited = [step.replace("IMAP4rev1", "IMAP4rev1 MESSAGELIMIT=2") for step in ENTERED if isinstance(step, str)]
    script: list[str | bytes] = [
        *limited,
        "C: UID FETCH 1:2 ...",
        "C: UID FETCH 3:4 ...",
        b"* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS ())\r\nA3 OK done\r\n",
        "C: UID FETCH 5 ...",
        b"* 3 FETCH (UID 3 FLAGS ())\r\n* 4 FETCH (UID 4 FLAGS ())\r\nA4 OK done\r\n",
        b"* 5 FETCH (UID 5 FLAGS ())\r\nA5 OK done\r\n",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = to(server)
        connection.open()
        stream = FetchStream(connection, INBOX, [1, 2, 3, 4, 5], FLAGS, uidvalidity=7)
        assert [row.uid for row in rows(stream)] == [1, 2, 3, 4, 5]
        connection.close()


def test_an_error_stays_one_when_the_next_message_is_asked_for() -> None:
    script: list[str | bytes] = [
        *ENTERED,
        "C: UID FETCH ...",
        "S: * 1 FETCH (UID 1 FLAGS ())",
        "S: $tag NO broken",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = to(server)
        stream = FetchStream(connection, INBOX, [1, 2], FLAGS, uidvalidity=7)
        for _ in range(2):
            # What has come of the piece is no answer to the whole of it.
            with pytest.raises(errors.ServerRefused, match="broken"):
                stream.next()
        connection.close()


def test_messages_deleted_by_somebody_else_are_passed_over(login: Login, small: None) -> None:
    uids = fill(login, 20)
    connection = Connection(Account.from_url(login.url()))
    stream = FetchStream(connection, INBOX, uids, SUBJECT, uidvalidity=None)
    found = [stream.next(), stream.next()]
    with login.imaplib() as client:
        client.select("INBOX")
        client.uid("STORE", ",".join(map(str, uids[15:])), "+FLAGS", "(\\Deleted)")
        client.expunge()
    # Dovecot and pymap may show a message to a session for as long as that has not been told of its end.
    left = [row.uid for row in (*found, *rows(stream)) if row]
    assert left[:15] == uids[:15]
    assert left == sorted(set(left) & set(uids))
    connection.close()


def test_no_socket_is_left_behind(login: Login, small: None) -> None:
    uids = fill(login, 12)
    with Proxy(login.host, login.port) as proxy:
        connection = through(proxy, login)
        stream = FetchStream(connection, INBOX, uids, SUBJECT, uidvalidity=None)
        stream.next()
        proxy.cut()
        list(rows(stream))
        connection.close()
        del connection, stream
        # A socket that is not closed warns when it is collected, and a warning is an error here.
        gc.collect()
