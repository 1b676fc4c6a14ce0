"""What only some servers tell of a message: the ids of OBJECTID (RFC 8474), Gmail's ids and labels; and List-Id."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st

import imapdb
from imapdb.account import Account
from imapdb.imap.connection import Connection
from imapdb.imap.fetch import Fetched, FetchStream, Items
from imapdb.imap.fetched import read_fetch
from imapdb.imap.items import lacking
from imapdb.imap.mailboxes import Mailbox
from imapdb.imap.profiles import PROFILES
from imapdb.sql.columns import COLUMNS, by_name
from tests.kit.dribble import answering
from tests.kit.login import checked, modified_utf7, quoted
from tests.kit.proxy import Proxy
from tests.kit.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.servers import Login

INBOX = Mailbox("INBOX", b"INBOX", "/", (), None)
IDS = Items(email_id=True, thread_id=True)
ALL_THREE = IDS | Items(labels=True)
NEITHER, OBJECTID, GMAIL = frozenset({"IMAP4REV1"}), frozenset({"OBJECTID"}), frozenset({"X-GM-EXT-1"})
NAMES = "email_id, thread_id, labels"


def value(column: str, message: Fetched) -> Any:
    return COLUMNS[by_name()[column]].value(message)


def values(message: Fetched) -> tuple[Any, Any, Any]:
    labels = value("labels", message)
    return value("email_id", message), value("thread_id", message), None if labels is None else json.loads(labels)


# Answers


def read(answer: bytes, step: int) -> list[Fetched]:
    """Read an answer that arrives in pieces of `step` octets."""
    with answering(answer + b"A1 OK done\r\n", step) as wire:
        pending = wire.send("UID FETCH", b"5", b"(UID)")
        return [message for response in wire.answer(pending) if (message := read_fetch(response))]


ANSWERS = [
    # RFC 8474 5.
    (b"EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9)", ("M6d99ac3275bb4e", "T64b478a75b7ea9", None)),
    (b"EMAILID (M-_9) THREADID NIL", ("M-_9", None, None)),
    (b"emailid (M1) ThreadId (T1)", ("M1", "T1", None)),
    (b"EMAILID ({2}\r\nM1) THREADID nil", ("M1", None, None)),
    (b"EMAILID (" + b"m" * 255 + b")", ("m" * 255, None, None)),
    # Gmail.
    (
        b"X-GM-THRID 1266894439832287888 X-GM-MSGID 1278455344230334865",
        ("1278455344230334865", "1266894439832287888", None),
    ),
    (b"X-GM-MSGID 18446744073709551615", ("18446744073709551615", None, None)),
    (rb'X-GM-LABELS (\Inbox \Sent Important "Muy Importante")', ("\\Inbox", "\\Sent", "Important", "Muy Importante")),
    (rb'X-GM-LABELS ("\\Inbox" "\\Important")', ("\\Inbox", "\\Important")),
    (rb'X-GM-LABELS ("a \"b\" \\ c")', ('a "b" \\ c',)),
    (b"X-GM-LABELS ()", ()),
    # No atom, and sent as one all the same.
    (b"X-GM-LABELS ([Mailbox] a]b)", ("[Mailbox]", "a]b")),
    (b"X-GM-LABELS ({5}\r\n(a) b {3}\r\n)\r\n nil)", ("(a) b", ")\r\n", "NIL")),
    (b"X-GM-LABELS (&ZeVnLIqe- T&AOk-l&AOk- R&-D)", ("日本語", "Télé", "R&D")),
    # Names that look like the rest of the answer.
    (rb'X-GM-LABELS ("a) FLAGS (\\Deleted" b)', ("a) FLAGS (\\Deleted", "b")),
    (rb'X-GM-LABELS ("\\" "UID 7" ") UID 7 (")', ("\\", "UID 7", ") UID 7 (")),
    (b'X-GM-LABELS ("{3}" "EMAILID (M1)")', ("{3}", "EMAILID (M1)")),
    # Not what the documents say.
    (b"EMAILID (NIL) THREADID (nil)", (None, None, None)),
    (b"EMAILID M1 THREADID ()", ("M1", None, None)),
    (b"EMAILID (M1 M2) THREADID ((T1))", (None, None, None)),
    (b"EMAILID (M.1) THREADID (" + b"t" * 256 + b")", (None, None, None)),
    (b'EMAILID "" THREADID ("\xe9")', (None, None, None)),
    (b"X-GM-MSGID +1 X-GM-THRID 1.5 X-GM-LABELS NIL", (None, None, None)),
    (b"X-GM-MSGID (1) X-GM-LABELS a", ("1", None, None)),
    (b"X-GM-LABELS (a (b) c)", ("a", "c")),
    (b"X-GM-LABELS (&2AA- &&& &AOk \xe9 \xc3\xa9)", ("&2AA-", "&&&", "é", "\\xe9", "é")),
]


@pytest.mark.parametrize("step", [1, 7, 10_000])
@pytest.mark.parametrize(("said", "expected"), ANSWERS)
def test_an_answer_in_every_form(said: bytes, expected: tuple[Any, ...], step: int) -> None:
    if b"LABELS (" in said:
        expected = (None, None, list(expected))
    for answer in (
        b"* 3 FETCH (UID 5 " + said + b")\r\n",
        b"* 3 FETCH (" + said + b" FLAGS (a) UID 5)\r\n",
        b"* 3 FETCH (UID 5 " + said + b" FLAGS (a) BODY[] {4}\r\n) x\n)\r\n",
        # Something that is not known takes the long way.
        b"* 3 FETCH (X-NEW (1 (2)) UID 5 " + said + b")\r\n",
    ):
        (message,) = read(answer, step)
        assert (message.uid, message.flags) == (5, b"a" if b"FLAGS (a)" in answer else None)
        assert message.body == (b") x\n" if b"BODY" in answer else None)
        assert values(message) == expected


def written(draw: st.DrawFn, label: str) -> bytes:
    coded = modified_utf7(label)
    forms = [quoted(coded).encode(), b"{%d}\r\n" % len(coded) + coded.encode()]
    if re.fullmatch(r"\\?[A-Za-z0-9&,+/.\[\]-]+", coded):
        forms.append(coded.encode())
    return draw(st.sampled_from(forms))


@st.composite
def label_lists(draw: st.DrawFn) -> tuple[list[str], bytes]:
    text = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1)
    special = st.sampled_from(["\\Inbox", "NIL", ") UID 9 (", '"', "\\", "{3}", "a&b", "BODY[", "\\Seen)"])
    labels = draw(st.lists(text | special, max_size=5))
    return labels, b" ".join(written(draw, label) for label in labels)


@given(label_lists())
def test_every_list_of_labels_is_read_back(listed: tuple[list[str], bytes]) -> None:
    labels, said = listed
    (message,) = read(b"* 3 FETCH (X-GM-LABELS (" + said + b") FLAGS (a) UID 5)\r\n", 10_000)
    assert (message.uid, message.flags) == (5, b"a")
    assert values(message) == (None, None, labels)


@given(st.lists(st.binary(max_size=20)), st.none() | st.binary(max_size=20))
@example([b"&2AA-"], b"")
def test_whatever_was_told_is_a_value_sqlite_takes(labels: list[bytes], raw: bytes | None) -> None:
    message = Fetched(1)
    message.labels = tuple(labels)
    told = value("labels", message)
    assert len(json.loads(told.encode())) == len(labels)
    assert values(Fetched(1)) == (None, None, None)


@given(st.binary(max_size=60))
def test_no_octets_of_an_id_are_an_exception(octets: bytes) -> None:
    literal = b"EMAILID {%d}\r\n" % len(octets)
    for response in ([b"* 1 FETCH (UID 5 " + literal, octets, b" THREADID (T1))\r\n"],):
        message = read_fetch(response)
        assert message is not None
        assert values(message)[1] == "T1"
        is_id = re.fullmatch(rb"[A-Za-z0-9_-]{1,255}", octets) and octets.upper() != b"NIL"
        assert values(message)[0] == (octets.decode() if is_id else None)


# What is asked


def test_the_words_are_those_of_the_server() -> None:
    asked = ALL_THREE | Items(flags=True)
    assert asked.command(NEITHER) == b"(UID FLAGS)"
    assert asked.command(OBJECTID) == b"(UID FLAGS EMAILID THREADID)"
    assert asked.command(GMAIL) == b"(UID FLAGS X-GM-MSGID X-GM-THRID X-GM-LABELS)"
    assert asked.command(OBJECTID | GMAIL) == b"(UID FLAGS EMAILID THREADID X-GM-LABELS)"
    assert Items(thread_id=True, body=True).command(GMAIL) == b"(UID X-GM-THRID BODY.PEEK[])"
    assert not ALL_THREE.offered(NEITHER)
    assert ALL_THREE.offered(OBJECTID) == IDS
    assert ALL_THREE.offered(GMAIL) == ALL_THREE


def test_items_cover_one_another() -> None:
    assert ALL_THREE.covers(IDS)
    assert not IDS.covers(ALL_THREE)
    assert not Items(email_id=True).covers(Items(thread_id=True))
    assert not Items(body=True).covers(Items(email_id=True))
    message = Fetched(5)
    message.flags = b""
    assert all(lacking(items)(message) for items in (IDS, ALL_THREE, Items(labels=True), Items(thread_id=True)))
    message.email_id, message.thread_id = b"M1", b""
    assert not lacking(IDS)(message)
    assert lacking(ALL_THREE)(message)


# Streams


def entered(*capabilities: str, uidvalidity: int = 7) -> list[str | bytes]:
    told = " ".join(("IMAP4rev1", *capabilities))
    return [
        f"S: * OK [CAPABILITY {told}] ready",
        "C: LOGIN ...",
        f"S: $tag OK [CAPABILITY {told}] in",
        'C: EXAMINE "INBOX"',
        f"S: * OK [UIDVALIDITY {uidvalidity}] ok",
        "S: $tag OK [READ-ONLY] in",
    ]


def to(server: Transcript) -> Connection:
    return Connection(Account(server.host, "u", server.port, password="p", tls="none", timeout=5))


def rows(stream: FetchStream) -> Iterator[Fetched]:
    while (message := stream.next()) is not None:
        yield message


def test_what_comes_unasked_is_no_answer() -> None:
    script: list[str | bytes] = [
        *entered("OBJECTID"),
        "C: UID FETCH 1:4 (UID EMAILID THREADID)",
        "S: * 1 FETCH (UID 1 EMAILID (M1) THREADID (T1))",
        "S: * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (9))",
        "S: * 3 FETCH (UID 3 EMAILID (M3) THREADID NIL)",
        "S: * 3 FETCH (UID 3 FLAGS (\\Seen))",
        "S: * 4 FETCH (UID 4 EMAILID (M4))",
        "S: $tag OK",
        # Of 2 came only what another session did, of 4 only half.
        "C: UID FETCH 2,4 (UID EMAILID THREADID)",
        "S: * 4 FETCH (UID 4 EMAILID (M4))",
        "S: $tag OK",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = to(server)
        stream = FetchStream(connection, INBOX, [1, 2, 3, 4], IDS, uidvalidity=7)
        assert [(row.uid, *values(row)[:2]) for row in rows(stream)] == [
            (1, "M1", "T1"),
            (3, "M3", None),
            (4, "M4", None),
        ]
        connection.close()


def test_nothing_is_asked_where_nothing_is_offered() -> None:
    script = [*entered()[:3], "C: NOOP", "S: $tag OK", "HOLD"]
    with Transcript(script) as server:
        connection = to(server)
        stream = FetchStream(connection, INBOX, [*range(1, 3_000)], ALL_THREE, uidvalidity=7)
        assert [(row.uid, *values(row)) for row in rows(stream)] == [(uid, None, None, None) for uid in range(1, 3_000)]
        assert connection.streaming is None
        connection.ping()
        connection.close()


def test_uids_nobody_searched_for_are_looked_up_all_the_same() -> None:
    script = [
        *entered(),
        "C: UID FETCH 1:3 (UID)",
        "S: * 1 FETCH (UID 1)",
        "S: * 2 FETCH (FLAGS (x) UID 3)",
        "S: $tag OK",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = to(server)
        stream = FetchStream(connection, INBOX, [1, 2, 3], ALL_THREE, uidvalidity=None)
        assert [(row.uid, *values(row)) for row in rows(stream)] == [(1, None, None, None), (3, None, None, None)]
        connection.close()


def test_the_other_columns_come_where_the_ids_do_not() -> None:
    script: list[str | bytes] = [
        *entered(),
        "C: UID FETCH 1:2 (UID FLAGS)",
        "S: * 1 FETCH (UID 1 FLAGS (a))",
        "S: * 2 FETCH (UID 2 FLAGS ())",
        "S: $tag OK",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = to(server)
        stream = FetchStream(connection, INBOX, [1, 2], ALL_THREE | Items(flags=True), uidvalidity=7)
        assert [(row.uid, row.flags, *values(row)) for row in rows(stream)] == [
            (1, b"a", None, None, None),
            (2, b"", None, None, None),
        ]
        connection.close()


def test_ids_asked_for_on_the_way() -> None:
    script: list[str | bytes] = [
        *entered("OBJECTID"),
        "C: UID FETCH 2:3 (UID EMAILID THREADID)",
        "S: * 2 FETCH (EMAILID (M2) UID 2 THREADID NIL)",
        "S: * 3 FETCH (UID 3 EMAILID (M3) THREADID (T))",
        "S: $tag OK",
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = to(server)
        stream = FetchStream(connection, INBOX, [1, 2, 3], Items(), uidvalidity=7)
        assert values(stream.next() or Fetched(0)) == (None, None, None)
        row = stream.next()
        assert row is not None
        stream.require(ALL_THREE, row)
        assert values(row) == ("M2", None, None)
        assert [values(row) for row in rows(stream)] == [("M3", "T", None)]
        connection.close()


def test_ids_asked_for_on_the_way_of_a_server_that_has_none() -> None:
    with Transcript([*entered()[:3], "HOLD"]) as server:
        connection = to(server)
        stream = FetchStream(connection, INBOX, [1, 2, 3], Items(), uidvalidity=7)
        row = stream.next()
        assert row is not None
        for _ in range(2):
            stream.require(ALL_THREE, row)
        assert [row.uid for row in (row, *rows(stream))] == [1, 2, 3]
        connection.close()


@pytest.mark.parametrize(
    ("capability", "asked", "told"),
    [
        ("X-GM-EXT-1", ["C: UID FETCH 2 (UID X-GM-MSGID)", "S: * 2 FETCH (X-GM-MSGID 22 UID 2)", "S: $tag OK"], "22"),
        ("IDLE", [], None),
    ],
)
def test_a_session_opened_anew_may_offer_something_else(capability: str, asked: list[str], told: str | None) -> None:
    first: list[str | bytes] = [
        *entered("OBJECTID"),
        "C: UID FETCH 1:2 (UID EMAILID)",
        "S: * 1 FETCH (UID 1 EMAILID (M1))",
        "CLOSE",
    ]
    again = entered(capability)
    second: list[str | bytes] = [*(again if asked else again[:3]), *asked, "HOLD"]
    with Transcript(first, second) as server:
        connection = to(server)
        stream = FetchStream(connection, INBOX, [1, 2], Items(email_id=True), uidvalidity=7)
        assert [(row.uid, values(row)[0]) for row in rows(stream)] == [(1, "M1"), (2, told)]
        connection.close()


# SQL


def shown(db: imapdb.Database, sql: str | sa.Executable) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in db.execute(sql)]


GMAIL_SCRIPT: list[str | bytes] = [
    "S: * OK Gimap ready for requests from 127.0.0.1",
    "C: CAPABILITY",
    "S: * CAPABILITY IMAP4rev1 UNSELECT X-GM-EXT-1",
    "S: $tag OK Thats all she wrote!",
    "C: LOGIN ...",
    "S: * CAPABILITY IMAP4rev1 UNSELECT X-GM-EXT-1",
    "S: $tag OK in",
    'C: EXAMINE "INBOX"',
    "S: * OK [UIDVALIDITY 7]",
    "S: $tag OK",
    "C: UID SEARCH ...",
    "S: * SEARCH 4 5 6",
    "S: $tag OK",
    "C: UID FETCH 4:6 (UID X-GM-MSGID X-GM-THRID X-GM-LABELS)",
    'S: * 1 FETCH (X-GM-THRID 126 X-GM-MSGID 12783 X-GM-LABELS (Important "T&AOk-l&AOk-" "\\\\Sent") UID 4)',
    "S: * 2 FETCH (X-GM-THRID 126 X-GM-MSGID 12784 X-GM-LABELS () UID 5)",
    b"* 3 FETCH (X-GM-THRID 7 X-GM-MSGID 12785 X-GM-LABELS ({6}\r\na) (b\\ [x]) UID 6)\r\n",
    "S: $tag OK",
    "HOLD",
]


def test_gmail() -> None:
    with Transcript(GMAIL_SCRIPT) as server, imapdb.connect(f"imap://u:p@{server.host}:{server.port}/") as db:
        inbox = db.INBOX
        asked = sa.select(inbox.uid, inbox.email_id, inbox.thread_id, inbox.labels)
        assert shown(db, asked) == [
            (4, "12783", "126", ["Important", "Télé", "\\Sent"]),
            (5, "12784", "126", []),
            (6, "12785", "7", ["a) (b\\", "[x]"]),
        ]


def two_threads(login: Login) -> Login:
    """Append a conversation of two, the first of them to another mailbox as well, and a message by itself."""
    first = b"Message-ID: <1@x>\r\nSubject: one\r\n\r\n1\r\n"
    answer = b"Message-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\nReferences: <1@x>\r\nSubject: Re: one\r\n\r\n2\r\n"
    login.append_all("INBOX", [first, answer, b"Message-ID: <3@x>\r\nSubject: else\r\n\r\n3\r\n"])
    login.create("Other")
    login.append("Other", first)
    return login


def test_objectid_live(pymap_login: Login) -> None:
    login = two_threads(pymap_login)
    with login.imaplib() as client:
        checked(client.select("INBOX", readonly=True))
        told = b"".join(filter(None, checked(client.uid("FETCH", "1:*", "(EMAILID THREADID)")))).decode()
    plain = list(zip(re.findall(r"EMAILID \((\w+)\)", told), re.findall(r"THREADID \((\w+)\)", told), strict=True))
    assert len(plain) == 3
    for _ in range(2):
        with imapdb.connect(login.url()) as db:
            assert shown(db, "SELECT email_id, thread_id FROM INBOX") == plain
            assert shown(db, "SELECT email_id, labels FROM INBOX WHERE subject = 'Re: one'") == [(plain[1][0], None)]
            assert shown(db, "SELECT count(DISTINCT email_id), count(labels) FROM INBOX") == [(3, 0)]
            joined = "SELECT b.mailbox FROM INBOX a JOIN messages b USING (email_id) WHERE a.subject = 'one' ORDER BY 1"
            assert db.execute(joined).scalars().all() == ["INBOX", "Other"]
            assert db(db.INBOX.thread_id == plain[0][1]).count() == 2
            row = db.execute("SELECT * FROM INBOX ORDER BY uid LIMIT 1").one()
            assert (row.email_id, row.thread_id, row.labels) == (*plain[0], None)
            message = db(db.INBOX.subject == "else").first()
            assert message is not None
            assert (message.email_id, message.thread_id, message.labels) == (*plain[2], None)


@pytest.mark.parametrize("mail_server", ["dovecot", "greenmail"], indirect=True)
def test_servers_that_have_neither_are_asked_nothing(login: Login) -> None:
    two_threads(login)
    with Proxy(login.host, login.port) as proxy, imapdb.connect(login.through(proxy).url(tls="none")) as db:
        nothing = (None, None, None)
        assert shown(db, f"SELECT uid, {NAMES} FROM INBOX") == [(uid, *nothing) for uid in (1, 2, 3)]
        assert shown(db, f"SELECT {NAMES} FROM INBOX ORDER BY uid DESC LIMIT 1") == [nothing]
        assert db.execute("SELECT uid FROM INBOX WHERE thread_id IS NULL AND seen = 0").scalars().all() == [1, 2, 3]
        assert shown(db, "SELECT uid FROM INBOX WHERE thread_id = 'T1' OR labels LIKE '%x%'") == []
        assert shown(db, "SELECT count(*), count(email_id) FROM messages") == [(4, 0)]
        joined = "SELECT count(*) FROM INBOX a JOIN INBOX b ON a.thread_id IS b.thread_id"
        assert db.execute(joined).scalar() == 9
        assert not [command for command in proxy.commands if "FETCH" in command]
        # UIDs that are listed are fetched, to learn which of them are there.
        assert shown(db, "SELECT uid, labels FROM INBOX WHERE uid IN (2, 77)") == [(2, None)]
        assert shown(db, "SELECT uid, thread_id FROM INBOX WHERE uid = 78") == []
        assert shown(db, f"SELECT subject, {NAMES} FROM INBOX WHERE uid = 2") == [("Re: one", *nothing)]
        assert all("(UID)" in c or "SUBJECT" in c for c in proxy.commands if "FETCH" in c)
        assert not [command for command in proxy.commands if re.search("EMAILID|THREADID|X-GM", command)]


def test_reflection_has_them(dovecot_login: Login) -> None:
    engine = sa.create_engine(dovecot_login.url())
    reflected = {column["name"]: column["type"] for column in sa.inspect(engine).get_columns("INBOX")}
    assert isinstance(reflected["labels"], sa.JSON)
    for name in ("list_id", "email_id", "thread_id"):
        assert isinstance(reflected[name], sa.Text)
    with engine.connect() as connection:
        named = connection.execute(sa.text("SELECT * FROM INBOX")).keys()
        assert {"list_id", "email_id", "thread_id", "labels"} <= set(named)
    engine.dispose()


LISTS = [
    (b"List-Id: <python.lists.example>\r\n", "<python.lists.example>"),
    (b"List-ID: Talk about things\r\n <things.lists.example>\r\n", "Talk about things <things.lists.example>"),
    (b'list-id: "R & D"\r\n\t<rd.example>\r\n', '"R & D"\t<rd.example>'),
    (b"List-Id: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <g.example>\r\n", "Grüße <g.example>"),
    (b"List-Id: \r\n", ""),
    (b"List-Id: <a.example>\r\nList-Id: <b.example>\r\n", "<a.example>"),
    (b"X-List-Id: <no.example>\r\n", None),
    (
        b"List-Id: =?utf-8?b?R3LDvMOfZSBhdXMgxYHDsw==?=\r\n =?utf-8?b?ZMW6?= <k.example>\r\n",
        "Grüße aus Łódź <k.example>",
    ),
    (b"", None),
]


def test_the_list_a_message_came_by(login: Login) -> None:
    uids = login.append_all("INBOX", [b"Subject: s\r\n" + field + b"\r\nbody\r\n" for field, _ in LISTS])
    expected = [text for _, text in LISTS]
    with Proxy(login.host, login.port) as proxy, imapdb.connect(login.through(proxy).url(tls="none")) as db:
        assert db.execute("SELECT list_id FROM INBOX").scalars().all() == expected
        fetched = [command for command in proxy.commands if "FETCH" in command]
        assert fetched == [f"UID FETCH {uids[0]}:{uids[-1]} (UID BODY.PEEK[HEADER.FIELDS (LIST-ID)])"]
        # The same of the whole message.
        assert db.execute("SELECT list_id, email FROM INBOX").scalars().all() == expected
        assert db(db.INBOX.list_id.contains("g.example")).count() == 1
        assert db(db.INBOX.list_id.contains("grüsse")).count() == 2
        assert db(db.INBOX.list_id.contains("us Łódź")).count() == 1
        assert db(db.INBOX.list_id.like("%aus%")).count() == 1
        assert db.execute("SELECT count(*) FROM INBOX WHERE list_id IS NULL").scalar() == 2


def test_encoded_words_of_any_field_are_decoded_where_the_profile_says_so(login: Login) -> None:
    """GreenMail looks at them as they are written, and finds none of their words."""
    uid = login.append("INBOX", b"List-Id: =?utf-8?b?UHl0aG9uIGF1cyDFgcOzZMW6?= <k.example>\r\n\r\nbody\r\n")
    profile = PROFILES[login.server.name]
    with login.imaplib() as client:
        client.select("INBOX", readonly=True)
        (found,) = checked(client.uid("SEARCH", 'HEADER List-Id "python"'))
    assert found.split() == [b"%d" % uid] * profile.decodes_headers
