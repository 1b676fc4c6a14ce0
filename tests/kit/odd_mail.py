"""Mailboxes of malformed mail, made from a seed: whatever a server will store."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from tests.kit.mailboxes import letters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.mailboxes import Letter

__all__ = ["DATES", "odd_letters"]

_TEXTS: Final = (
    # Raw octets: UTF-8, Latin-1, KOI8-R, half a character, what no charset has.
    "Grüße und invoice".encode(), "Grüße und invoice".encode("latin-1"), "Москва final".encode("koi8-r"),
    b"meeting \xe2\x82", b"\xff\xfe file \x81", "日本語 office".encode(), "Straße".encode("cp1252"),
    # Encoded words: of charsets nobody knows, of the wrong one, cut inside a character, unfinished, empty.
    b"=?x-unknown?Q?caf=E9_invoice?=", b"=?x-unknown?B?Y2Fm6SBtZWV0aW5n?=", b"=?us-ascii?Q?Gr=FC=DFe_file?=",
    b"=?iso-8859-1?Q?Gr=C3=BC=C3=9Fe?=", b"=?utf-8?Q?Gr=FC=DFe?=", b"=?utf-8?Q?Gr=C3?=\r\n =?utf-8?Q?=BC=C3=9Fe?=",
    b"=?utf-8?B?R3LD?= =?utf-8?B?vMOfZQ==?= invoice", b"=?utf-8?Q?Gr=C3=BC=C3", b"=?utf-8?Q?invoice", b"=?utf-8?Q??=",
    b"=?utf-8?B?invoice?=", b"=?utf-8?B?R3L?=", b"=?utf-8?X?file?=", b"=??Q?file?=", b"=?utf-8?Q?a=ZZfile?=",
    b"a=?utf-8?Q?=C3=BC?=b", b"=?utf-8?Q?two words=21?=", b"=?UTF-8*de?Q?M=C3=BCnchen?=", b"=?utf-8?Q?line=0D=0Aend?=",
    b"=?iso-2022-jp?B?GyRCRnxLXDhsGyhC?= invoice", b"=?utf-7?Q?Gr+APwA3w-e?=",
    b"=?shift_jis?B?k/qWew==?= =?shift_jis?B?jOo=?=",
    b"=?utf-8?q?stra=C3=9Fe?= =?iso-8859-1?q?m=FCnchen?=", b"=?utf-8?Q?=F0=9F=98?==?utf-8?Q?=80_file?=",
    # Spaces, lengths, controls.
    b"", b" ", b"\t", b"invoice\r\n\t\r\n  final", b"\r\n invoice", b"x\r\n \r\n y", b"tab\there",
    b"bell\x07\x1b[0m file",
    b"invoice " * 400, b"\r\n ".join([b"meeting file"] * 120), b"x" * 3000, b"half\rline", b"100%_[x]'\"\\",
    # As it should be.
    b"invoice", b"Invoice 5", b"5", b"=?utf-8?Q?Stra=C3=9Fe?=", b"STRASSE", b"=?utf-8?Q?=EF=AC=81nal?=",
)  # fmt: skip
_PEOPLE: Final = (
    b"", b"@", b"<>", b"<", b'"', b"a@", b"a@[", b"Ada <ada@", b"Ada <ada@example.org", b"Ada ada@example.org", b",,,",
    b'"unterminated <ada@example.org>', b"a@b@c.example", b"a@b, ::;", b"Team: a@b.example, ;", b"Team: a@b.example",
    b"(only a comment)", b"(unclosed a@b.example", b"a@[127.0.0.1]", b"<@one,@two:ada@example.org>", b"a b c",
    b"ada@xn--999999999.example", b"ada@xn--mnchen-3ya.example", "ada@münchen.example".encode(), b"<<ada@example.org>>",
    "Jürgen <j@example.org>".encode(), "Jürgen <j@example.org>".encode("latin-1"), b"a@b.example\r\n\t,c@d.example",
    b'"=?utf-8?Q?J=C3=BCrgen?=" <j@example.org>', b"=?utf-8?Q?J=C3=BCrgen=3C?= <j@example.org>",
    b"Ada <ada @ example . org>",
    b"=?x-unknown?Q?J=FCrgen?= <j@example.org>", b"=?utf-8?Q?J=C3?= =?utf-8?Q?=BCrgen?= <j@example.org>", b"ada;anna",
    b"=?utf-8?Q?Smith=2C_John?= <john.smith@example.com>", b"undisclosed-recipients:;", b"Ada <ada@example.org>",
    b"john.smith@example.com", b"a@b.example, " * 60 + b"z@b.example",
)  # fmt: skip
DATES: Final = (
    b"", b"yesterday", b"Thu Feb 29 23:59:59 2024", b"Thu Feb 29 23:59:59 CET 2024", b"29 Feb 24 10:00 EST",
    b"29 Feb 124",
    b"29 Feb 2024 10:00:00 PDT", b"2024-02-29T10:00:00Z", b"2024-02-29 10:00:00", b"Thu, 31 Feb 2024 10:00:00 +0000",
    b"29 Feb 2024 25:00:00 +0000", b"29 Feb 2024 10:00:00 +9900", b"29 Feb 2024 23:59:60 +0000", b"29-Feb-2024 GMT",
    b"1 Jan 1900 00:00:00 +0000", b"1 Jan 0000 00:00:00 +0000", b"31 Dec 9999 23:59:59 -1400", b"1 Jan 70 00:00:00 A",
    b"Thu, 29 Feb 2024 10:00:00", b"Thu, 29 Feb 2024", b"Thu,29 Feb 2024 10:00 +01:00",
    b"29 February 2024 10:00:00 +0100",
    b"Thu, 29 Feb 2024 10:00:00 +0100 (CET (nested))", b"Thu, 29 Feb 2024\r\n 10:00:00 +0100", b"1709200800",
    b"29.02.2024",
    b"Thu, 29 Feb 2024 10:00:00 +1400", b"19 Jan 2038 03:14:08 +0000", b"31 Dec 1969 23:59:59 +0000",
    b"1 Jan 1902 00:00:00 +0000", b"31 Dec 2105 23:59:59 +0000", b"1 Jan 2150 00:00:00 +0000",
    b"1 Mar 1888 10:00:00 +0000",
)  # fmt: skip
_IDS: Final = (
    b"", b"<", b"<m1@example.org", b"m1@example.org", b"<m 1@example.org>", b"<m1@example.org> <m2@example.org>", b"<>",
    b"<m1@example.org>", b"<m2@example.org>", b"<M1@EXAMPLE.ORG>", b"<m1@example.org>\r\n", b"<m1@\r\n example.org>",
    b"5",
    "<mü@example.org>".encode(), "<mü@example.org>".encode("latin-1"), b"=?utf-8?Q?=3Cm1=40example.org=3E?=",
)  # fmt: skip
_TYPES: Final = (
    b"", b"text", b"text/plain; name*", b"text/plain; charset=x-unknown", b"multipart/mixed", b"TEXT/HTML", b"/", b";",
    b'multipart/alternative; boundary="', b"text/plain; charset=utf-8", "text/plain; name=ü".encode("latin-1"),
)  # fmt: skip
_FIELDS: Final = (
    (b"From", _PEOPLE, 0.9), (b"To", _PEOPLE, 0.7), (b"Cc", _PEOPLE, 0.3), (b"Bcc", _PEOPLE, 0.1),
    (b"Reply-To", _PEOPLE, 0.2),
    (b"Subject", _TEXTS, 0.9), (b"Date", DATES, 0.8), (b"Message-ID", _IDS, 0.7), (b"In-Reply-To", _IDS, 0.3),
    (b"References", _IDS, 0.3), (b"List-Id", _TEXTS, 0.2), (b"Content-Type", _TYPES, 0.4), (b"X-Odd", _TEXTS, 0.2),
)  # fmt: skip
_COLONS: Final = (b": ",) * 20 + (b":", b" : ", b":\t", b":   ", b": \r\n ")
_STRAY: Final = (
    b"From ada@example.org Thu Feb 29 10:00:00 2024",
    b"no colon here",
    b":",
    b": no name",
    b"\x00",
    b"X Y: z",
)


def odd_letters(seed: int, count: int) -> Iterator[Letter]:
    """Make `count` messages; the same ones for the same seed. Flags and arrival are those of good mail."""
    chance = random.Random(seed)
    for letter in letters(seed, count):
        yield letter._replace(octets=_octets(chance)) if chance.random() < 0.9 else letter


def _octets(chance: random.Random) -> bytes:
    kind = chance.random()
    if kind < 0.03:
        return chance.choice((b"\r\nno header at all\r\n", b"only text", b"\r\n", b"x", b"Subject: invoice"))
    lines = []
    for name, values, share in _FIELDS:
        if chance.random() < share:
            # Where a field may come once only, two of them are odd; which one counts is for the reader to say.
            for _ in range(chance.choice((1, 1, 1, 1, 1, 1, 1, 2, 3))):
                written = chance.choice((name, name, name, name.upper(), name.lower()))
                lines.append(written + chance.choice(_COLONS) + chance.choice(values))
    if chance.random() < 0.2:
        chance.shuffle(lines)
    if chance.random() < 0.1:
        lines.insert(chance.randrange(len(lines) + 1), chance.choice(_STRAY))
    body = chance.choice((b"hello\r\n", b"", b"\xff\xfe\r\n", b"x" * 2000, b"--b\r\n\r\n--b--\r\n", "ü\r\n".encode()))
    octets = b"\r\n".join([*lines, b"", body])
    if kind < 0.1:
        octets = octets.replace(b"\r\n", b"\n")
    return octets
