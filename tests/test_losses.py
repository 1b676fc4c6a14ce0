"""Text the server cannot read: what the default mode misses on Dovecot, and `search=exact` finds.

Beside each loss stands what is not lost. Where one of these tests fails, the README and DESIGN have to say so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pytest
import sqlalchemy as sa

import imapdb
from imapdb import dbapi
from tests.kit.proxy import Proxy

if TYPE_CHECKING:
    from tests.kit.servers import Login

TEXT_KEYS = re.compile(r" (?:SUBJECT|FROM|TO|CC|BCC|HEADER|TEXT|BODY) ")


class Case(NamedTuple):
    header: bytes
    column: str
    needle: str


LOST = {
    "an encoded word of unknown charset": Case(b"Subject: =?x-unknown?Q?caf=E9_invoice?=", "subject", "café"),
    "even the ASCII in one": Case(b"Subject: =?x-unknown?Q?caf=E9_invoice?=", "subject", "invoice"),
    "the name of a sender in one": Case(b"From: =?x-unknown?Q?Caf=E9_Inn?= <j@example.org>", "sender", "caf"),
    "a character cut in two, Q": Case(b"Subject: =?utf-8?Q?Gr=C3?= =?utf-8?Q?=BCn_meeting?=", "subject", "grün"),
    "a character cut in two, B": Case(b"Subject: =?utf-8?B?R3LD?= =?utf-8?B?vG4gbWVldGluZw==?=", "subject", "grün"),
    "raw Latin-1": Case(b"Subject: Gr\xfcn invoice", "subject", "grün"),
    "the raw Latin-1 name of a sender": Case(b"From: J\xfcrgen <j@example.org>", "sender", "jürgen"),
    "the name of a sender cut in two": Case(
        b"From: =?utf-8?Q?J=C3?= =?utf-8?Q?=BCrgen?= <j@example.org>", "sender", "jürgen"
    ),
    "Latin-1 that says it is ASCII": Case(b"Subject: =?us-ascii?Q?Gr=FCn_meeting?=", "subject", "grün"),
}
FOUND = {
    "ASCII beside a character cut in two": Case(
        b"Subject: =?utf-8?Q?Gr=C3?= =?utf-8?Q?=BCn_meeting?=", "subject", "meeting"
    ),
    "ASCII beside raw Latin-1": Case(b"Subject: Gr\xfcn meeting", "subject", "meeting"),
    "ASCII in a word that says it is ASCII": Case(b"Subject: =?us-ascii?Q?Gr=FCn_meeting?=", "subject", "meeting"),
    "UTF-8 that says it is Latin-1, as it is shown": Case(
        b"Subject: =?iso-8859-1?Q?Gr=C3=BCn?=", "subject", "gr\u00c3\u00bcn"
    ),
    "windows-1252 that says it is Latin-1": Case(b"Subject: =?iso-8859-1?Q?ten_=80?=", "subject", "ten €"),
    "ASCII of a raw Latin-1 name": Case(b"From: J\xfcrgen <j@example.org>", "sender", "rgen"),
    "raw UTF-8": Case("Subject: Grün Москва".encode(), "subject", "москва"),
    "an unfinished encoded word": Case(b"Subject: =?utf-8?Q?meeting", "subject", "meeting"),
    "spaces in an encoded word": Case(b"Subject: =?utf-8?Q?two meetings?=", "subject", "meeting"),
    "the first of two subjects": Case(b"Subject: meeting\r\nSubject: other", "subject", "meeting"),
    "an encoded word in quotes": Case(b'From: "=?utf-8?Q?J=C3=BCrgen?=" <j@example.org>', "sender", "rgen"),
    "a domain shown in Unicode": Case(b"From: Ada <info@xn--mnchen-3ya.example>", "sender", "münchen.example"),
    "a part of one": Case(b"From: Ada <info@xn--mnchen-3ya.example>", "sender", "nchen.exam"),
    "ß for ss": Case(b"Subject: =?utf-8?Q?Gro=C3=9Fmarkt?=", "subject", "grossmarkt"),
    "ss for ß": Case(b"Subject: GROSSMARKT", "subject", "großmarkt"),
    "half of an ß": Case(b"Subject: =?utf-8?Q?Gro=C3=9Fmarkt?=", "subject", "smarkt"),
    "a ligature for its letters": Case(b"Subject: =?utf-8?Q?=EF=AC=81nal_meeting?=", "subject", "final meeting"),
    "letters for their ligature": Case(b"Subject: final meeting", "subject", "\ufb01nal meeting"),
    "half of a ligature": Case(b"Subject: =?utf-8?Q?=EF=AC=81nal_meeting?=", "subject", "inal meet"),
    "the long s": Case(b"Subject: =?utf-8?Q?Hou=C5=BFe?=", "subject", "house"),
    "the sign of the unit Kelvin": Case(b"Subject: =?utf-8?Q?=E2=84=AAelvin?=", "subject", "kelvin"),
}


def count(login: Login, case: Case, search: str) -> tuple[int, bool]:
    """Ask for the needle; say how many were found, and whether the server was asked for any text."""
    with Proxy(login.host, login.port) as proxy:
        with imapdb.connect(login.through(proxy).url(search=search)) as db:
            sql = f"SELECT count(*) FROM INBOX WHERE contains({case.column}, ?)"
            found = int(db.execute(sql, (case.needle,)).scalar_one())
        searches = [command for command in proxy.commands if "SEARCH" in command]
    return found, any(map(TEXT_KEYS.search, searches))


@pytest.mark.parametrize("case", LOST.values(), ids=LOST.keys())
def test_lost_by_default_and_found_by_search_exact(case: Case, dovecot_login: Login) -> None:
    dovecot_login.append("INBOX", case.header + b"\r\n\r\nx\r\n")
    assert count(dovecot_login, case, "default") == (0, True)
    assert count(dovecot_login, case, "exact") == (1, False)


@pytest.mark.parametrize("case", FOUND.values(), ids=FOUND.keys())
def test_not_lost_though_the_server_is_asked(case: Case, dovecot_login: Login) -> None:
    dovecot_login.append("INBOX", case.header + b"\r\n\r\nx\r\n")
    assert count(dovecot_login, case, "default") == (1, True)
    assert count(dovecot_login, case, "exact") == (1, False)


def test_search_exact_asks_for_all_but_text(dovecot_login: Login) -> None:
    dovecot_login.append("INBOX", b"Subject: meeting\r\n\r\nx\r\n")
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        login = dovecot_login.through(proxy)
        with imapdb.connect(login.url(), search="exact") as db:
            sql = "SELECT count(*) FROM INBOX WHERE seen = 0 AND size < 5000 AND uid > 0 AND subject LIKE '%meeting%'"
            assert db.execute(sql).scalar_one() == 1
        (asked,) = [command for command in proxy.commands if "SEARCH" in command]
    assert "UNSEEN" in asked
    assert "SMALLER 5000" in asked
    assert not TEXT_KEYS.search(asked)


def test_every_way_to_connect_takes_search_exact(dovecot_login: Login) -> None:
    lost = LOST["raw Latin-1"]
    dovecot_login.append("INBOX", lost.header + b"\r\n\r\nx\r\n")
    sql = f"SELECT count(*) FROM INBOX WHERE contains(subject, '{lost.needle}')"
    url, exact = dovecot_login.url(), dovecot_login.url(search="exact")
    for connection, found in (
        (dbapi.connect(url), 0),
        (dbapi.connect(exact), 1),
        (dbapi.connect(url, search="exact"), 1),
        (dbapi.connect(exact, search="default"), 0),
    ):
        with connection, connection.cursor() as cursor:
            assert cursor.execute(sql).fetchall() == [(found,)]
    for wanted, found in ((url, 0), (exact, 1)):
        engine = sa.create_engine(wanted)
        with engine.connect() as connected:
            assert connected.execute(sa.text(sql)).scalar_one() == found
        engine.dispose()
        with imapdb.connect(wanted) as db:
            assert db.execute(sql).scalar_one() == found
    account = imapdb.Account.from_url(exact)
    with imapdb.connect(account) as db, imapdb.connect(account, search="default") as other:
        assert db.execute(sql).scalar_one() == 1
        assert other.execute(sql).scalar_one() == 0
