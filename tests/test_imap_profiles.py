"""Server profiles: by what a server is known, and what each of the big providers is asked.

The transcripts of Gmail, Exchange, Yahoo and iCloud are put together from logs in public threads (docs/servers.md says
which), not seen live: nobody here can reach those servers.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import imapdb
from imapdb import errors
from imapdb.account import Account
from imapdb.imap.connection import Connection
from imapdb.imap.profiles import GENERIC, PROFILES, Profile, recognise
from tests.kit.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Lines = list[str | bytes]

SERVERS_PAGE = Path(__file__).resolve().parents[1] / "docs" / "servers.md"


@dataclasses.dataclass(frozen=True)
class Letter:
    uid: int
    subject: bytes
    date: str
    size: int
    message_id: str


MAIL = (
    Letter(4, b"Invoice 17", "02-Nov-2026 09:00:00 +0000", 2_048, "<17@shop.example>"),
    Letter(6, b"=?utf-8?Q?Viele_Gr=C3=BC=C3=9Fe?=", "31-Oct-2026 22:15:00 +0000", 900, "<greetings@home.example>"),
    Letter(9, b"Re: reinvoiced", "20-Nov-2026 17:30:00 +0000", 5_000, "<9.re@shop.example>"),
)


def searched(uids: Sequence[int], done: str) -> Lines:
    return [f"S: * SEARCH {' '.join(map(str, uids))}".rstrip(), f"S: $tag OK {done}"]


def searched_in_sets(uids: Sequence[int], done: str) -> Lines:
    return [f'S: * ESEARCH (TAG "$tag") UID{" ALL " if uids else ""}{",".join(map(str, uids))}', f"S: $tag OK {done}"]


def searched_or_nothing_said(uids: Sequence[int], done: str) -> Lines:
    return searched(uids, done)[0 if uids else 1 :]


@dataclasses.dataclass(frozen=True)
class Provider:
    """How a server greets, lets in, opens a mailbox and answers SEARCH and FETCH."""

    hello: Lines
    opened: Lines
    search: str
    searched: Callable[[Sequence[int], str], Lines]
    search_done: str
    fetched: str
    fetch_done: str


GMAIL = Provider(
    hello=[
        "S: * OK Gimap ready for requests from 127.0.0.1 k2if6111336rvb.0",
        "C: CAPABILITY",
        (
            "S: * CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR "
            "AUTH=XOAUTH2 AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN AUTH=OAUTHBEARER"
        ),
        "S: $tag OK Thats all she wrote! k2if6111336rvb.0",
        "C: LOGIN ...",
        (
            "S: * CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS "
            "COMPRESS=DEFLATE ENABLE MOVE CONDSTORE ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- "
            "SPECIAL-USE APPENDLIMIT=35651584"
        ),
        "S: $tag OK u@gmail.com authenticated (Success)",
        "C: ID ...",
        (
            'S: * ID ("name" "GImap" "vendor" "Google, Inc." "support-url" "http://mail.google.com/support" '
            '"remote-host" "127.0.0.1")'
        ),
        "S: $tag OK Success",
        "C: ENABLE CONDSTORE",
        "S: * ENABLED CONDSTORE",
        "S: $tag OK Success",
    ],
    opened=[
        r"S: * FLAGS (\Answered \Flagged \Draft \Deleted \Seen $Forwarded $Junk $NotJunk)",
        "S: * OK [PERMANENTFLAGS ()] Flags permitted.",
        "S: * OK [UIDVALIDITY 636180923] UIDs valid.",
        "S: * 3 EXISTS",
        "S: * 0 RECENT",
        "S: * OK [UIDNEXT 10] Predicted next UID.",
        "S: * OK [HIGHESTMODSEQ 10132434]",
        "S: $tag OK [READ-ONLY] INBOX selected. (Success) [THROTTLED]",
    ],
    search="UID SEARCH RETURN (ALL)",
    searched=searched_in_sets,
    search_done="SEARCH completed (Success)",
    fetched="UID {uid} {item}",
    fetch_done="Success [THROTTLED]",
)

EXCHANGE = Provider(
    hello=[
        "S: * OK The Microsoft Exchange IMAP4 service is ready. [UABSADAAMQBNAEIAMAAxAC4AZQB4AGEAbQBwAGwAZQA=]",
        "C: CAPABILITY",
        (
            "S: * CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE "
            "NAMESPACE LITERAL+"
        ),
        "S: $tag OK CAPABILITY completed.",
        "C: LOGIN ...",
        "S: $tag OK LOGIN completed.",
        "C: CAPABILITY",
        (
            "S: * CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT "
            "CLIENTACCESSRULES CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+"
        ),
        "S: $tag OK CAPABILITY completed.",
        "C: ID ...",
        "S: $tag OK ID completed",
    ],
    opened=[
        "S: * 3 EXISTS",
        "S: * 0 RECENT",
        r"S: * FLAGS (\Seen \Answered \Flagged \Deleted \Draft $MDNSent)",
        "S: * OK [PERMANENTFLAGS ()] Permanent flags",
        "S: * OK [UIDVALIDITY 14] UIDVALIDITY value",
        "S: * OK [UIDNEXT 10] The next unique identifier value",
        "S: $tag OK [READ-ONLY] EXAMINE completed.",
    ],
    search="UID SEARCH",
    searched=searched,
    search_done="SEARCH completed.",
    fetched="{item} UID {uid}",
    fetch_done="FETCH completed.",
)

YAHOO = Provider(
    hello=[
        (
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER ID MOVE NAMESPACE "
            "XYMHIGHESTMODSEQ UIDPLUS LITERAL+ CHILDREN X-MSG-EXT OBJECTID] IMAP4rev1 Hello"
        ),
        "C: LOGIN ...",
        "S: $tag OK AUTHENTICATE completed - Mailbox size in bytes is 342004739",
        "C: CAPABILITY",
        "S: * CAPABILITY IMAP4rev1 ID MOVE NAMESPACE XYMHIGHESTMODSEQ UIDPLUS LITERAL+ CHILDREN X-MSG-EXT OBJECTID",
        "S: $tag OK CAPABILITY completed",
        "C: ID ...",
        (
            'S: * ID ("remote-host" "127.0.0.1" "vendor" "Yahoo! Inc." "support-url" "http://help.yahoo.com/" '
            '"name" "Y!IMAP" "host" "imap1.example")'
        ),
        "S: $tag OK ID completed",
    ],
    opened=[
        "S: * 3 EXISTS",
        "S: * 0 RECENT",
        "S: * OK [UIDVALIDITY 1] UIDs valid",
        "S: * OK [UIDNEXT 10] Predicted next UID",
        r"S: * FLAGS (\Answered \Deleted \Draft \Flagged \Seen $Forwarded $Junk $NotJunk)",
        "S: * OK [PERMANENTFLAGS ()] No permanent flags permitted",
        "S: * OK [HIGHESTMODSEQ 102784]",
        "S: $tag OK [READ-ONLY] EXAMINE completed; now in selected state",
    ],
    search="UID SEARCH",
    searched=searched,
    search_done="UID SEARCH completed",
    fetched="UID {uid} {item}",
    fetch_done="UID FETCH completed",
)

ICLOUD = Provider(
    hello=[
        (
            "S: * OK [CAPABILITY XAPPLEPUSHSERVICE IMAP4 IMAP4rev1 SASL-IR AUTH=ATOKEN AUTH=PLAIN] "
            "(2109B29-d3afe4d5aba6) pv33p00im-iscream021.me.com"
        ),
        "C: LOGIN ...",
        "S: $tag OK user u logged in",
        "C: CAPABILITY",
        (
            "S: * CAPABILITY XAPPLEPUSHSERVICE IMAP4 IMAP4rev1 CONDSTORE ENABLE QRESYNC QUOTA NAMESPACE UIDPLUS "
            "CHILDREN BINARY UNSELECT SORT CATENATE URLAUTH LANGUAGE ESEARCH ESORT THREAD=ORDEREDSUBJECT "
            "THREAD=REFERENCES CONTEXT=SEARCH CONTEXT=SORT WITHIN SASL-IR SEARCHRES METADATA ID XMSEARCH X-SUN-SORT "
            "ANNOTATE-EXPERIMENT-1 X-UNAUTHENTICATE X-SUN-IMAP XUM1 MULTISEARCH IDLE LIST-STATUS"
        ),
        "S: $tag OK Completed",
        "C: ID ...",
        "S: $tag OK Completed",
        "C: ENABLE CONDSTORE",
        "S: $tag OK ENABLE completed",
    ],
    opened=[
        "S: * 3 EXISTS",
        "S: * OK [UIDVALIDITY 7] UIDs valid",
        "S: * OK [UIDNEXT 10] Predicted next UID",
        "S: $tag OK [READ-ONLY] EXAMINE completed (took 8 ms)",
    ],
    # Whether RETURN goes before the key is left open: see the test at the end.
    search="UID SEARCH...",
    searched=searched_or_nothing_said,
    search_done="SEARCH completed (took 2 ms)",
    fetched="UID {uid} MODSEQ (366744470000000) {item}",
    fetch_done="UID FETCH completed (took 5 ms)",
)

PROVIDERS = {"gmail": GMAIL, "exchange": EXCHANGE, "yahoo": YAHOO, "icloud": ICLOUD}


@dataclasses.dataclass(frozen=True)
class Asked:
    """A condition, the key it comes to, what the server finds by it, what is fetched of that, and the rows."""

    condition: str
    key: str
    found: Sequence[int]
    fetch: str | None
    rows: Sequence[int]
    done: str | None = None


def flags_and_uids() -> list[Asked]:
    return [
        Asked("seen = 0", "UNSEEN", (4, 9), None, (4, 9)),
        Asked("seen = 1", "SEEN", (), None, ()),
        Asked("flagged = 1 AND uid BETWEEN 5 AND 9", "UID 5:9 FLAGGED", (6,), None, (6,)),
    ]


def by_arrival() -> Asked:
    return Asked("created >= '2026-11-01'", "SINCE 31-Oct-2026", (4, 6, 9), "INTERNALDATE", (4, 9))


def all_read(condition: str, fetch: str, rows: Sequence[int]) -> Asked:
    return Asked(condition, "ALL", (4, 6, 9), fetch, rows)


def not_asked() -> list[Asked]:
    """Conditions that none of the four is asked about, so that the fetched values decide alone."""
    return [
        all_read("contains(subject, 'invoice')", "SUBJECT", (4, 9)),
        all_read("contains(subject, 'Grüße')", "SUBJECT", (6,)),
        all_read("size > 1000", "RFC822.SIZE", (4, 9)),
        all_read("message_id = '<17@shop.example>'", "MESSAGE-ID", (4,)),
    ]


ASKED = {
    "gmail": [*flags_and_uids(), by_arrival(), *not_asked()],
    "exchange": [*flags_and_uids(), by_arrival(), *not_asked()],
    "yahoo": [
        *flags_and_uids(),
        all_read("created >= '2026-11-01'", "INTERNALDATE", (4, 9)),
        *not_asked(),
    ],
    "icloud": [*flags_and_uids(), by_arrival(), *not_asked()],
}


def fetch_items(asked: str) -> str:
    return f"BODY.PEEK[HEADER.FIELDS ({asked})]" if asked in ("SUBJECT", "MESSAGE-ID") else asked


def fetched(letter: Letter, asked: str) -> bytes:
    if asked == "INTERNALDATE":
        return f'INTERNALDATE "{letter.date}"'.encode()
    if asked == "RFC822.SIZE":
        return b"RFC822.SIZE %d" % letter.size
    value = letter.subject if asked == "SUBJECT" else letter.message_id.encode()
    field = b"%s: %s\r\n\r\n" % (asked.title().encode(), value)
    return b"BODY[HEADER.FIELDS (%s)] {%d}\r\n%s" % (asked.encode(), len(field), field)


def answers(provider: Provider, asked: Asked) -> Lines:
    found = list(provider.searched(asked.found, provider.search_done))
    lines: Lines = ['C: EXAMINE "INBOX"', *provider.opened, f"C: {provider.search} {asked.key}", *found]
    if asked.fetch is not None:
        lines.append(f"C: UID FETCH {','.join(map(str, asked.found))} (UID {fetch_items(asked.fetch)})")
        for number, letter in enumerate(MAIL, 1):
            if letter.uid in asked.found:
                before, _, after = provider.fetched.format(uid=letter.uid, item="\0").partition("\0")
                item = fetched(letter, asked.fetch)
                lines.append(b"* %d FETCH (%s%s%s)\r\n" % (number, before.encode(), item, after.encode()))
        lines.append(f"S: $tag OK {provider.fetch_done}")
    return lines


def url(server: Transcript) -> str:
    return f"imap://u:p@{server.host}:{server.port}/"


@pytest.mark.parametrize(
    ("name", "asked"),
    [(name, asked) for name, several in ASKED.items() for asked in several],
    ids=lambda value: value.condition if isinstance(value, Asked) else value,
)
def test_what_a_provider_is_asked_and_the_rows_that_come_back(name: str, asked: Asked) -> None:
    """From public threads, not seen live."""
    script = [*PROVIDERS[name].hello, *answers(PROVIDERS[name], asked), "HOLD"]
    with Transcript(script) as server, imapdb.connect(url(server)) as db:
        rows = db.execute(f"SELECT uid FROM INBOX WHERE {asked.condition} ORDER BY uid").scalars().all()
        assert rows == list(asked.rows)
        said = [line for line in script if isinstance(line, str) and line.startswith("C:")]
        assert len(server.commands) == len(said)


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_is_known_by_its_greeting_id_and_capabilities(name: str) -> None:
    """From public threads, not seen live."""
    with Transcript([*PROVIDERS[name].hello, "HOLD"]) as server:
        connection = Connection(Account(server.host, "u", server.port, password="p", tls="none", timeout=5))
        assert connection.profile.name == name
        connection.wire.settle()
        assert connection.profile.name == name
        connection.close()


QQ = "* OK [CAPABILITY IMAP4 IMAP4rev1 XLIST MOVE IDLE XAPPLEPUSHSERVICE NAMESPACE ID UIDPLUS] QQMail IMAP4Server ready"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE AUTH=PLAIN] Dovecot (Debian) ready.", "dovecot"),
        ("* OK IMAP4rev1 Server GreenMail v2.1.3 ready", "greenmail"),
        ("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] Server ready pymap", "pymap"),
        ("* OK [CAPABILITY IMAP4rev1 ID ENABLE AUTH=PLAIN] mail.example Cyrus IMAP 3.6.1-Debian server ready", "cyrus"),
        ("* OK [CAPABILITY IMAP4rev1 UIDPLUS SORT QUOTA IDLE] Courier-IMAP ready. Copyright 1998-2022", "courier"),
        ("* OK Gimap ready for requests from 127.0.0.1 k2if6111336rvb.0", "gmail"),
        ("* OK The Microsoft Exchange IMAP4 service is ready.", "exchange"),
        ("* OK Microsoft Exchange IMAP4 service ready. (tcpproxy/15.21.0406.000 BACKENDAUTHENTICATE)", "exchange"),
        ("* OK mail.example ready IMAP4rev1 CLIENTACCESSRULES CLIENTNETWORKPRESENCELOCATION", "exchange"),
        ("* OK [CAPABILITY IMAP4rev1 ID MOVE] IMAP4rev1 imapgate-1.8.1_01.20166 imap1.mail.ir2.yahoo.com", "yahoo"),
        ("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN ID] IMAP4rev1 Hello", "yahoo"),
        ("* OK ready Y!IMAP", "yahoo"),
        ("* OK [CAPABILITY mr11p00im-iscream004 IMAP4 IMAP4rev1] iSCREAM ready to rumble", "icloud"),
        ("* OK ready IMAP4rev1 XAPPLELITERAL X-APPLE-REMOTE-LINKS", "icloud"),
        # A Dovecot that only stands in front passes on the capabilities of what is behind it, and that one searches.
        ("* OK [CAPABILITY IMAP4rev1 ID AUTH=PLAIN] Dovecot ready. IMAP4rev1 ID X-GM-EXT-1 ESEARCH", "gmail"),
        (QQ, "generic"),
        ("* OK IMAP4rev1 ready", "generic"),
    ],
)
def test_a_server_is_known_by_what_it_says(said: str, name: str) -> None:
    assert recognise(said) is PROFILES.get(name, GENERIC)


def test_profiles_are_listed_by_their_names_and_signs_are_lower_case() -> None:
    assert {name: profile.name for name, profile in PROFILES.items()} == {name: name for name in PROFILES}
    for name, profile in PROFILES.items():
        assert all(sign == sign.lower() for sign in profile.signs)
        assert all(recognise(sign.upper()).name == name for sign in (name, *profile.signs))


def test_the_name_of_our_own_host_in_an_id_is_not_the_servers() -> None:
    script = """
        S: * OK [CAPABILITY IMAP4rev1 ID] ready
        C: LOGIN ...
        S: $tag OK [CAPABILITY IMAP4rev1 ID] in
        C: ID ...
        S: * ID ("Name" "Some IMAP" "remote-host" "dovecot.example")
        S: $tag OK
        HOLD
    """
    with Transcript(script) as server:
        connection = Connection(Account(server.host, "u", server.port, password="p", tls="none", timeout=5))
        assert connection.profile == GENERIC
        connection.close()


def test_a_search_that_yahoo_gives_up_is_an_error_with_its_words() -> None:
    script = [
        *YAHOO.hello,
        'C: EXAMINE "INBOX"',
        *YAHOO.opened,
        "C: UID SEARCH UNSEEN",
        "S: $tag NO [SERVERBUG] UID SEARCH Server error - Please try again later",
        "HOLD",
    ]
    with (
        Transcript(script) as server,
        imapdb.connect(url(server)) as db,
        pytest.raises(errors.ServerRefused, match="try again later"),
    ):
        db.execute("SELECT uid FROM INBOX WHERE seen = 0").all()


def test_icloud_is_not_asked_for_sets() -> None:
    """It is reported to answer RETURN (ALL) with the COUNT alone: horde/Imap_Client#17."""
    asked = flags_and_uids()[0]
    with Transcript([*ICLOUD.hello, *answers(ICLOUD, asked), "HOLD"]) as server, imapdb.connect(url(server)) as db:
        assert db.execute("SELECT uid FROM INBOX WHERE seen = 0").scalars().all() == [4, 9]
        assert "RETURN" not in server.commands[-1]


def test_a_search_of_only_the_newest_is_not_taken_for_the_whole() -> None:
    """Yahoo offers MESSAGELIMIT=1000 (RFC 9738): beyond that an OK names the lowest UID that was looked at."""
    script = [
        *YAHOO.hello,
        'C: EXAMINE "INBOX"',
        *YAHOO.opened,
        "C: UID SEARCH UNSEEN",
        "S: * SEARCH 9",
        "S: $tag OK [MESSAGELIMIT 2 6] UID SEARCH completed for the last 2 messages",
        "C: UID SEARCH UID 1:5 UNSEEN",
        "S: * SEARCH 4",
        "S: $tag OK UID SEARCH completed",
        "HOLD",
    ]
    with Transcript(script) as server, imapdb.connect(url(server)) as db:
        assert db.execute("SELECT uid FROM INBOX WHERE seen = 0 ORDER BY uid").scalars().all() == [4, 9]


def tick(held: bool) -> str:
    return "✓" if held else "–"


COLUMNS: dict[str, Callable[[Profile], str]] = {
    "server": lambda profile: f"`{profile.name}`",
    "tested against": lambda profile: tick(profile.seen_live),
    "words of": lambda profile: ", ".join(sorted(profile.text_keys)) or "–",
    "any header field": lambda profile: (
        "as written" if profile.headers and not profile.decodes_headers else tick(profile.headers)
    ),
    "words beyond ASCII": lambda profile: tick(profile.folds_unicode and profile.takes_utf8),
    "`size`": lambda profile: tick(profile.counts_octets),
    "keywords": lambda profile: tick(profile.folds_keywords),
    "`created`": lambda profile: tick(profile.finds_arrival),
    "`sent`": lambda profile: tick(profile.finds_undated),
    "OR": lambda profile: tick(profile.takes_or),
    "SORT": lambda profile: tick(profile.sorts_arrival),
}


def servers_table() -> str:
    rows = [list(COLUMNS), ["---"] * len(COLUMNS)]
    rows += [[cell(profile) for cell in COLUMNS.values()] for profile in (*PROFILES.values(), GENERIC)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def test_the_table_of_servers_is_the_profiles() -> None:
    page = SERVERS_PAGE.read_text(encoding="utf-8")
    table = servers_table()
    assert page.partition("<!-- servers -->\n")[2].partition("<!-- /servers -->")[0] == table, f"it is now:\n{table}"


def test_every_server_nobody_here_can_reach_has_its_sources_listed() -> None:
    page = SERVERS_PAGE.read_text(encoding="utf-8").lower()
    for name, profile in PROFILES.items():
        if not profile.seen_live:
            assert any(name in line for line in page.splitlines() if line.startswith("## ")), name
