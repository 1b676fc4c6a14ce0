"""The sample account: the same for the same moment, well-formed where it means to be, and quick to have."""

from __future__ import annotations

import email
import email.policy
import imaplib
import time
import zlib
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

import imapdb.demo
from imapdb.demo import compose, files, oddities
from imapdb.demo.letter import address
from imapdb.demo.mail import fill, letters
from imapdb.demo.texts import PEOPLE, Person
from imapdb.errors import ServerRefused

if TYPE_CHECKING:
    from email.message import EmailMessage

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ACCOUNT = letters(NOW)


def read(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def test_the_same_for_the_same_now() -> None:
    assert letters(NOW) == ACCOUNT
    assert letters(NOW.astimezone(timezone(timedelta(hours=9)))) == ACCOUNT


def test_what_is_where() -> None:
    counts = Counter(letter.mailbox for letter in ACCOUNT)
    assert set(counts) == {
        "INBOX", "Sent", "Drafts", "Junk", "Archive/2025", "Lists/python", "Reise & Urlaub", "日本語"
    }  # fmt: skip
    assert 180 <= counts["INBOX"] <= 250
    assert 350 <= len(ACCOUNT) <= 500


def test_oldest_first_and_nothing_from_the_future() -> None:
    dates = [letter.received for letter in ACCOUNT]
    assert dates == sorted(dates)
    assert dates[-1] < NOW
    inbox = [letter for letter in ACCOUNT if letter.mailbox == "INBOX"]
    assert NOW - inbox[-1].received < timedelta(hours=1)
    assert NOW - inbox[0].received > timedelta(days=150)


@pytest.mark.parametrize("hours", range(0, 24, 5))
def test_questions_about_yesterday_have_answers_at_any_hour(hours: int) -> None:
    now = NOW.replace(hour=hours)
    recent = [
        letter
        for letter in letters(now)
        if letter.mailbox == "INBOX"
        and letter.received >= now - timedelta(days=1)
        and "\\Seen" not in letter.flags
        and len(letter.raw) < 10_000
    ]
    assert len(recent) >= 3


def test_flags_of_every_kind() -> None:
    flags = Counter(flag for letter in ACCOUNT for flag in letter.flags)
    assert set(flags) == {"\\Seen", "\\Answered", "\\Flagged", "\\Draft", "$Forwarded", "$Junk", "invoice", "travel"}
    unread = [letter for letter in ACCOUNT if letter.mailbox == "INBOX" and "\\Seen" not in letter.flags]
    assert 30 <= len(unread) <= 100


def test_threads_run_over_inbox_and_sent() -> None:
    messages = [(letter, read(letter.raw)) for letter in ACCOUNT if letter.mailbox in ("INBOX", "Sent")]
    ids = {message["Message-ID"]: letter for letter, message in messages}
    assert len(ids) == len(messages)
    answered = [
        letter
        for letter, message in messages
        if letter.mailbox == "INBOX" and getattr(ids.get(message["In-Reply-To"]), "mailbox", None) == "Sent"
    ]
    assert len(answered) >= 20
    for letter, message in messages:
        parent = ids.get(message["In-Reply-To"])
        if parent is not None:
            assert parent.received < letter.received
            assert message["References"].split()[-1] == message["In-Reply-To"]


def test_many_charsets_and_encodings() -> None:
    everything = b"".join(letter.raw for letter in ACCOUNT).lower()
    for words in (b"utf-8?q?", b"utf-8?b?", b"iso-8859-1?q?", b"iso-2022-jp?b?", b"koi8-r?b?", b"shift_jis?b?"):
        assert b"=?" + words in everything
    for charset in (b"iso-2022-jp", b"koi8-r", b"windows-1252", b"gb2312"):
        assert b"charset=" + charset in everything
    for transfer in (b"7bit", b"8bit", b"quoted-printable", b"base64"):
        assert b"content-transfer-encoding: " + transfer in everything


def test_people_survive_their_encoding() -> None:
    for person in PEOPLE.values():
        message = read(compose.message([("From", address(person))], compose.text("x")))
        (found,) = message["From"].addresses
        assert (found.display_name, found.addr_spec) == (person.name, person.address)


def test_attachments_are_what_they_claim_to_be() -> None:
    kinds = Counter[str]()
    for letter in ACCOUNT:
        if letter.mailbox not in ("INBOX", "Reise & Urlaub") or b"boundary=none" in letter.raw:
            continue
        for part in read(letter.raw).iter_attachments():
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            kinds[part.get_content_type()] += 1
            if part.get_content_type() == "application/pdf":
                assert content.startswith(b"%PDF-")
                assert (part.get_filename() or "").endswith(".pdf")
            elif part.get_content_type() == "image/png":
                assert content.startswith(b"\x89PNG")
    assert min(kinds[kind] for kind in ("application/pdf", "image/png", "text/csv")) >= 5


def test_pictures_are_valid() -> None:
    content = files.png(20, 10, "seed")
    length = int.from_bytes(content[33:37])
    assert content[37:41] == b"IDAT"
    assert len(zlib.decompress(content[41 : 41 + length])) == 10 * 21


def test_sizes_are_spread() -> None:
    sizes = sorted(len(letter.raw) for letter in ACCOUNT if letter.mailbox == "INBOX")
    assert sizes[0] < 400
    assert sizes[-1] > 100_000


@pytest.mark.parametrize("how", ["B", "Q"])
def test_encoded_words_are_short_and_whole(how: compose.How) -> None:
    value = "Grüße und 日本語 " * 12
    written = compose.encoded(value, "utf-8", how)
    assert all(len(word) <= 75 for word in written.split("\r\n "))
    assert str(read(f"Subject: {written}\r\n\r\n".encode())["Subject"]) == value


def test_names_with_specials_are_quoted() -> None:
    assert address(Person('A "B" \\ C', "a@b.example")) == '"A \\"B\\" \\\\ C" <a@b.example>'


def test_oddities_hold_lines_that_smtp_could_have_carried() -> None:
    for letter in (*oddities.odd(NOW), *oddities.junk(NOW)):
        assert b"\r\n\r\n" in letter.raw
        assert all(len(line) < 998 for line in letter.raw.split(b"\r\n"))


def connect(url: str) -> imaplib.IMAP4:
    parts = urlsplit(url)
    imap = imaplib.IMAP4(parts.hostname or "", parts.port or 0, timeout=10)
    imap.login(parts.username or "", parts.password or "")
    return imap


def test_the_server_has_it_all() -> None:
    started = time.perf_counter()
    with imapdb.demo.server(NOW) as url:
        took = time.perf_counter() - started
        with connect(url) as imap:
            _, lines = imap.list()
            names = [line.decode() for line in lines if isinstance(line, bytes)]
            assert sum("\\Noselect" not in name for name in names) == 8
            assert any('"Reise &- Urlaub"' in name for name in names)
            assert any("&ZeVnLIqe-" in name for name in names)
            assert imap.select("INBOX", readonly=True)[1] == [
                b"%d" % sum(letter.mailbox == "INBOX" for letter in ACCOUNT)
            ]
            _, unseen = imap.search(None, "UNSEEN", "SINCE", "19-Nov-2026")
            assert len(unseen[0].split()) >= 3
    # 0.8 s where this was written
    assert took < 5


def test_a_server_that_refuses() -> None:
    with (
        imapdb.demo.server(NOW) as url,
        connect(url) as imap,
        pytest.raises(ServerRefused, match="sample mail") as caught,
    ):
        fill(imap, NOW)
    assert "Sent" not in str(caught.value)
    assert caught.value.server_text
