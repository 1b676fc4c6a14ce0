"""What a server or a line may do wrong, and what may come of it: the cases of tests/test_faults.py."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from imapdb import errors
from tests.kit.faulty import Act, Play, Reply, Step, flood

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


@dataclasses.dataclass(frozen=True)
class Case:
    """`error` None: the right rows; else that, with a text in which `says` is found. `gaps`: or NULL for message 2.

    `of` is the mailbox whose EXAMINE it befalls, where not all of them. `left_out` are the mailboxes that a statement
    over all of them leaves out, and warns of, in place of the error; that comes where none is left.
    """

    name: str
    play: Play
    error: type[errors.Error] | None = None
    says: str = ""
    times: int | None = 1
    command: str = "UID FETCH"
    gaps: bool = False
    of: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def armed(self) -> str:
        """The beginning of the command it befalls."""
        return f'{self.command} "{self.of}"'.upper() if self.of else self.command


def always(
    case: Case,
    error: type[errors.Error] | None,
    says: str = "",
    *,
    gaps: bool = False,
    left_out: tuple[str, ...] = (),
) -> Case:
    name = f"{case.name}, always"
    return dataclasses.replace(case, name=name, error=error, says=says, times=None, gaps=gaps, left_out=left_out)


def cut(act: Act) -> Play:
    """Do it in the midst of the answer."""
    return lambda reply: [reply.whole[: len(reply.whole) // 2], act]


def instead(octets: bytes, *steps: Step) -> Play:
    return lambda reply: [octets.replace(b"$tag", reply.tag), *steps]


def after_one(octets: bytes) -> Play:
    """Tell one message, then this in place of the others."""
    return lambda reply: [reply.said[0] if reply.said else b"", octets.replace(b"$tag", reply.tag)]


def before(octets: bytes, *, every: bool = False) -> Play:
    """Say more than was asked for: before the answer, or before each message."""
    if every:
        return lambda reply: [b"".join(octets + line for line in reply.said), reply.end]
    return lambda reply: [octets, reply.whole]


def second(change: Callable[[bytes], bytes]) -> Play:
    """Say the second message otherwise."""

    def play(reply: Reply) -> Iterable[Step]:
        said = [*reply.said]
        if not said:
            return [reply.end]
        place = min(1, len(said) - 1)
        said[place] = change(said[place])
        return [b"".join(said), reply.end]

    return play


def literal(grown: int) -> Callable[[bytes], bytes]:
    """Announce a literal by so many octets too large."""
    return lambda line: re.sub(rb"\{(\d+)\}", lambda m: b"{%d}" % max(0, int(m[1]) + grown), line, count=1)


def endless(head: bytes, again: bytes) -> Play:
    def play(reply: Reply) -> Iterator[Step]:
        yield head
        yield from flood(again)

    return play


def dripping(reply: Reply) -> Iterator[Step]:
    """Send an octet now and then, so that there is always one in time, and never a line."""
    yield b"* 1 FETCH (UID 1 FLAGS ("
    for _ in range(200):
        yield 0.1
        yield b"a"


def limited(reply: Reply) -> Iterable[Step]:
    """Tell no more than two messages (RFC 9738), the newest."""
    if len(reply.said) <= 2:
        return [reply.whole]
    return [b"".join(reply.said[-2:]), reply.ended(b"OK [MESSAGELIMIT 2 5] a part")]


def without_uid(line: bytes) -> bytes:
    return re.sub(rb"UID \d+ ", b"", line)


def unreadable(line: bytes) -> bytes:
    return line.replace(b"FLAGS (", b"FLAGS ((").replace(b"RFC822.SIZE", b"RFC822.SIZE (")


LOST, REFUSED, MALFORMED, STALE = errors.ConnectionLost, errors.ServerRefused, errors.ProtocolError, errors.StaleMailbox
NOT_READABLE = errors.NoSuchMailbox
ALL = ("INBOX", "Archive")

CLOSED = Case("closed in the midst", cut(Act.CLOSE))
RESET = Case("reset in the midst", cut(Act.RESET))
STALLED = Case("stalled in the midst", cut(Act.HOLD))
HALF = Case("half-closed in the midst", cut(Act.HALF_CLOSE))
BYE = Case("BYE and closed", instead(b"* BYE going down\r\n", Act.CLOSE))
SILENT_BYE = Case("BYE and silence", instead(b"* BYE going down\r\n", Act.HOLD))
DRIP = Case("a line that drips", dripping)
UNAVAILABLE = Case("NO [UNAVAILABLE]", instead(b"$tag NO [UNAVAILABLE] later\r\n"))
INUSE = Case("NO [INUSE]", instead(b"$tag NO [INUSE] locked\r\n"))
PARTLY = Case("NO [UNAVAILABLE] after one message", after_one(b"$tag NO [UNAVAILABLE] later\r\n"))
BACKOFF = Case(
    "BAD throttled, a short wait",
    instead(b"$tag BAD Request is throttled. Suggested Backoff Time: 30 milliseconds\r\n"),
)
THROTTLED = Case("NO [THROTTLED]", instead(b"$tag NO [THROTTLED] slow down\r\n"))
TOO_LONG = Case("literal announced 5 octets too long", second(literal(5)))
TOO_SHORT = Case("literal announced 5 octets too short", second(literal(-5)), MALFORMED, "the session was dropped")
WRONG_UID = Case("another UID", second(lambda line: re.sub(rb"UID \d+", b"UID 99", line)))
NO_UID = Case("no UID", second(without_uid))
UNREADABLE = Case("a message that cannot be read", second(unreadable))
UNSURE = Case("a message that cannot be read, nor its UID", second(lambda line: unreadable(without_uid(line))))
NO_SIZE = Case("a size of NIL", second(lambda line: re.sub(rb"SIZE \d+", b"SIZE NIL", line)))
LEFT_OUT = Case("an item left out", second(lambda line: re.sub(rb"RFC822.SIZE \d+ ", b"", line)))
NOT_ENTERED = Case("EXAMINE: NO [UNAVAILABLE]", UNAVAILABLE.play, command="EXAMINE")
ONE_NOT_ENTERED = dataclasses.replace(NOT_ENTERED, name="EXAMINE of one: NO [UNAVAILABLE]", of="Archive")
ONE_GOODBYE = Case("EXAMINE of one: BYE", BYE.play, command="EXAMINE", of="Archive")
ONE_STALLED = Case("EXAMINE of one: stalled", cut(Act.HOLD), command="EXAMINE", of="Archive")
NOT_FOUND = Case("SEARCH: NO [INUSE]", INUSE.play, command="UID SEARCH")

CASES = [
    CLOSED,
    always(CLOSED, LOST, "closed the connection"),
    RESET,
    always(RESET, LOST, "connection broke|closed the connection"),
    STALLED,
    always(STALLED, LOST, "did not answer in time"),
    HALF,
    always(HALF, LOST, "closed the connection"),
    DRIP,
    always(DRIP, LOST, "did not answer in time"),
    BYE,
    always(BYE, LOST, "said goodbye: going down"),
    SILENT_BYE,
    always(SILENT_BYE, LOST, "said goodbye: going down"),
    Case("NO", instead(b"$tag NO out of order\r\n"), REFUSED, "refused UID FETCH: out of order"),
    Case("BAD", instead(b"$tag BAD what\r\n"), MALFORMED, "rejects UID FETCH: what"),
    UNAVAILABLE,
    always(UNAVAILABLE, REFUSED, "try again later"),
    INUSE,
    always(INUSE, REFUSED, "try again later"),
    PARTLY,
    always(PARTLY, REFUSED, "try again later"),
    BACKOFF,
    THROTTLED,
    always(THROTTLED, REFUSED, "try again later"),
    Case(
        "BAD throttled, a long wait",
        instead(b"$tag BAD Request is throttled. Suggested Backoff Time: 90000 milliseconds\r\n"),
        MALFORMED,
        "90000 milliseconds; .*try again later",
    ),
    TOO_LONG,
    always(TOO_LONG, LOST, "did not answer in time"),
    TOO_SHORT,
    always(TOO_SHORT, MALFORMED, "the session was dropped"),
    Case("a literal of 2 GB", instead(b"* 1 FETCH (BODY[] {2147483648}\r\n", Act.HOLD), MALFORMED, "2147483648"),
    Case("a literal of 20 digits", instead(b"* 1 FETCH (BODY[] {%d}\r\n" % 10**19, Act.HOLD), MALFORMED, ""),
    Case("an endless line", endless(b"* 1 FETCH (", b"x" * 1000), MALFORMED, "a line of over"),
    Case("an endless line of words", endless(b"* 1 FETCH (", b"UID 1 "), MALFORMED, "a line of over"),
    Case("an endless list", endless(b"* 1 FETCH ", b"("), MALFORMED, "a line of over"),
    Case("endless literals", endless(b"* 1 FETCH (UID 1", b" X {4}\r\nabcd"), MALFORMED, "does not end"),
    Case("endless responses", endless(b"", b"* 9 EXISTS\r\n"), MALFORMED, "does not end"),
    Case("endless FETCH of one message", endless(b"", b"* 1 FETCH (UID 1 FLAGS (x))\r\n"), MALFORMED, "does not end"),
    WRONG_UID,
    always(WRONG_UID, MALFORMED, "message 99, which was not asked for"),
    NO_UID,
    always(NO_UID, MALFORMED, "without its UID"),
    UNREADABLE,
    always(UNREADABLE, None, gaps=True),
    UNSURE,
    always(UNSURE, MALFORMED, "."),
    NO_SIZE,
    always(NO_SIZE, None, gaps=True),
    LEFT_OUT,
    always(LEFT_OUT, None, gaps=True),
    Case("each message twice", lambda reply: [b"".join(line * 2 for line in reply.said), reply.end], times=None),
    Case("messages in another order", lambda reply: [b"".join(reply.said[::-1]), reply.end], times=None),
    Case(
        "messages not asked for",
        before(b'* 8 FETCH (UID 80 FLAGS () RFC822.SIZE 1 BODY[HEADER] "")\r\n', every=True),
        times=None,
    ),
    Case(
        "EXISTS, EXPUNGE, VANISHED, FLAGS between",
        before(
            b"* 9 EXISTS\r\n* 9 EXPUNGE\r\n* VANISHED 90\r\n* 2 FETCH (FLAGS (a))\r\n* OK still here\r\n", every=True
        ),
        times=None,
    ),
    Case("flags of other messages", before(b"* 2 FETCH (UID 2 MODSEQ (9) FLAGS (a))\r\n"), times=None),
    Case("a part only, MESSAGELIMIT", limited, times=None),
    Case(
        "nothing, MESSAGELIMIT",
        instead(b"$tag OK [MESSAGELIMIT 2 5] a part\r\n"),
        MALFORMED,
        "MESSAGELIMIT",
        times=None,
    ),
    Case("a tag of nobody", instead(b"ZZ OK done\r\n"), MALFORMED, "not asked.*dropped"),
    Case("neither OK nor NO nor BAD", instead(b"$tag PERHAPS\r\n"), MALFORMED, "neither well nor badly"),
    Case("a request to go on", instead(b"+ go ahead\r\n"), MALFORMED, "not asked"),
    Case("lines that are no IMAP", before(b"Warning: disk full\r\n"), MALFORMED, "not asked"),
    Case(
        "EXAMINE: words of the mailbox left, before CLOSED",
        before(b'* 3 FETCH (UID 3 FLAGS (x) RFC822.SIZE 1 BODY[HEADER] "Subject: wrong")\r\n* SEARCH 1\r\n'),
        command="EXAMINE",
        times=None,
    ),
    Case("EXAMINE: stalled", cut(Act.HOLD), command="EXAMINE"),
    Case("EXAMINE: BYE", BYE.play, command="EXAMINE"),
    NOT_ENTERED,
    always(NOT_ENTERED, REFUSED, "try again later", left_out=ALL),
    ONE_NOT_ENTERED,
    always(ONE_NOT_ENTERED, REFUSED, "try again later", left_out=("Archive",)),
    *(
        dataclasses.replace(
            Case(f"EXAMINE of one: {said}", instead(b"$tag %s\r\n" % said.encode()), error, said.split()[-1]),
            times=None,
            command="EXAMINE",
            of="Archive",
            left_out=("Archive",),
        )
        for said, error in {
            "NO [NOPERM] not yours": NOT_READABLE,
            "NO [SERVERBUG] internal error": NOT_READABLE,
            "NO [CORRUPTION] broken": NOT_READABLE,
            "NO [LIMIT] too many": NOT_READABLE,
            "NO [INUSE] locked": REFUSED,
            "NO [NONEXISTENT] gone": NOT_READABLE,
            "NO no": NOT_READABLE,
            "BAD what": MALFORMED,
        }.items()
    ),
    ONE_GOODBYE,
    always(ONE_GOODBYE, LOST, "said goodbye: going down"),
    ONE_STALLED,
    always(ONE_STALLED, LOST, "did not answer in time"),
    Case("SEARCH: closed", cut(Act.CLOSE), command="UID SEARCH"),
    Case("SEARCH: stalled", cut(Act.HOLD), command="UID SEARCH"),
    Case("SEARCH: BYE", BYE.play, command="UID SEARCH"),
    Case("SEARCH: an endless line", endless(b"* SEARCH", b" 1"), MALFORMED, "a line of over", command="UID SEARCH"),
    Case("SEARCH: no numbers", before(b"* SEARCH 1 x\r\n"), MALFORMED, "not a list", command="UID SEARCH", times=None),
    NOT_FOUND,
    always(NOT_FOUND, REFUSED, "try again later", left_out=ALL),
    Case(
        "SEARCH: NO",
        instead(b"$tag NO [SERVERBUG] index broken\r\n"),
        REFUSED,
        "index broken",
        command="UID SEARCH",
        left_out=("INBOX",),
    ),
]
