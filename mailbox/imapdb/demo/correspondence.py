"""The mail of people: conversations over INBOX and Sent, notes, and the quieter mailboxes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from imapdb.demo import compose, files
from imapdb.demo.letter import ANSWERED, DRAFT, FLAGGED, SEEN, Letter, headers, state, written
from imapdb.demo.texts import CONVERSATIONS, JAPANESE, ME, NOTES, PEOPLE, TRAVEL

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["archive", "conversations", "drafts", "japanese", "notes", "travel"]

# A day apart from the next would look made up: minutes that fit no round number.
_BEAT = timedelta(hours=25, minutes=17)


def conversations(now: datetime) -> Iterator[Letter]:
    """Write mail, our reply in Sent and mostly the answer to that, tied by In-Reply-To and References."""
    for number, (who, subject, mail, reply, answer) in enumerate(CONVERSATIONS * 2):
        them = PEOPLE[who]
        topic = subject if number < len(CONVERSATIONS) else f"{subject} (2)"
        again = topic if topic.startswith("Re: ") else f"Re: {topic}"
        host = them.address.partition("@")[2]
        first, second, third = f"<c{number}.1@{host}>", f"<c{number}.2@example.org>", f"<c{number}.3@{host}>"
        began = now - timedelta(hours=27) - number * _BEAT - timedelta(hours=number**2 // 2)
        replied, answered = (
            began + timedelta(hours=3, minutes=number),
            began + timedelta(hours=4 + number * 7 % 22, minutes=number),
        )
        yield Letter(
            "INBOX",
            began,
            (SEEN, ANSWERED),
            compose.message(headers(them, ME, topic, began, first), written(mail, them)),
        )
        quoted = f"{reply}\n\n{them.name} wrote:\n> {mail}"
        yield Letter(
            "Sent",
            replied,
            (SEEN,),
            compose.message(headers(ME, them, again, replied, first, second), written(quoted, ME)),
        )
        if answer:
            yield Letter(
                "INBOX",
                answered,
                state(now - answered, number),
                compose.message(headers(them, ME, again, answered, first, second, third), written(answer, them)),
            )


def notes(now: datetime) -> Iterator[Letter]:
    """Write mail that starts nothing; some with a picture, some that we began and nobody answered."""
    for number, (who, subject, body) in enumerate(NOTES * 2):
        them = PEOPLE[who]
        when = now - timedelta(minutes=12) - timedelta(hours=number**2 * 1.4)
        part = written(body, them)
        if number % 8 == 6:  # noqa: PLR2004 - every eighth, and not the first
            side = 120 + 40 * number % 400
            picture = compose.attached(files.png(side, side, subject), "image/png", f"Bild {number}.png")
            part = compose.mixed(part, picture)
        keywords = ("$Forwarded",) if number % 10 == 3 else ()  # noqa: PLR2004
        fields = headers(them, ME, subject, when, f"<n{number}@{them.address.partition('@')[2]}>")
        if number % 5 == 0:
            fields.append(("Cc", "team@example.org, \r\n Liam O'Brien <liam@example.com>"))
        yield Letter("INBOX", when, state(now - when, number) + keywords, compose.message(fields, part))
        if number % 4 == 0:
            later = when - timedelta(days=2)
            sent = headers(ME, them, f"A question about {number}", later, f"<q{number}@example.org>")
            yield Letter("Sent", later, (SEEN,), compose.message(sent, written("Did you have time to look?", ME)))


def archive(now: datetime) -> Iterator[Letter]:
    """Write last year's mail, sixty messages over its twelve months."""
    year = now.year - 1
    for number in range(60):
        them = list(PEOPLE.values())[number % len(PEOPLE)]
        when = datetime(year, 1, 3, 8, 30, tzinfo=UTC) + number * timedelta(days=6, hours=1, minutes=7)
        fields = headers(them, ME, f"Project diary {number + 1}/60", when, f"<a{number}.{year}@example.org>")
        body = "\n".join(f"Entry {line}: nothing broke today." for line in range(1 + number * 5))
        flags = (SEEN, FLAGGED) if number % 15 == 0 else (SEEN,)
        yield Letter(f"Archive/{year}", when, flags, compose.message(fields, written(body, them)))


def travel(now: datetime) -> Iterator[Letter]:
    """Write bookings, each with a ticket whose file name is not ASCII."""
    for number, (place, line) in enumerate(TRAVEL):
        them = PEOPLE["greta" if number % 2 else "ines"]
        when = now - timedelta(days=9 * number + 4, minutes=41)
        ticket = compose.attached(files.pdf(f"Ticket {number}"), "application/pdf", f"Fahrschein {place}.pdf")
        fields = headers(them, ME, f"Buchungsbestätigung: {place}", when, f"<t{number}@reisen.example>")
        message = compose.message(fields, compose.mixed(written(line, them), ticket))
        yield Letter("Reise & Urlaub", when, (SEEN, "travel"), message)


def japanese(now: datetime) -> Iterator[Letter]:
    """Write mail in ISO-2022-JP, as much Japanese mail still is, and in Shift_JIS and UTF-8."""
    for number, (subject, body) in enumerate(JAPANESE):
        charset = ("iso-2022-jp", "shift_jis", "utf-8")[number % 3]
        them = PEOPLE["hanako"]._replace(charset=charset)
        when = now - timedelta(days=6 * number + 1, hours=2)
        fields = headers(them, ME, subject, when, f"<j{number}@yubin.example>")
        yield Letter("日本語", when, state(now - when, number), compose.message(fields, written(body, them)))


def drafts(now: datetime) -> Iterator[Letter]:
    """Write two letters we have not finished."""
    for number, (who, subject) in enumerate((("soren", "Re: Færgen til øerne"), ("liam", "Unfinished thoughts"))):
        when = now - timedelta(hours=5 + 40 * number)
        fields = headers(ME, PEOPLE[who], subject, when, f"<d{number}@example.org>")
        yield Letter("Drafts", when, (SEEN, DRAFT), compose.message(fields, written("To be continued", ME)))
