"""Nasty messages: hand-made ones, each with a name, and any number of others made from a seed or by hypothesis.

What comes from a seed is the same on every machine and every day.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import random
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HAND_MADE", "NASTY", "appendable", "nasty_messages"]


def appendable(message: bytes) -> bytes:
    """Make of a message what every server takes by APPEND: lines that end with CRLF, no NUL, not nothing."""
    lines = message.replace(b"\0", b"?").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return lines.replace(b"\n", b"\r\n") or b"\r\n"


def _lines(*lines: bytes | str) -> bytes:
    return b"".join((line.encode() if isinstance(line, str) else line) + b"\r\n" for line in lines)


def _mail(*lines: bytes | str) -> bytes:
    return _lines("From: ada@example.org", "Subject: nasty", "MIME-Version: 1.0", *lines)


def _parts(boundary: str, *parts: bytes, close: str = "--") -> bytes:
    delimiter = f"--{boundary}".encode()
    return b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts) + delimiter + close.encode() + b"\r\n"


def _multi(kind: str, boundary: str, *parts: bytes, close: str = "--") -> bytes:
    return _lines(f'Content-Type: {kind}; boundary="{boundary}"', "") + _parts(boundary, *parts, close=close)


def _mixed(*parts: bytes, close: str = "--") -> bytes:
    return _mail() + _multi("multipart/mixed", "b", *parts, close=close)


def _text(words: str = "hello", kind: str = "text/plain") -> bytes:
    return _lines(f"Content-Type: {kind}", "", words)


def _nested(depth: int, boundary: str = "b{}") -> bytes:
    inner = _text("the innermost")
    for level in range(depth, 0, -1):
        inner = _multi("multipart/mixed", boundary.format(level), inner)
    return _mail() + inner


def _letter_in_letter(depth: int) -> bytes:
    inner = _mail("Content-Type: text/plain", "", "the innermost")
    for _ in range(depth):
        inner = _mail("Content-Type: message/rfc822", "") + inner
    return inner


_PDF: Final = _lines(
    'Content-Type: application/pdf; name="a.pdf"',
    "Content-Transfer-Encoding: base64",
    "Content-Disposition: attachment; filename=a.pdf",
    "",
    "JVBERi0xLjQK",
)
_LETTER: Final = _mail("Content-Type: text/plain; charset=utf-8", "", "hello inside")
_UU: Final = b"begin 644 a.bin\r\n" + binascii.b2a_uu(b"some octets").rstrip() + b"\r\n`\r\nend\r\n"

HAND_MADE: Final[dict[str, bytes]] = {
    # Headers.
    "no body": _mail(),
    "no body, no line end": _mail().rstrip(),
    "nothing but an empty line": b"\r\n",
    "one octet": b"x",
    "no header": b"\r\nonly a body\r\n",
    "text where the header belongs": _lines("this is text", "and more of it", "", "and a body"),
    "a From line of mbox": b"From ada@example.org Thu Feb 29 10:00:00 2024\r\n" + _mail("", "hello"),
    "an escaped From line of mbox": b">From ada@example.org Thu Feb 29 10:00:00 2024\r\n" + _mail("", "hello"),
    "a line without a colon": _mail("no colon here", "Content-Type: text/html", "", "<p>hello"),
    "a colon and nothing before it": _mail(": value", "Content-Type: text/html", "", "<p>hello"),
    "a field name with blanks": _mail("Content Type: text/html", "", "<p>hello"),
    "a blank before the colon": _mail("Content-Type : text/html", "Content-Transfer-Encoding\t: base64", "", "PHA+"),
    "a line of blanks in the header": _mail(" ", "Content-Type: text/html", "", "<p>hello"),
    "a header that begins with a folded line": _lines(" folded", "Content-Type: text/html", "", "<p>hello"),
    "a long header line": _mail("X-Long: " + "x" * 5000, "Content-Type: text/html", "", "<p>hello"),
    "a long folded header": _mail("X-Long: a", *[" folded"] * 500, "Content-Type: text/html", "", "<p>hello"),
    "many fields": _mail(*[f"X-{n}: {n}" for n in range(500)], "Content-Type: text/html", "", "<p>hello"),
    "raw Latin-1 in the header": _mail("X-Name: Grüße".encode("latin-1"), "Content-Type: text/html", "", "<p>hello"),
    "raw UTF-8 in the header": _mail("X-Name: Grüße 日本語", "Content-Type: text/html", "", "<p>hello"),
    "every field twice": _mail(
        "Content-Type: text/html",
        "Content-Type: text/plain",
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: 7bit",
        "Content-Disposition: inline",
        "Content-Disposition: attachment",
        "",
        "PHA+",
    ),
    "lower-case names": _mail("content-type: TEXT/HTML", "CONTENT-TRANSFER-ENCODING: BASE64", "", "PHA+"),
    "no MIME-Version": _lines("Subject: x", "Content-Type: text/html", "", "<p>hello"),
    "only an encoding": _lines("Subject: x", "Content-Transfer-Encoding: base64", "", "aGVsbG8="),
    # Content types.
    "an empty content type": _mail("Content-Type:", "", "hello"),
    "a content type of one word": _mail("Content-Type: text", "", "hello"),
    "an image of no kind": _mail("Content-Type: image", "", "hello"),
    "a multipart of no kind": _mail("Content-Type: multipart; boundary=b", "") + _parts("b", _text()),
    "a content type of a slash": _mail("Content-Type: /", "", "hello"),
    "a content type without its subtype": _mail("Content-Type: text/; charset=utf-8", "", "hello"),
    "a content type of three words": _mail("Content-Type: text/html/x", "", "hello"),
    "a content type in quotes": _mail('Content-Type: "text/html"', "", "hello"),
    "a content type with comments": _mail("Content-Type: text/html (web) ; (x) charset=utf-8", "", "hello"),
    "a content type with blanks": _mail("Content-Type:  text / html ; charset = utf-8", "", "hello"),
    "a content type on the next line": _mail("Content-Type:", "\ttext/html;", "\tcharset=utf-8", "", "hello"),
    "no semicolon": _mail("Content-Type: text/html charset=utf-8", "", "hello"),
    "a comma for a semicolon": _mail("Content-Type: text/html, charset=utf-8", "", "hello"),
    "semicolons only": _mail("Content-Type: ;;;", "", "hello"),
    "semicolons more than there should be": _mail("Content-Type: text/html;; charset=utf-8;;", "", "hello"),
    "a parameter without a value": _mail("Content-Type: text/html; charset", "", "hello"),
    "an unfinished quote": _mail('Content-Type: text/html; charset="utf-8', "", "hello"),
    "an unknown charset": _mail("Content-Type: text/plain; charset=x-nobody", "", b"Gr\xfc\xdfe"),
    "a wrong charset": _mail("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", b"\xfc"),
    "raw octets in a content type": _mail(b"Content-Type: text/html; name=\xfc\xe4", "", "hello"),
    "a name in pieces": _mail(
        "Content-Type: application/x-y; name*0*=utf-8''Gr%C3%BC; name*1*=%C3%9Fe; name*2=.bin", "", "hello"
    ),
    "a name that lacks a piece": _mail("Content-Type: application/x-y; name*0=a; name*2=c", "", "hello"),
    "a name in an encoded word": _mail('Content-Type: application/x-y; name="=?utf-8?Q?Gr=C3=BC?="', "", "hello"),
    "a name that leaves its folder": _mail('Content-Disposition: attachment; filename="../../etc/x"', "", "hello"),
    # Transfer encodings.
    "base64 that is cut": _mail("Content-Type: text/plain", "Content-Transfer-Encoding: base64", "", "aGVsbG8gd29ybG"),
    "base64 with junk": _mail(
        "Content-Type: text/plain", "Content-Transfer-Encoding: base64", "", "aG!Vs\x07bG8=", "x"
    ),
    "base64 that is none": _mail("Content-Type: text/plain", "Content-Transfer-Encoding: base64", "", "hello, you!"),
    "quoted-printable that is broken": _mail(
        "Content-Type: text/plain", "Content-Transfer-Encoding: quoted-printable", "", "a=ZZ=", "=C3=", "b=  ", "end="
    ),
    "an unknown encoding": _mail("Content-Type: text/plain", "Content-Transfer-Encoding: x-nobody", "", "hello"),
    "an empty encoding": _mail("Content-Type: text/plain", "Content-Transfer-Encoding:", "", "hello"),
    "an encoding with a comment": _mail(
        "Content-Type: text/plain", "Content-Transfer-Encoding: base64 (x)", "", "aGk="
    ),
    "an encoding with a semicolon": _mail("Content-Type: text/plain", "Content-Transfer-Encoding: base64;", "", "aGk="),
    "uuencode": _mail("Content-Type: text/plain", "Content-Transfer-Encoding: x-uuencode", "") + _UU,
    "uuencode in a text": _mail("Content-Type: text/plain", "", "look at this:", "") + _UU + b"that was it\r\n",
    "winmail.dat": _mixed(
        _text(),
        _lines(
            "Content-Type: application/ms-tnef; name=winmail.dat",
            "Content-Transfer-Encoding: base64",
            "Content-Disposition: attachment; filename=winmail.dat",
            "",
            "eJ8+IgAA",
        ),
    ),
    "bare LF": _mail().replace(b"\r\n", b"\n") + _multi("multipart/mixed", "b", _text(), _PDF).replace(b"\r\n", b"\n"),
    "line ends of both kinds": _mixed(_text().replace(b"\r\n", b"\n"), _PDF),
    "a long line": _mail("Content-Type: text/plain", "", "x" * 20_000),
    "NULs": _mail("Content-Type: text/plain", "", "a\0b"),
    # Multiparts.
    "a multipart": _mixed(_text(), _PDF),
    "an alternative": _mail() + _multi("multipart/alternative", "b", _text(), _text("<p>hello", "text/html")),
    "no boundary": _mail("Content-Type: multipart/mixed", "") + _parts("b", _text()),
    "an empty boundary": _mail('Content-Type: multipart/mixed; boundary=""', "") + _parts("", _text(), _PDF),
    "another boundary": _mail("Content-Type: multipart/mixed; boundary=c", "") + _parts("b", _text()),
    "a boundary in an unfinished quote": _mail('Content-Type: multipart/mixed; boundary="b', "") + _parts("b", _text()),
    "a boundary with a comment": _mail("Content-Type: multipart/mixed; boundary=b (x)", "") + _parts("b", _text()),
    "a boundary of special characters": _mail("Content-Type: multipart/mixed; boundary=----=_b?:/", "")
    + _parts("----=_b?:/", _text(), _PDF),
    "a boundary with blanks": _mail('Content-Type: multipart/mixed; boundary="a b c"', "") + _parts("a b c", _text()),
    "a boundary that ends with a blank": _mail('Content-Type: multipart/mixed; boundary="b "', "")
    + _parts("b", _text()),
    "a boundary with backslashes": _mail(r'Content-Type: multipart/mixed; boundary="a\"b\\c"', "")
    + _parts(r'a"b\c', _text()),
    "a boundary in pieces": _mail("Content-Type: multipart/mixed; boundary*0=a; boundary*1=b", "")
    + _parts("ab", _text()),
    "two boundaries": _mail("Content-Type: multipart/mixed; boundary=a; boundary=b", "")
    + _parts("b", _text())
    + _parts("a", _text()),
    "a boundary of 70": _mail() + _multi("multipart/mixed", "x" * 70, _text(), _PDF),
    "a boundary of 200": _mail() + _multi("multipart/mixed", "x" * 200, _text(), _PDF),
    "a boundary in another case": _mail() + _multi("multipart/mixed", "B", _text()).replace(b"--B", b"--b"),
    "a boundary on a folded line": _mail("Content-Type: multipart/mixed;", '\tboundary="b"', "") + _parts("b", _text()),
    "blanks behind the boundary": _mail("Content-Type: multipart/mixed; boundary=b", "")
    + _parts("b", _text(), _PDF).replace(b"--b\r\n", b"--b \t\r\n").replace(b"--b--", b"--b-- "),
    "text behind the boundary": _mail("Content-Type: multipart/mixed; boundary=b", "")
    + _parts("b", _text(), _PDF).replace(b"--b\r\n", b"--boundary\r\n"),
    "blanks before the boundary": _mail("Content-Type: multipart/mixed; boundary=b", "")
    + _parts("b", _text()).replace(b"--b", b" --b"),
    "no last boundary": _mixed(_text(), _PDF, close=""),
    "nothing behind the header of a multipart": _mail("Content-Type: multipart/mixed; boundary=b", ""),
    "no empty line behind the header of a multipart": _mail("Content-Type: multipart/mixed; boundary=b")
    + _parts("b", _text()),
    "the last boundary only": _mail("Content-Type: multipart/mixed; boundary=b", "", "--b--"),
    "the last boundary first": _mail("Content-Type: multipart/mixed; boundary=b", "", "--b--") + _parts("b", _text()),
    "parts behind the last boundary": _mixed(_text()) + _parts("b", _PDF),
    "no line end behind the last boundary": (_mixed(_text())).rstrip(),
    "no line end behind a boundary": _mail("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "x") + b"--b",
    "a preamble and an epilogue": _mail("Content-Type: multipart/mixed; boundary=b", "", "a preamble", "")
    + _parts("b", _text())
    + _lines("", "an epilogue", "--c", "more of it"),
    "parts that are empty": _mail("Content-Type: multipart/mixed; boundary=b", "") + b"--b\r\n" * 5 + b"--b--\r\n",
    "parts without a header": _mixed(b"\r\nhello", b"\r\n", b""),
    "parts without a body": _mixed(b"Content-Type: text/html", b"X-Y: z\r\n"),
    "parts whose text is where their header belongs": _mixed(b"hello", b"a\r\nb: c"),
    "a boundary in a header": _mail("Content-Type: multipart/mixed; boundary=b", "")
    + _lines("--b", "Content-Type: text/html;", "--b", "", "hello", "--b--"),
    "a multipart that says it is base64": _mail("Content-Transfer-Encoding: base64")
    + _multi("multipart/mixed", "b", _text()),
    "a digest": _mail() + _multi("multipart/digest", "b", b"\r\n" + _LETTER, _text(), _lines("X-Y: z", "") + _LETTER),
    "an unknown multipart": _mail() + _multi("multipart/x-nobody", "b", _text(), _PDF),
    "a report": _mail()
    + _multi(
        "multipart/report; report-type=delivery-status",
        "b",
        _text(),
        _lines("Content-Type: message/delivery-status", "", "Reporting-MTA: dns; x", "", "Action: failed"),
        _lines("Content-Type: text/rfc822-headers", "", "Subject: x"),
    ),
    "something signed": _mail()
    + _multi(
        "multipart/signed; micalg=pgp-sha256",
        "b",
        _text(),
        _text("-----BEGIN PGP SIGNATURE-----", "application/pgp-signature"),
    ),
    "lines of dashes": _mixed(_text("-- \r\n--\r\n---\r\n--x\r\n--")),
    "many parts": _mixed(*[_text(str(n)) for n in range(500)]),
    # Multiparts in multiparts.
    "two in one": _mail()
    + _multi("multipart/mixed", "a", _multi("multipart/alternative", "b", _text(), _text()), _PDF),
    "the same boundary inside": _mixed(_multi("multipart/mixed", "b", _text(), _PDF), _PDF),
    "the same boundary inside, not closed": _mixed(_multi("multipart/mixed", "b", _text(), _PDF, close=""), _PDF),
    "an inner boundary that begins with the outer": _mixed(_multi("multipart/mixed", "bb", _text(), _PDF), _PDF),
    "an outer boundary that begins with the inner": _mail()
    + _multi("multipart/mixed", "bb", _multi("multipart/mixed", "b", _text(), _PDF), _PDF),
    "an inner boundary that is the outer's end": _mixed(_multi("multipart/mixed", "b--", _text(), _PDF), _PDF),
    "an outer boundary that is the inner's end": _mail()
    + _multi("multipart/mixed", "b--", _multi("multipart/mixed", "b", _text(), _PDF), _PDF),
    "an inner multipart that is not closed": _mail()
    + _multi("multipart/mixed", "a", _multi("multipart/mixed", "b", _text(), close=" "), _PDF),
    "an inner multipart without parts": _mail()
    + _multi("multipart/mixed", "a", _lines("Content-Type: multipart/mixed; boundary=b", "", "nothing"), _PDF),
    "an inner multipart without a boundary": _mail()
    + _multi("multipart/mixed", "a", _lines("Content-Type: multipart/mixed", "", "nothing"), _PDF),
    "the outer closed inside the inner": _mail("Content-Type: multipart/mixed; boundary=a", "", "--a")
    + _lines("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "x", "--a--", "--b", "", "y", "--b--"),
    "nested 20 deep": _nested(20),
    "nested 20 deep, one boundary": _nested(20, "b"),
    "nested 20 deep, each boundary begins another": _nested(20, "b{:0>20}"),
    "nested 20 deep, cut": _nested(20)[:1200],
    # Embedded messages.
    "a letter in a letter": _letter_in_letter(1),
    "letters in letters": _letter_in_letter(20),
    "a letter as a part": _mixed(_lines("Content-Type: message/rfc822", "") + _LETTER),
    "a multipart in a letter in a multipart": _mail()
    + _multi(
        "multipart/mixed",
        "a",
        _text(),
        _lines("Content-Type: message/rfc822", "") + _mixed(_text(), _PDF),
        _PDF,
    ),
    "the same boundary in the letter inside": _mixed(
        _text(),
        _lines("Content-Type: message/rfc822", "") + _mixed(_text(), _PDF),
        _PDF,
    ),
    "a letter inside that is empty": _mixed(_lines("Content-Type: message/rfc822", ""), _PDF),
    "a letter inside without a body": _mixed(_lines("Content-Type: message/rfc822", "", "Subject: x"), _PDF),
    "a letter inside whose header has no end": _mixed(_lines("Content-Type: message/rfc822", "") + b"Subject: x", _PDF),
    "a letter inside without a header": _mixed(_lines("Content-Type: message/rfc822", "", "", "hello"), _PDF),
    "a letter whose own header has no end": _mixed(b"Content-Type: message/rfc822", _PDF),
    "a letter inside in base64": _mixed(
        _lines("Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "") + base64.encodebytes(_LETTER),
        _PDF,
    ),
    "a letter of all the world": _mixed(_lines("Content-Type: message/global", "") + _LETTER),
    "a piece of a letter": _mail(
        'Content-Type: message/partial; id="x"; number=1; total=2', "", "Subject: x", "", "hello"
    ),
    "a letter elsewhere": _mail(
        "Content-Type: message/external-body; access-type=URL", "", "Content-Type: text/plain", ""
    ),
    # What other fields say.
    "addresses of all kinds": _lines(
        "From: Team: a@b.example, ;",
        'To: "Smith, John" <j@example.org>, (a comment) b@c.example, <>, x, ada@',
        "Cc: undisclosed-recipients:;, <@one,@two:ada@example.org>, ada@münchen.example, a@xn--mnchen-3ya.example",
        'Bcc: "unfinished <a@b.example',
        "Reply-To: =?utf-8?Q?Smith=2C_John?= <j@example.org>",
        "",
        "hello",
    ),
    "encoded words of all kinds": _lines(
        "Subject: =?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?= =?x-nobody?Q?=E9?= =?utf-8?B?R3L?= =?utf-8?X?file?=",
        "X-Other: =?utf-8?Q?two words?= =?utf-8?Q?unfinished",
        "X-Third: a=?utf-8?Q?=C3=BC?=b =?utf-8?Q??=",
        "",
        "hello",
    ),
    "a bad date": _lines("Date: Thu, 31 Feb 2024 25:00:61 +9900", "Subject: x", "", "hello"),
    "a Message-ID that is none": _lines("Message-ID: <", "References: <a@b <c@d> e", "Subject: x", "", "hello"),
}


_SUBJECTS: Final = (
    b"hello", "Grüße".encode(), "Grüße".encode("latin-1"), b"=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", b"=?utf-8?B?R3L?=", b"",
    b"=?iso-8859-1?Q?Gr=FC?=\r\n =?iso-8859-1?Q?=DFe?=", b"=?x-nobody?Q?=E9?=", b"a\r\n\tb", b"=?utf-8?Q?a b?=",
    b"x" * 1200,
)  # fmt: skip
_PEOPLE: Final = (
    b"ada@example.org", b'"Smith, John" <j@example.org>', b"Team: a@b.example, c@d.example;", b"<>", b"ada@", b"x, ,y",
    b"(comment) ada@example.org (and (another))", "ada@münchen.example".encode(), b"a@xn--mnchen-3ya.example",
    b"undisclosed-recipients:;", b'"unfinished <a@b.example', b"=?utf-8?Q?J=C3=BCrgen?= <j@example.org>",
)  # fmt: skip
_DATES: Final = (
    b"Thu, 29 Feb 2024 10:00:00 +0100", b"Thu, 31 Feb 2024 10:00:00 +0100", b"29 Feb 24 10:00 EST", b"yesterday", b"",
    b"Thu Feb 29 10:00:00 2024", b"1 Jan 0000 00:00:00 +9900",
)  # fmt: skip
_TYPES: Final = (
    b"text/plain", b"text/html; charset=utf-8", b'text/plain; charset="iso-8859-1"', b"TEXT/Plain; charset=us-ascii",
    b"application/octet-stream", b"image/png; name=a.png", b'application/pdf; name="=?utf-8?Q?Gr=C3=BC=C3=9Fe.pdf?="',
    b"text/plain; charset=x-nobody", b"text/plain; format=flowed; delsp=yes", b"text/calendar; method=REQUEST",
    b"application/ms-tnef; name=winmail.dat", b"text/html (comment); charset=utf-8",
    b"text/plain; name*=utf-8''Gr%C3%BC",
    b"application/x-y; name*0*=utf-8''a%20; name*1=b; name*3=d", b"text", b"", b"text/plain; charset", b";;",
    b"text/html;;charset=utf-8;", b"message/delivery-status", "text/plain; name=ü".encode("latin-1"),
    b"text/html charset=x",
    "text/plain; name=Grüße".encode(), b"multipart/mixed", b"video/mp4;\r\n\tname=a.mp4",
)  # fmt: skip
_ENCODINGS: Final = (
    b"7bit",
    b"8bit",
    b"base64",
    b"BASE64",
    b"quoted-printable",
    b"x-uuencode",
    b"binary",
    b"x-nobody",
    b"base64 (x)",
)
_DISPOSITIONS: Final = (
    b"inline", b"attachment", b"attachment; filename=a.txt", b'attachment; filename="a;b.txt"', b"x-nobody", b"",
    b"attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.txt", "attachment; filename=Grüße.txt".encode("latin-1"),
    b"attachment; filename*0=a; filename*1=b.txt", b'attachment; filename="=?utf-8?B?R3LDvMOfZQ==?="',
)  # fmt: skip
_STRAY: Final = (
    b"From ada@example.org Thu Feb 29 10:00:00 2024", b"no colon here", b":", b": x", b"X Y: z", b" folded",
    b"--", b"--x",
)  # fmt: skip
_BOUNDARIES: Final = ("b", "bb", "b b", "b--", "=_b", "----=_Part_1_2.3", "x" * 70, "{}", "{}b", "b{}", "Apple-Mail-{}")
_BODIES: Final = (
    b"hello\r\n", b"", b"\r\n", b"hello", "Grüße\r\n".encode(), "Grüße\r\n".encode("latin-1"), b"--\r\n-- \r\n--b\r\n",
    b"x" * 3000 + b"\r\n", b"> quoted\r\n" * 20, _UU, b"\r\n\r\n\r\n", b"a\r\nb\nc\r\n", b"\xff\xfe\0",
    b"From me\r\n.\r\n",
)  # fmt: skip


def nasty_messages(count: int, seed: int = 0) -> Iterator[bytes]:
    """Make so many messages of all kinds. They may hold anything, so see `appendable`."""
    chance = random.Random(seed)
    for _ in range(count):
        yield _Maker(chance).message()


class _Maker:
    """Makes one message, by what `chance` says."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._room = 40  # for parts

    def message(self) -> bytes:
        message = self._letter(3)
        while self._chance.random() < 0.4:
            message = self._damaged(message)
        return message

    def _letter(self, depth: int) -> bytes:
        lines = []
        for name, values, share in (
            (b"From", _PEOPLE, 0.9), (b"To", _PEOPLE, 0.7), (b"Cc", _PEOPLE, 0.2), (b"Subject", _SUBJECTS, 0.9),
            (b"Date", _DATES, 0.8), (b"MIME-Version", (b"1.0",), 0.95),
        ):  # fmt: skip
            if self._chance.random() < share:
                lines.append(name + b": " + self._chance.choice(values))
        self._stray(lines)
        return _lines(*lines) + self._part(depth)

    def _part(self, depth: int) -> bytes:
        self._room -= 1
        kind = self._chance.random() if depth and self._room > 0 else 1
        if kind < 0.4:
            return self._multipart(depth)
        if kind < 0.5:
            lines = [b"Content-Type: message/rfc822", *self._fields(0.1)]
            return _lines(*lines, b"") + self._letter(depth - 1)
        return self._leaf()

    def _multipart(self, depth: int) -> bytes:
        chance = self._chance
        boundary = chance.choice(_BOUNDARIES).format(chance.randrange(5))
        kind = chance.choice(["mixed", "alternative", "related", "digest", "signed", "x-nobody", "report"])
        lines = [f'Content-Type: multipart/{kind}; boundary="{boundary}"'.encode(), *self._fields(0.05)]
        if chance.random() < 0.2:
            lines[0] = lines[0].replace(b"; ", b";\r\n\t")
        preamble = chance.choice([b""] * 6 + [b"a preamble\r\n", b"\r\n", b"--\r\n"])
        body = _parts(boundary, *[self._part(depth - 1) for _ in range(chance.choice([0, 1, 1, 2, 2, 2, 3, 5]))])
        if chance.random() < 0.1:
            body = body.replace(f"--{boundary}--\r\n".encode(), b"")
        return _lines(*lines, b"") + preamble + body + chance.choice([b""] * 6 + [b"an epilogue\r\n", b"\r\n"])

    def _leaf(self) -> bytes:
        chance = self._chance
        lines = self._fields(0.5)
        if chance.random() < 0.9:
            lines.insert(0, b"Content-Type: " + chance.choice(_TYPES))
        body = chance.choice(_BODIES)
        match chance.randrange(4):
            case 0:
                body = base64.encodebytes(body).replace(b"\n", b"\r\n")
            case 1:
                body = quopri.encodestring(body)
        self._stray(lines)
        return _lines(*lines, *[b""] * (chance.random() < 0.97)) + body

    def _fields(self, share: float) -> list[bytes]:
        chance = self._chance
        lines = []
        if chance.random() < share:
            lines.append(b"Content-Transfer-Encoding: " + chance.choice(_ENCODINGS))
        if chance.random() < share:
            lines.append(b"Content-Disposition: " + chance.choice(_DISPOSITIONS))
        if chance.random() < share / 2:
            lines.append(b"Content-ID: " + chance.choice([b"<a@b>", b"a", b"<", b""]))
        return lines

    def _stray(self, lines: list[bytes]) -> None:
        if self._chance.random() < 0.05:
            lines.insert(self._chance.randrange(len(lines) + 1), self._chance.choice(_STRAY))

    def _damaged(self, message: bytes) -> bytes:
        chance = self._chance
        at = chance.randrange(len(message) + 1)
        match chance.randrange(8):
            case 0 | 1:
                return message[:at]
            case 2:
                return message.replace(b"\r\n", b"\n")
            case 3:
                return (
                    message[:at]
                    + chance.choice([b"\0", b"\xff", b"\r", b"\n", b"--", b"\r\n\r\n", b'"', b"="])
                    + message[at:]
                )
            case 4:
                return message[:at] + message[at + chance.randrange(1, 200) :]
        lines = message.split(b"\r\n")
        one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        match chance.randrange(3):
            case 0:
                lines[one], lines[other] = lines[other], lines[one]
            case 1:
                lines.insert(one, lines[other])
            case 2:
                del lines[one]
        return b"\r\n".join(lines)


NASTY: Final[st.SearchStrategy[bytes]] = st.integers(0, 2**32).map(lambda seed: next(nasty_messages(1, seed)))
