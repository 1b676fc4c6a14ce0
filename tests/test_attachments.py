"""Attachments as objects: what is read is what was sent, on every server and whatever becomes of the line."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

import imapdb
from imapdb import errors
from imapdb.attachment import Attachment, attachments_of
from imapdb.octets import Source
from tests.kit.attached import attached, letter, named
from tests.kit.login import checked
from tests.kit.proxy import Proxy
from tests.kit.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.servers import Login

OCTETS = bytes(range(256)) * 600
LINES = b"plain lines, as they are\r\n" * 5_000 + b"the last one"
FORWARDED = b"From: bob@example.org\r\nSubject: inside\r\nMIME-Version: 1.0\r\n\r\n" + b"inside\r\n" * 9_000 + b"end"
FILE = 'Content-Disposition: attachment; filename="%s"\r\n'
WAYS = {
    "base64": (OCTETS, attached(OCTETS, "base64", FILE % "a.bin")),
    "quoted-printable": (OCTETS, attached(OCTETS, "quoted-printable", FILE % "q.bin")),
    "8bit": (LINES, attached(LINES, "8bit", FILE % "8.txt", "text/plain")),
    "x-uuencode": (OCTETS, attached(OCTETS, "x-uuencode", FILE % "u.bin")),
    "message": (FORWARDED, attached(FORWARDED, "7bit", kind="message/rfc822")),
    "tnef": (b"\x78\x9f\x3e\x22", attached(b"\x78\x9f\x3e\x22", "base64", FILE % "winmail.dat", "application/ms-tnef")),
}


def only(db: imapdb.Database) -> imapdb.Message:
    (message,) = db(db.INBOX).select()
    assert isinstance(message, imapdb.Message)
    return message


def test_what_is_read_is_what_was_sent(login: Login, tmp_path: Path) -> None:
    login.append("INBOX", letter(*(part for _, part in WAYS.values())))
    # The line end before a boundary is no part of what it ends (RFC 2046 5.1.1): pymap gives it, Courier half of it.
    tails = {"pymap": dict.fromkeys(("quoted-printable", "8bit", "message"), b"\r\n"), "courier": {"message": b"\r"}}
    tail = tails.get(login.server.name, {})
    with imapdb.connect(login.url()) as db:
        found = only(db).attachments
        assert [attachment.part for attachment in found] == ["2", "3", "4", "5", "6", "7"]
        for (way, (octets, _)), attachment in zip(WAYS.items(), found, strict=True):
            sent = octets + tail.get(way, b"")
            assert attachment.read() == sent, way
            assert attachment.problems == (), way
            with attachment.open() as file:
                assert file.read(10) + file.read() == sent
            assert attachment.save(tmp_path).read_bytes() == sent
        listed = sorted(path.name for path in tmp_path.iterdir())
        assert listed == ["8.txt", "a.bin", "part-6.eml", "q.bin", "u.bin", "winmail.dat"]
        assert [a.content_type for a in found[4:]] == ["message/rfc822", "application/ms-tnef"]
        assert only(db).seen is False


@pytest.fixture
def db(dovecot_login: Login) -> Iterator[imapdb.Database]:
    dovecot_login.append("INBOX", letter(*(part for _, part in WAYS.values())))
    with imapdb.connect(dovecot_login.url()) as opened:
        yield opened


@contextmanager
def through_a_proxy(login: Login) -> Iterator[tuple[Proxy, imapdb.Database]]:
    with Proxy(login.host, login.port) as proxy, imapdb.connect(login.through(proxy).url()) as opened:
        yield proxy, opened


def test_an_object_says_what_the_column_says(db: imapdb.Database) -> None:
    message = only(db)
    first = message.attachments[0]
    assert dict(first) == {
        "part": "2",
        "filename": "a.bin",
        "content_type": "application/octet-stream",
        "size": 153_600,
        "content_id": None,
        "disposition": "attachment",
    }
    (row,) = db(db.INBOX).select(db.INBOX.attachments)
    assert row.attachments == message.attachments
    assert first["filename"] == first.filename == first.name == "a.bin"
    assert first.get("nothing") is None
    assert "part" in first
    assert repr(first) == "<Attachment 2 'a.bin': application/octet-stream, 153600 octets>"
    assert first == message.attachments[0]
    assert message.attachments is message.attachments
    # Made from the structure, without the column.
    assert attachments_of(Source(db, "INBOX", message.uid)) == message.attachments


def test_the_column_is_one_for_conditions(db: imapdb.Database) -> None:
    inbox = db.INBOX
    assert db(inbox.attachments.contains("winmail")).count() == 1
    assert db(inbox.attachments.contains("nowhere")).count() == 0
    assert db(inbox.attachments.is_not(None)).select(inbox.uid, orderby=inbox.attachments) == [(1,)]
    with pytest.raises(errors.NotSupportedError, match="only reads"):
        only(db).attachments = []  # type: ignore[assignment]


def test_any_part_can_be_read(db: imapdb.Database) -> None:
    message = only(db)
    assert message.part("1").read() == b"See below."
    assert message.part("6").content_type == "message/rfc822"
    assert message.part("6.1").read() == FORWARDED.partition(b"\r\n\r\n")[2]
    assert message.part("TEXT").content_type == "multipart/mixed"
    for section in ("9", "2.1", "", "1]", "HEADER", "2 BODY[]"):
        with pytest.raises(errors.ProgrammingError, match="no part"):
            message.part(section)


def test_a_message_of_all_mailboxes_has_them_too(login: Login) -> None:
    mailbox = login.server.named("Entwürfe & Co")
    login.create(mailbox)
    login.append(mailbox, letter(named("a.txt")))
    with imapdb.connect(login.url()) as db:
        (message,) = db(db.messages.mailbox == mailbox).select()
        assert message.attachments[0].read() == b"octets"
        assert message.part("2").read() == b"octets"
        assert attachments_of(Source(db, mailbox, message.uid))[0].read() == b"octets"


def test_a_file_is_read_in_any_steps(db: imapdb.Database) -> None:
    file = only(db).attachments[0].open()
    assert isinstance(file, io.BufferedReader)
    assert file.readable()
    assert not file.seekable()
    assert file.raw.name == "a.bin"  # type: ignore[attr-defined]
    assert file.read(1) + file.read1(5) + file.peek(3)[:0] + file.read(100_000) + file.read() == OCTETS
    assert file.read() == b""
    file.close()
    lines = list(only(db).attachments[2].open())
    assert b"".join(lines) == LINES
    assert len(lines) == 5_001


def test_an_attachment_of_nothing(dovecot_login: Login, tmp_path: Path) -> None:
    dovecot_login.append("INBOX", letter(attached(b"", "base64", FILE % "empty")))
    with imapdb.connect(dovecot_login.url()) as db:
        (attachment,) = only(db).attachments
        assert attachment.read() == b""
        assert attachment.open().read() == b""
        assert attachment.save(tmp_path).stat().st_size == 0


def test_what_had_to_be_repaired_is_told(dovecot_login: Login) -> None:
    part = b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA AA*"
    dovecot_login.append("INBOX", letter(part))
    with imapdb.connect(dovecot_login.url()) as db:
        (attachment,) = only(db).attachments
        assert attachment.read() == bytes(4)
        assert len(attachment.problems) == 2
        again = only(db).attachments[0]
        again.open().read()
        assert again.problems == attachment.problems


def test_two_are_read_side_by_side_and_beside_a_query(dovecot_login: Login) -> None:
    login = dovecot_login
    uids = login.append_all("INBOX", [letter(*(part for _, part in WAYS.values()))] * 250)
    with imapdb.connect(login.url(), pool_size=1, max_overflow=0) as db:
        first, second, third, *_ = only_one(db, uids[0]).attachments
        pieces: dict[int, bytes] = {0: b"", 1: b""}
        files = [first.open(), third.open()]
        seen = 0
        # One session serves the query, the two files, and what is read at once.
        for number, message in enumerate(db(db.INBOX)):
            seen += 1
            for place, file in enumerate(files):
                pieces[place] += file.read(1000)
            if number % 50 == 0:
                assert message.attachments[1].read() == second.read() == OCTETS
        assert seen == len(uids)
        assert pieces[0] + files[0].read() == OCTETS
        assert pieces[1] + files[1].read() == LINES
        assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def only_one(db: imapdb.Database, uid: int) -> imapdb.Message:
    message = db(db.INBOX.uid == uid).first()
    assert isinstance(message, imapdb.Message)
    return message


def test_threads_read_while_a_query_streams(dovecot_login: Login, tmp_path: Path) -> None:
    login = dovecot_login
    login.append_all("INBOX", [letter(*(part for _, part in WAYS.values()))] * 120)
    with imapdb.connect(login.url()) as db:
        attachments = [message.attachments[0] for message in db(db.INBOX).select(limitby=(0, 3))]
        saved: list[bytes] = []
        threads = [
            threading.Thread(target=lambda a=a: saved.append(a.save(tmp_path).read_bytes())) for a in attachments
        ]
        rows = iter(db(db.INBOX))
        next(rows)
        for thread in threads:
            thread.start()
        assert sum(1 for _ in rows) == 119
        for thread in threads:
            thread.join()
        assert saved == [OCTETS] * 3
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a (2).bin", "a (3).bin", "a.bin"]


def test_a_small_one_costs_one_round_trip(dovecot_login: Login) -> None:
    dovecot_login.append("INBOX", letter(named("a.txt"), named("b.txt")))
    with through_a_proxy(dovecot_login) as (proxy, db):
        first, second = only(db).attachments
        proxy.clear()
        assert first.read() == b"octets"
        assert proxy.commands == ["UID FETCH 1 (UID BODYSTRUCTURE BODY.PEEK[2]<0.65536>)"]
        # What was told of the message is not asked for again.
        assert second.read() == b"octets"
        assert proxy.commands[1:] == ["UID FETCH 1 (UID BODY.PEEK[3]<0.65536>)"]
        assert proxy.round_trips == 2


@pytest.mark.parametrize("way", ["read", "open", "save"])
def test_a_line_cut_in_the_middle_costs_what_was_under_way(dovecot_login: Login, tmp_path: Path, way: str) -> None:
    octets = bytes(range(256)) * 20_000
    dovecot_login.append("INBOX", letter(attached(octets, "base64", FILE % "a.bin")))
    with through_a_proxy(dovecot_login) as (proxy, db):
        (attachment,) = only(db).attachments
        proxy.clear()
        proxy.cut_after(4_000_000, once=True)
        match way:
            case "read":
                assert attachment.read() == octets
            case "open":
                assert attachment.open().read() == octets
            case "save":
                assert attachment.save(tmp_path).read_bytes() == octets
        assert proxy.connections == 1
        assert proxy.octets_down < len(octets) / 57 * 78 + 2 * 1024 * 1024 + 20_000


def test_no_file_is_left_where_the_line_stays_cut(dovecot_login: Login, tmp_path: Path) -> None:
    dovecot_login.append("INBOX", letter(attached(OCTETS * 20, "base64", FILE % "a.bin")))
    with through_a_proxy(dovecot_login) as (proxy, db):
        (attachment,) = only(db).attachments
        proxy.cut_after(1_000_000)
        with pytest.raises(errors.OperationalError):
            attachment.save(tmp_path)
        assert list(tmp_path.iterdir()) == []
        proxy.mend()
        assert attachment.save(tmp_path).read_bytes() == OCTETS * 20


def test_one_that_was_expunged_meanwhile(login: Login, tmp_path: Path) -> None:
    login.append_all("INBOX", [letter(named("a.txt")), letter(named("b.txt"))])
    with imapdb.connect(login.url()) as db:
        gone, here = (message.attachments[0] for message in db(db.INBOX).select(orderby=db.INBOX.uid))
        assert gone.read() == here.read() == b"octets"
        with login.imaplib() as client:
            client.select("INBOX")
            checked(client.uid("STORE", str(db(db.INBOX).select(db.INBOX.uid)[-1][0]), "+FLAGS", r"(\Deleted)"))
            checked(client.expunge())
        # The commands after it see it gone, at the latest.
        db(db.INBOX).count()
        for _ in range(2):
            with pytest.raises(errors.OperationalError, match="no longer"):
                gone.save(tmp_path)
        assert here.read() == b"octets"
        assert list(tmp_path.iterdir()) == []


def test_a_mailbox_that_was_made_anew(dovecot_login: Login) -> None:
    login = dovecot_login
    login.create("Box")
    login.append("Box", letter(named("a.txt", b"first one")))
    with imapdb.connect(login.url()) as db:
        (message,) = db(db["Box"]).select()
        known, unknown = message.attachments[0], attachments_of(Source(db, "Box", message.uid))[0]
        described = Attachment(Source(db, "Box", message.uid), dict(message.attachments[0]))
        assert known.read() == b"first one"
        with login.imaplib() as client:
            checked(client.delete("Box"))
            checked(client.create("Box"))
        login.append("Box", letter(named("other.txt", b"another, longer one")))
        # Until the mailbox is entered anew, Dovecot may go on with the one that is deleted.
        assert db(db["Box"]).count() == 1
        for attachment in (known, unknown):
            with pytest.raises(errors.StaleMailbox, match="UIDVALIDITY"):
                attachment.read()
        (again,) = db(db["Box"]).select()
        assert again is message
        assert again.attachments[0].read() == b"another, longer one"
        # Even where the UIDVALIDITY of the listing is not known.
        with pytest.raises(errors.StaleMailbox, match="not what it was"):
            described.read()


def test_a_closed_database_says_so(db: imapdb.Database) -> None:
    attachment = only(db).attachments[0]
    file = attachment.open()
    file.read(10)
    db.close()
    for use in (attachment.read, file.read):
        with pytest.raises(errors.InterfaceError, match="closed"):
            use()


IN: list[str | bytes] = [
    "S: * OK [CAPABILITY IMAP4rev1] ready",
    "C: LOGIN ...",
    "S: $tag OK [CAPABILITY IMAP4rev1] in",
    'C: EXAMINE "INBOX"',
    "S: * OK [UIDVALIDITY 7]",
    "S: $tag OK",
]


def played(script: list[str | bytes]) -> Transcript:
    return Transcript([*IN, *script, "HOLD"])


def test_a_server_that_knows_of_no_pieces() -> None:
    structure = b'("application" "x" NIL NIL NIL "base64" 8 NIL ("attachment" ("filename" "../x")) NIL NIL)'
    script: list[str | bytes] = [
        "C: UID FETCH 3 (UID BODYSTRUCTURE BODY.PEEK[1]<0.65536>)",
        b"* 1 FETCH (UID 3 BODYSTRUCTURE " + structure + b" BODY[1] {8}\r\naGVsbG8=)\r\n",
        "S: $tag OK",
    ]
    told = {"part": "1", "filename": "../x", "content_type": "application/x", "size": 6, "content_id": None}
    with played(script) as server, imapdb.connect(f"imap://u:p@{server.host}:{server.port}/") as db:
        attachment = Attachment(Source(db, "INBOX", 3), told | {"disposition": "attachment"})
        assert attachment.read() == b"hello"
        assert attachment.name == "x"


def test_a_structure_of_no_use_is_found_out_here() -> None:
    message = letter(named("a.txt", b"octets of the first"), named("b.txt", b"of the second"))
    told = b"* 1 FETCH (UID 3 %sBODY[%s]<%d> {%d}\r\n%s)\r\n"
    broken = b"BODYSTRUCTURE ((NIL NIL) NIL) "
    first = message.index(b"b2N0ZXRz")
    second = message.index(b"b2YgdGhl")
    whole: list[str | bytes] = [
        "C: UID FETCH 3 (UID BODY.PEEK[]<0.65536>)",
        told % (b"", b"", 0, len(message), message),
        "S: $tag OK",
        "C: EXAMINE ...",
        "S: * OK [UIDVALIDITY 7]",
        "S: $tag OK",
        f"C: UID FETCH 3 (UID BODY.PEEK[]<{len(message)}.262144>)",
        told % (b"", b"", len(message), 0, b""),
        "S: $tag OK",
    ]
    script: list[str | bytes] = [
        "C: UID FETCH 3 (UID BODYSTRUCTURE BODY.PEEK[]<0.1>)",
        told % (broken, b"", 0, 1, b"F"),
        "S: $tag OK",
        *whole,
        f"C: UID FETCH 3 (UID BODY.PEEK[]<{first}.28>)",
        told % (b"", b"", first, 28, message[first : first + 28]),
        "S: $tag OK",
        f"C: UID FETCH 3 (UID BODY.PEEK[]<{second}.20>)",
        told % (b"", b"", second, 20, message[second : second + 20]),
        "S: $tag OK",
        # Found out only while it is read.
        "C: UID FETCH 3 (UID BODYSTRUCTURE BODY.PEEK[3]<0.65536>)",
        told % (broken, b"3", 0, 5, b"wrong"),
        "S: $tag OK",
        *whole,
        f"C: UID FETCH 3 (UID BODY.PEEK[]<{second}.20>)",
        told % (b"", b"", second, 20, message[second : second + 20]),
        "S: $tag OK",
    ]
    with played(script) as server, imapdb.connect(f"imap://u:p@{server.host}:{server.port}/") as db:
        found = attachments_of(Source(db, "INBOX", 3))
        assert [(attachment.part, attachment.name) for attachment in found] == [("2", "a.txt"), ("3", "b.txt")]
        assert [attachment.read() for attachment in found] == [b"octets of the first", b"of the second"]
        assert Attachment(Source(db, "INBOX", 3), found[1]).read() == b"of the second"
