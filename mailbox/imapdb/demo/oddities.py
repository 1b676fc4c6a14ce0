"""Mail as it should not be, and mail nobody wants: what an account collects all the same.

Each message breaks one rule. A query over them answers like any other.
"""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

from imapdb.demo.compose import Header, Part, alternative, encoded, message, text
from imapdb.demo.letter import SEEN, Letter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

__all__ = ["junk", "odd"]

_PLAIN = text("There is nothing wrong with this text.\n", charset="us-ascii", transfer="7bit")


def odd(now: datetime) -> Iterator[Letter]:
    """Write one message for each rule that mail programs break, over the last three months, in INBOX."""
    long_subject = "A subject that is folded " + "over and over " * 30
    cases: tuple[tuple[tuple[Header, ...], Part], ...] = (
        # no Subject, no To
        ((("From", "nobody@example.net"),), _PLAIN),
        # an empty Subject, two From fields
        ((("From", "first@example.net"), ("From", "second@example.net"), ("Subject", "")), _PLAIN),
        # 8-bit headers that name no charset: Latin-1 and UTF-8
        (
            (("From", "Café <cafe@example.net>".encode("latin-1")), ("Subject", "Grüße in Latin-1".encode("latin-1"))),
            _PLAIN,
        ),
        ((("From", "Ærø <aeroe@example.net>".encode()), ("Subject", "8 bit, but UTF-8: naïve 😀".encode())), _PLAIN),
        # a charset nobody knows, and an encoded word cut in the middle of a character
        ((("From", "x@example.net"), ("Subject", "=?x-martian?B?R3LDvMOfZQ==?=")), _PLAIN),
        ((("From", "x@example.net"), ("Subject", "=?utf-8?B?R3LD?= =?utf-8?B?vMOfZQ==?=")), _PLAIN),
        # control characters hidden in an encoded word: a terminal must not obey them
        (
            (
                ("From", _hidden("\x1b[31mred\x1b[0m") + " <esc@example.net>"),
                ("Subject", _hidden("\x1b]0;owned\x07\u202eend [bold]")),
            ),
            _PLAIN,
        ),
        # group syntax, and a subject folded many times
        (
            (
                ("From", "x@example.net"),
                ("To", "undisclosed-recipients:;"),
                ("Subject", long_subject.strip().replace(" over", "\r\n over")),
            ),
            _PLAIN,
        ),
        # base64 that is no base64, and a multipart that holds no part
        (
            (("From", "x@example.net"), ("Subject", "truncated")),
            Part((("Content-Type", "text/plain"), ("Content-Transfer-Encoding", "base64")), b"R3LDvMOf*ZQ\r\n"),
        ),
        (
            (("From", "x@example.net"), ("Subject", "hollow")),
            Part((("Content-Type", "multipart/mixed; boundary=none"),), b"no boundary anywhere\r\n"),
        ),
    )
    for number, (fields, part) in enumerate(cases):
        when = now - timedelta(days=8 * number + 2, minutes=3)
        dated = (*fields, ("Date", format_datetime(when)), ("Message-ID", f"<odd{number}@example.net>"))
        yield Letter("INBOX", when, (SEEN,) if number % 2 else (), message(dated, part))


def junk(now: datetime) -> Iterator[Letter]:
    """Write what the filter put into Junk."""
    for number in range(8):
        when = now - timedelta(days=3 * number, hours=1)
        fields: tuple[Header, ...] = (
            ("From", f'"Prize Office {number}" <winner{number}@spam.example>'),
            ("To", "demo@example.org"),
            ("Subject", encoded(f"Yöu have wön {number + 1}.000.000 €")),
            ("Date", format_datetime(when)),
            ("Message-ID", f"<junk{number}@spam.example>"),
        )
        html = text("<b>Click here</b>\n" * (number + 1), subtype="html", transfer="base64")
        yield Letter("Junk", when, ("$Junk",), message(fields, alternative(_PLAIN, html)))


def _hidden(value: str) -> str:
    """Write an encoded word even of ASCII, so that what it holds cannot be seen on the wire."""
    return encoded(value + "\u200b")
