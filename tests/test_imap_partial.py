"""Sections in pieces: ends, losses, servers that know of no pieces, messages that are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imapdb import errors
from imapdb.account import Account
from imapdb.imap.connection import Connection
from imapdb.imap.mailboxes import Mailbox
from imapdb.imap.partial import SectionStream
from imapdb.imap.section import Told, read_section, section_name
from tests.kit.attached import attached, letter
from tests.kit.proxy import Proxy
from tests.kit.transcript import Transcript

if TYPE_CHECKING:
    from tests.kit.servers import Login

INBOX = Mailbox("INBOX", b"INBOX", None, (), None)
IN = """
    S: * OK [CAPABILITY IMAP4rev1] ready
    C: LOGIN ...
    S: $tag OK [CAPABILITY IMAP4rev1] in
    C: EXAMINE "INBOX"
    S: * OK [UIDVALIDITY 7]
    S: $tag OK
"""
ASKED = "C: UID FETCH 5 (UID BODY.PEEK[2]<0.65536>)"
ENTERED = ["C: EXAMINE ...", "S: * OK [UIDVALIDITY 7]", "S: $tag OK"]
REST = "C: UID FETCH 5 (UID BODY.PEEK[2]<3.262144>)"


def lines(script: str) -> list[str | bytes]:
    return [line.strip() for line in script.splitlines() if line.strip()]


def script(*steps: str | bytes) -> list[str | bytes]:
    return [*lines(IN), *steps]


def connected(server: Transcript) -> Connection:
    return Connection(Account(server.host, "u", server.port, "p", "none", timeout=10))


def whole(stream: SectionStream) -> bytes:
    pieces = []
    while piece := stream.next():
        pieces.append(piece)
    assert stream.next() == b""
    return b"".join(pieces)


def read(*scripts: list[str | bytes], size: int | None = None, uidvalidity: int | None = None) -> bytes:
    with Transcript(*scripts) as server:
        connection = connected(server)
        try:
            return whole(SectionStream(connection, INBOX, 5, "2", size=size, uidvalidity=uidvalidity))
        finally:
            connection.close()


def told(octets: bytes, origin: str = "<0>") -> bytes:
    return b"* 1 FETCH (UID 5 BODY[2]%s {%d}\r\n%s)\r\n" % (origin.encode(), len(octets), octets)


def test_an_end_where_it_was_said_to_be_costs_nothing() -> None:
    assert read(script(ASKED, told(b"abc"), "S: $tag OK", "HOLD"), size=3) == b"abc"


@pytest.mark.parametrize(
    "end",
    [
        b'* 1 FETCH (UID 5 BODY[2]<3> "")\r\n',
        b"* 1 FETCH (UID 5 BODY[2]<3> {0}\r\n)\r\n",
        b"* 1 FETCH (UID 5 BODY[2]<3> NIL)\r\n",
        b"* 1 FETCH (UID 5 BODY[2]<0> NIL)\r\n",
        b"* 1 FETCH (UID 5 BODY[2] NIL)\r\n",
    ],
)
def test_an_end_that_is_elsewhere_is_asked_for_once_more(end: bytes) -> None:
    steps: list[str | bytes] = [ASKED, told(b"abc"), "S: $tag OK", *ENTERED, REST, end, "S: $tag OK", "HOLD"]
    assert read(script(*steps), size=20) == b"abc"
    assert read(script(*steps)) == b"abc"


@pytest.mark.parametrize(
    "answer",
    [
        b'* 1 FETCH (UID 5 BODY[2]<0> "abc")\r\n',
        b"* 1 FETCH (UID 5 BODY[2]<0>{3}\r\nabc)\r\n",
        b"* 1 FETCH (BODY[2]<0.65536> {3}\r\nabc FLAGS (\\Seen) UID 5)\r\n",
        b"* 1 fetch (uid 5 body[2]<0> {3}\r\nabc)\r\n",
        b"* 9 FETCH (UID 5 FLAGS (\\Seen))\r\n* 3 EXISTS\r\n* 2 FETCH (UID 4 BODY[2]<0> {3}\r\nxyz)\r\n" + told(b"abc"),
        b"* 9 FETCH (UID 5 BODY[1]<0> {3}\r\nxyz)\r\n" + told(b"abc"),
    ],
)
def test_answers_of_any_form(answer: bytes) -> None:
    assert read(script(ASKED, answer, "S: $tag OK", "HOLD"), size=3) == b"abc"


def test_a_server_that_knows_of_no_pieces_is_asked_once() -> None:
    octets = bytes(range(256)) * 1000
    assert read(script(ASKED, told(octets, ""), "S: $tag OK", "HOLD")) == octets


def test_what_is_too_much_is_cut() -> None:
    octets = bytes(range(256)) * 300
    rest = told(octets[65536:], "<65536>")
    steps: list[str | bytes] = [
        ASKED,
        told(octets),
        "S: $tag OK",
        "C: UID FETCH 5 (UID BODY.PEEK[2]<65536.262144>)",
        rest,
        "S: $tag OK",
    ]
    assert read(script(*steps, "HOLD"), size=len(octets)) == octets


def test_a_server_that_gives_less_than_is_asked_for() -> None:
    again: list[str | bytes] = [ASKED, told(b"abc"), "S: $tag OK", *ENTERED, REST, told(b"def", "<3>"), "S: $tag OK"]
    last = "C: UID FETCH 5 (UID BODY.PEEK[2]<6.1048576>)"
    assert read(script(*again, *ENTERED, last, told(b"gh", "<6>"), "S: $tag OK", "HOLD"), size=8) == b"abcdefgh"


def test_pieces_grow_and_the_next_is_under_way() -> None:
    octets = bytes(range(256)) * 4096 * 2
    steps: list[str | bytes] = [
        *(ASKED, told(octets[:65536]), "S: $tag OK"),
        "C: UID FETCH 5 (UID BODY.PEEK[2]<65536.262144>)",
        "C: UID FETCH 5 (UID BODY.PEEK[2]<327680.1048576>)",
        told(octets[65536:327680], "<65536>"),
        "S: A5 OK",
        "C: UID FETCH 5 (UID BODY.PEEK[2]<1376256.1048576>)",
        told(octets[327680:1376256], "<327680>"),
        "S: A6 OK",
        told(octets[1376256:], "<1376256>"),
        "S: A7 OK",
        "HOLD",
    ]
    # LOGIN is A1, EXAMINE A2, the first piece A3.
    steps = [step.replace("A5", "A4").replace("A6", "A5").replace("A7", "A6") if isinstance(step, str) else step
             for step in steps]  # fmt: skip
    assert read(script(*steps), size=len(octets)) == octets


def test_answers_may_come_in_another_order() -> None:
    octets = bytes(range(256)) * 2000
    steps: list[str | bytes] = [
        *(ASKED, told(octets[:65536]), "S: $tag OK"),
        "C: UID FETCH 5 (UID BODY.PEEK[2]<65536.262144>)",
        "C: UID FETCH 5 (UID BODY.PEEK[2]<327680.1048576>)",
        told(octets[327680:], "<327680>"),
        told(octets[65536:327680], "<65536>"),
        "S: A5 OK",
        "S: A4 OK",
        "HOLD",
    ]
    assert read(script(*steps), size=len(octets)) == octets


@pytest.mark.parametrize(
    "empty", [b"", b"* 1 FETCH (UID 5 BODY[2]<0> NIL)\r\n", b"* 1 FETCH (FLAGS (\\Deleted) UID 5)\r\n"]
)
def test_a_message_that_is_gone(empty: bytes) -> None:
    with Transcript(script(ASKED, empty, "S: $tag OK", *ENTERED, "C: UID FETCH ...", "S: $tag OK", "HOLD")) as server:
        connection = connected(server)
        # The mailbox was entered long ago.
        connection.read(lambda wire: connection.enter(wire, INBOX))
        stream = SectionStream(connection, INBOX, 5, "2")
        with pytest.raises(errors.OperationalError, match=r"message 5 is no longer in mailbox 'INBOX'"):
            stream.next()
        connection.close()


def test_expungeissued_is_gone_too() -> None:
    with pytest.raises(errors.OperationalError, match="no longer"):
        read(script(ASKED, "S: $tag NO [EXPUNGEISSUED] gone", "HOLD"))


def test_what_is_refused_for_now_is_asked_again_and_what_is_refused_is_not() -> None:
    again: list[str | bytes] = [ASKED, "S: $tag NO [UNAVAILABLE] later", ASKED, told(b"abc"), "S: $tag OK", "HOLD"]
    assert read(script(*again), size=3) == b"abc"
    with pytest.raises(errors.ServerRefused, match="no such part"):
        read(script(ASKED, "S: $tag NO no such part", "HOLD"))
    with pytest.raises(errors.ProtocolError, match="what"):
        read(script(ASKED, "S: $tag BAD what", "HOLD"))
    with pytest.raises(errors.ProtocolError, match="not asked for"):
        read(script(ASKED, told(b"abc", "<17>"), "S: $tag OK", "HOLD"))
    with pytest.raises(errors.ProtocolError, match="ends inside a list"):
        read(script(ASKED, b"* 1 FETCH (UID 5 BODY[2]<0> (\r\n", "S: $tag OK", "HOLD"))


def test_it_goes_on_where_it_stopped() -> None:
    octets = bytes(range(256)) * 500
    first = script(ASKED, told(octets[:65536]), "S: $tag OK", "C: UID FETCH ...", told(octets[65536:])[:9000], "RESET")
    # Small pieces first, on a line that breaks.
    second = script("C: UID FETCH 5 (UID BODY.PEEK[2]<65536.65536>)", told(octets[65536:], "<65536>"), "S: $tag OK")
    assert read(first, [*second, "HOLD"], size=len(octets)) == octets


def test_a_line_that_breaks_twice_at_the_same_place_is_an_error() -> None:
    with pytest.raises(errors.ConnectionLost):
        read(script(ASKED, "RESET"), script(ASKED, "RESET"), script("HOLD"))


def test_another_uidvalidity_is_another_message() -> None:
    octets = bytes(range(256)) * 500
    first = script(ASKED, told(octets[:65536]), "S: $tag OK", "C: UID FETCH ...", "RESET")
    second = [str(step).replace("UIDVALIDITY 7", "UIDVALIDITY 8") for step in lines(IN)]
    again: list[str | bytes] = [*second, "C: UID FETCH ...", told(b"other"), "S: $tag OK", "HOLD"]
    with pytest.raises(errors.StaleMailbox, match="UIDVALIDITY 7 became 8"):
        read(first, again, size=70_000)
    with pytest.raises(errors.StaleMailbox, match="UIDVALIDITY 6 became 7"):
        read(script(ASKED, told(b"abc"), "S: $tag OK", "HOLD"), uidvalidity=6)


UNDER_WAY = bytes(range(256)) * 6000
BEGUN: list[str | bytes] = [
    *(ASKED, told(UNDER_WAY[:65536]), "S: $tag OK"),
    "C: UID FETCH 5 (UID BODY.PEEK[2]<65536.262144>)",
    "C: UID FETCH 5 (UID BODY.PEEK[2]<327680.1048576>)",
    told(UNDER_WAY[65536:327680], "<65536>"),
    "S: A4 OK",
    # Sent before the answer is read.
    "C: UID FETCH 5 (UID BODY.PEEK[2]<1376256.1048576>)",
]
REST_OF_IT: list[str | bytes] = [told(UNDER_WAY[1376256:], "<1376256>"), "S: $tag OK"]


def interrupted(first: list[str | bytes], second: list[str | bytes]) -> bytes:
    """Read three pieces, with another command before the third."""
    with Transcript(script(*first), script(*second, "HOLD")) as server:
        connection = connected(server)
        try:
            stream = SectionStream(connection, INBOX, 5, "2", size=len(UNDER_WAY))
            begin = stream.next() + stream.next()
            connection.read(lambda wire: wire.run("NOOP"))
            return begin + whole(stream)
        finally:
            connection.close()


def test_what_is_under_way_is_taken_in_before_another_command() -> None:
    came = told(UNDER_WAY[327680:1376256], "<327680>")
    last: list[str | bytes] = [*BEGUN[-1:], told(UNDER_WAY[1376256:], "<1376256>"), "S: $tag OK"]
    assert interrupted([*BEGUN[:-1], came, "S: A5 OK", "C: NOOP", "S: $tag OK", *last, "HOLD"], []) == UNDER_WAY


def test_what_is_lost_meanwhile_is_asked_for_again() -> None:
    again: list[str | bytes] = [
        "C: UID FETCH 5 (UID BODY.PEEK[2]<327680.1048576>)",
        "C: UID FETCH 5 (UID BODY.PEEK[2]<1376256.1048576>)",
        told(UNDER_WAY[327680:1376256], "<327680>"),
        "S: A4 OK",
        *REST_OF_IT,
    ]
    entered = lines(IN)[3:]
    noop: list[str | bytes] = [*lines(IN)[:3], "C: NOOP", "S: $tag OK", *entered, *again, "HOLD"]
    # Closed and not reset: what has come is to be read first.
    with Transcript(script(*BEGUN[:-1], "CLOSE"), noop) as server:
        connection = connected(server)
        stream = SectionStream(connection, INBOX, 5, "2", size=len(UNDER_WAY))
        begin = stream.next() + stream.next()
        connection.read(lambda wire: wire.run("NOOP"))
        assert begin + whole(stream) == UNDER_WAY
        assert connection.opened == 2
        connection.close()


def test_what_was_refused_meanwhile_is_told_by_whoever_asks() -> None:
    refused: list[str | bytes] = [*BEGUN[:-1], "S: A5 NO not this", "C: NOOP", "S: $tag OK", "HOLD"]
    with pytest.raises(errors.ServerRefused, match="not this"):
        interrupted(refused, [])


@pytest.mark.parametrize("section", ["0x1", "1.", "a", "1.TEXT.2", "1]", "1\r\n", "*", "1..2", "TEXT.1", "²"])
def test_what_is_no_section_is_not_sent(section: str) -> None:
    with pytest.raises(errors.ProgrammingError, match="no section"):
        section_name(section)


@pytest.mark.parametrize("section", ["", "1", "1.2", "3.TEXT", "3.1.MIME", "HEADER", "TEXT"])
def test_what_is_a_section(section: str) -> None:
    assert section_name(section) == section.encode()


def test_responses_that_tell_nothing_of_it() -> None:
    for line in (b"* 3 EXISTS\r\n", b"* 1 FETCH (FLAGS ())\r\n", b"* 1 FETCH (UID 6 BODY[2] NIL)\r\n"):
        assert read_section([line], 5, b"2") is None
    assert read_section([b"* 1 FETCH (UID 5 FLAGS ())\r\n"], 5, b"2") == Told()
    with pytest.raises(errors.ProtocolError):
        read_section([b"* 1 FETCH UID\r\n"], 5, b"2")


LETTER = letter(attached(bytes(range(256)) * 300, "base64"))


def sought(login: Login, uid: int, section: str) -> bytes:
    with login.imaplib() as client:
        client.select("INBOX", readonly=True)
        _, answer = client.uid("FETCH", str(uid), f"(BODY.PEEK[{section}])")
        octets = answer[0][1]
        assert isinstance(octets, bytes)
        return octets


def test_sections_and_spans_are_what_the_server_gives_at_once(login: Login) -> None:
    uid = login.append("INBOX", LETTER)
    connection = Connection(Account(login.host, login.user, login.port, login.password, "none"))
    for section in ("2", "1", ""):
        expected = sought(login, uid, section)
        for size in (None, len(expected), 7, 10**9):
            assert whole(SectionStream(connection, INBOX, uid, section, size=size)) == expected
    message = sought(login, uid, "")
    for span in ((0, 5), (5, 5), (17, 90_000), (65536, 65537), (0, len(message)), (100, len(message) + 100)):
        stream = SectionStream(connection, INBOX, uid, "", span=span)
        assert whole(stream) == message[slice(*span)]
    connection.close()


def test_streams_on_one_connection_take_turns(login: Login) -> None:
    uids = login.append_all("INBOX", [LETTER, LETTER.replace(b"AAECAwQF", b"BBECAwQF")])
    connection = Connection(Account(login.host, login.user, login.port, login.password, "none"))
    streams = [SectionStream(connection, INBOX, uid, "2") for uid in uids]
    came: list[list[bytes]] = [[], []]
    while any(pieces := [stream.next() for stream in streams]):
        connection.read(lambda wire: wire.run("NOOP"))
        for gathered, piece in zip(came, pieces, strict=True):
            gathered.append(piece)
    assert [b"".join(gathered) for gathered in came] == [sought(login, uid, "2") for uid in uids]
    # One that is left leaves nothing behind.
    left = SectionStream(connection, INBOX, uids[0], "")
    left.next()
    left.close()
    assert left.next() == b""
    assert whole(SectionStream(connection, INBOX, uids[1], "2")) == sought(login, uids[1], "2")
    assert connection.opened == 1
    connection.close()


def test_cuts_anywhere_lose_nothing(dovecot_login: Login) -> None:
    message = letter(attached(bytes(range(256)) * 20_000, "base64"))
    uid = dovecot_login.append("INBOX", message)
    expected = sought(dovecot_login, uid, "2")
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        login = dovecot_login.through(proxy)
        connection = Connection(Account(login.host, login.user, login.port, login.password, "none"))
        for octets in (0, 1, 50, 65_000, 66_000, 333_333, 1_300_000, 6_000_000):
            stream = SectionStream(connection, INBOX, uid, "2", size=len(expected))
            first = stream.next()
            proxy.clear()
            proxy.cut_after(octets, once=True)
            assert first + whole(stream) == expected
            # At most the two pieces that were under way are asked for again.
            assert proxy.octets_down < len(expected) + 2 * 1024 * 1024
            proxy.mend()
        connection.close()
