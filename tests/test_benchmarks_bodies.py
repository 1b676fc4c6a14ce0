"""The whole mail that the measurements read: it is what it says it is, and a wrong answer shows."""

from __future__ import annotations

import json

import pytest

from benchmarks.bodies import Filed, filed
from benchmarks.questions import KnownParts, Parts, asked, difference, words
from imapdb.imap.fetched import Fetched
from imapdb.sql import said

EVERYTHING = Parts(("uid", "text", "html", "attachments"))


@pytest.fixture(scope="module")
def mail() -> list[Filed]:
    return list(filed(120))


def test_the_mail_is_the_same_every_time(mail: list[Filed]) -> None:
    assert list(filed(120)) == mail
    assert all(b"\n" not in one.octets.replace(b"\r\n", b"") for one in mail)
    assert all(one.text is not None or one.html is not None for one in mail)
    large = [one for one in mail if len(one.octets) > 100_000]
    assert 0 < len(large) < 30
    assert all(one.attached and one.text_octets < 100_000 for one in large)


def test_what_is_known_of_it_is_what_is_in_it(mail: list[Filed]) -> None:
    rows = []
    for uid, one in enumerate(mail, 1):
        message = Fetched(uid)
        message.body = one.octets
        rows.append((uid, said.text(message), said.html(message), said.attachments(message)))
    known = [one.known(uid) for uid, one in enumerate(mail, 1)]
    assert difference(rows, known, EVERYTHING) is None


KNOWN = [
    KnownParts(1, 100, words("a text"), None, [], 6),
    KnownParts(2, 900, words("another"), words("<p>another"), [("a.pdf", "application/pdf", 500)], 7),
]
RIGHT = [(1, "a\ntext\n", None, []), (2, "another", "<p>another", [("a.pdf", "application/pdf", 501)])]


def test_line_ends_and_the_end_of_base64_are_nobodys_mistake() -> None:
    assert difference(RIGHT, KNOWN, EVERYTHING) is None
    attachments = [{"part": "2", "filename": "a.pdf", "content_type": "application/pdf", "size": 500}]
    for told in (attachments, json.dumps(attachments)):
        assert difference([RIGHT[0], (*RIGHT[1][:3], told)], KNOWN, EVERYTHING) is None


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([RIGHT[0]], "1 messages are missing"),
        ([*RIGHT, RIGHT[0]], "message 1 twice, or not asked for"),
        ([(1, "another text", None, []), RIGHT[1]], "another text of message 1"),
        ([RIGHT[0], (2, "another", None, [])], "another html of message 2"),
        ([RIGHT[0], (2, "another", "<p>another", [])], "other attachments of message 2: []"),
        (
            [RIGHT[0], (2, "another", "<p>another", [("a.pdf", "application/pdf", 400)])],
            "other attachments of message 2",
        ),
    ],
)
def test_a_wrong_answer_shows(rows: list[tuple[object, ...]], complaint: str) -> None:
    assert (difference(rows, KNOWN, EVERYTHING) or "").startswith(complaint)


def test_a_condition_leaves_messages_out() -> None:
    assert asked(KNOWN, Parts(("uid",), last=1)) == KNOWN[:1]
    assert asked(KNOWN, Parts(("uid",), larger=100)) == KNOWN[1:]
