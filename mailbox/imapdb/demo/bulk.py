"""The mail of programs: newsletters, notices with attachments, build results, a discussion list."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from imapdb.demo import compose, files
from imapdb.demo.letter import SEEN, Letter, headers, state, written
from imapdb.demo.texts import LOREM, ME, NEWSLETTERS, NOTICES, PEOPLE, Person

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

__all__ = ["builds", "discussion", "newsletters", "notices"]

_HALF_A_YEAR = timedelta(days=180)
_BUILDS = Person("Build machine", "ci@builds.example", "us-ascii")
_LIST = Person("python-talk", "python-talk@lists.example", "us-ascii")


def newsletters(now: datetime) -> Iterator[Letter]:
    """Write each newsletter as often as it comes: text and html, List-Id, and a picture in the larger ones."""
    for paper in NEWSLETTERS:
        for number in range(_HALF_A_YEAR // timedelta(days=paper.days)):
            when = now - timedelta(hours=7, minutes=len(paper.list_id)) - number * timedelta(days=paper.days)
            subject = paper.subject.format(n=70 - number)
            paragraphs = [LOREM[(number + line) % len(LOREM)] for line in range(paper.paragraphs)]
            html = "".join(f"<p>{paragraph}</p>\n" for paragraph in paragraphs)
            body = compose.alternative(
                written("\n\n".join(paragraphs), paper.sender),
                compose.text(f"<html><body><h1>{subject}</h1>\n{html}</body></html>\n", subtype="html"),
            )
            if paper.paragraphs > 50:  # noqa: PLR2004 - the two that look like catalogues
                logo = compose.attached(
                    files.png(160, 90, paper.list_id), "image/png", "logo.png", disposition="inline", content_id="logo"
                )
                body = compose.multipart("related", "=_related", (body, logo))
            fields = [
                *headers(paper.sender, ME, subject, when, f"<{number}@{paper.list_id}>"),
                ("List-Id", f"{compose.encoded(paper.sender.name)} <{paper.list_id}>"),
                ("List-Unsubscribe", f"<mailto:leave@{paper.list_id}>"),
                ("Precedence", "bulk"),
            ]
            yield Letter("INBOX", when, state(now - when, number + 1), compose.message(fields, body))


def notices(now: datetime) -> Iterator[Letter]:
    """Write invoices, sales figures and invitations, each with its file."""
    for number in range(30):
        kind, sender, subject = NOTICES[number % len(NOTICES)]
        when = now - timedelta(hours=2, minutes=35) - number * timedelta(days=4, hours=5)
        title = subject.format(n=3100 - number)
        body = written("The details are in the attached file.", sender)
        if kind == "invoice":
            part = compose.mixed(body, compose.attached(files.pdf(title), "application/pdf", f"{title}.pdf"))
        elif kind == "figures":
            part = compose.mixed(body, compose.attached(files.table(40 + 300 * number), "text/csv", "figures.csv"))
        else:
            event = files.calendar(title, f"{when + timedelta(days=3):%Y%m%dT%H0000Z}")
            part = compose.alternative(body, compose.text(event, subtype="calendar", transfer="8bit"))
        keywords = ("invoice",) if kind == "invoice" else ()
        fields = headers(sender, ME, title, when, f"<notice{number}@{sender.address.partition('@')[2]}>")
        yield Letter("INBOX", when, state(now - when, number) + keywords, compose.message(fields, part))


def builds(now: datetime) -> Iterator[Letter]:
    """Write what the build machine says, the more often the closer to now: the smallest mail of the account."""
    for number in range(28):
        when = now - timedelta(minutes=48) - timedelta(hours=number**2 * 3.1)
        outcome = "failed" if number % 4 == 2 else "passed"  # noqa: PLR2004 - the third of every four
        subject = f"[build] main #{4200 - number} {outcome}"
        part = compose.text(f"{outcome}\n", charset="us-ascii", transfer="7bit")
        fields = [
            *headers(_BUILDS, ME, subject, when, f"<build{4200 - number}@builds.example>"),
            ("Auto-Submitted", "auto-generated"),
        ]
        yield Letter("INBOX", when, state(now - when, number + 2), compose.message(fields, part))


def discussion(now: datetime) -> Iterator[Letter]:
    """Write a public list: ten threads of five messages by different people."""
    people = [person for person in PEOPLE.values() if person.name]
    for number in range(50):
        topic, turn = divmod(number, 5)
        sender = people[(topic + 3 * turn) % len(people)]
        when = now - timedelta(days=8 * (9 - topic) + 1) + timedelta(hours=4 * turn, minutes=13 * topic)
        subject = f"[python-talk] {LOREM[topic % len(LOREM)][:40]}"
        thread = [f"<l{topic}.{earlier}@lists.example>" for earlier in range(turn + 1)]
        fields = [
            *headers(sender, _LIST, subject if turn == 0 else f"Re: {subject}", when, *thread),
            ("List-Id", "Talk about Python <python-talk.lists.example>"),
            ("Reply-To", _LIST.address),
        ]
        flags = (SEEN,) if number % 6 else ()
        yield Letter("Lists/python", when, flags, compose.message(fields, written(LOREM[turn % len(LOREM)], sender)))
