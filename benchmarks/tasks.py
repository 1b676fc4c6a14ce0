"""What is measured, who takes part, and the goals."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from benchmarks import mail
from benchmarks.floor import EnvelopeFloor, FieldsFloor
from benchmarks.floor_bodies import StructureFloor, WholeFloor
from benchmarks.ours import Command, Core, Sql, Startup
from benchmarks.peers import ImapClient, Imaplib, ImapTools
from benchmarks.peers_bodies import MailParser, Structures, Tools
from benchmarks.questions import FEW, MANY, Count, Listing, Parts

if TYPE_CHECKING:
    from benchmarks.contender import Contender

__all__ = ["BODIES", "LINE_DELAY", "NAMES", "OPENING_TRIPS", "Goal", "Task", "tasks"]

LINE_DELAY = 0.04  # seconds there and back
OPENING_TRIPS = 4  # greeting, login, search, fetch
BODIES = 2_000  # messages in the mailbox of whole mail

_LARGE = 100_000  # octets: nothing but attachments makes a message so large

_OURS = (Core, Sql)
_PEERS = (ImapClient, ImapTools, Imaplib)
_SEARCHERS = (EnvelopeFloor, *_OURS, *_PEERS)
_LISTERS = (EnvelopeFloor, FieldsFloor, *_OURS, *_PEERS)

Measure = Literal["ratio", "memory", "received", "trips", "seconds", "line", "octets", "texts"]


class Goal(NamedTuple):
    """What a contender has to keep within.

    `ratio` is to the floor, `memory` in MB above an idle connection, `line` a factor over what the round trips of
    opening and the floor without a line come to. `received` is the ratio of the octets the server sends, `octets` says
    how many these are, and `texts` how many times those of the texts that are asked for.
    """

    contender: type[Contender]
    measure: Measure
    limit: float


class Task(NamedTuple):
    """A question, and how it is put: on a `fresh` connection or an open one, over a line with a delay or without.

    Where peers need very long, they are asked once.
    """

    name: str
    title: str
    question: Count | Listing | Parts
    contenders: tuple[type[Contender], ...]
    goals: tuple[Goal, ...]
    fresh: bool = False
    delay: float = 0.0
    with_memory: bool = False
    peers_once: bool = False


def tasks(messages: int) -> list[Task]:
    """List the tasks for a mailbox of that many messages."""
    half = (mail.START + messages // 2 * mail.SLOT).date() + datetime.timedelta(days=1)
    ten = Listing(FEW, newest="uid", limit=10)
    newest = ten._replace(newest="created")
    seen_by_command = Listing(("uid", "seen", "created", "sender", "subject", "size"), newest="created", limit=10)
    return [
        Task(
            "count",
            "count by flags, size and date",
            Count(4000, half),
            _SEARCHERS,
            (Goal(Core, "ratio", 1.3), Goal(Sql, "ratio", 3)),
        ),
        Task(
            "unseen",
            "the unseen quarter: " + ", ".join(FEW),
            Listing(FEW),
            _LISTERS,
            (Goal(Core, "ratio", 1.8),),
        ),
        Task(
            "all",
            "all messages: those and " + ", ".join(MANY[len(FEW) :]),
            Listing(MANY, unseen=False),
            _LISTERS,
            (Goal(Core, "ratio", 2.3), Goal(Core, "memory", 20)),
            with_memory=True,
        ),
        # SEARCH and one FETCH.
        Task(
            "newest-uid",
            "the 10 newest unseen by uid",
            ten,
            _SEARCHERS,
            (Goal(Core, "trips", 2), Goal(Core, "received", 1.5)),
        ),
        # And, where the server does not sort, a listing of INTERNALDATE between them.
        Task(
            "newest-created",
            "the 10 newest unseen by created",
            newest,
            _SEARCHERS,
            (Goal(Core, "trips", 3), Goal(Core, "received", 1.5)),
        ),
        Task(
            "open",
            "connect, log in, the 10 newest unseen by uid",
            ten,
            _SEARCHERS,
            (Goal(Core, "trips", OPENING_TRIPS),),
            fresh=True,
        ),
        Task(
            "line",
            "the same over a line of 40 ms",
            ten,
            _SEARCHERS,
            (Goal(Core, "line", 1.2),),
            fresh=True,
            delay=LINE_DELAY,
        ),
        Task(
            "line-unseen",
            "connect, log in, the unseen quarter, over a line of 40 ms",
            Listing(FEW),
            _SEARCHERS,
            (Goal(Core, "ratio", 1.2),),
            fresh=True,
            delay=LINE_DELAY,
        ),
        Task(
            "command",
            "imapdb search INBOX --unseen --limit 10, the whole process (floor: python -c pass)",
            seen_by_command,
            (Startup, Command),
            (Goal(Command, "seconds", 0.6),),
            fresh=True,
        ),
        *_of_bodies(min(messages, BODIES)),
    ]


def _of_bodies(messages: int) -> list[Task]:
    """List the tasks for the mailbox of whole mail."""
    return [
        Task(
            "bodies",
            f"{messages // 2:,} messages: uid, text, html, attachments (floor: everything of them)",
            Parts(("uid", "text", "html", "attachments"), last=messages // 2),
            (WholeFloor, *_OURS, MailParser, Tools),
            (Goal(Core, "ratio", 2.5), Goal(Sql, "ratio", 2.5)),
        ),
        Task(
            "attachments",
            f"the attachments of {messages:,} messages, without their bodies (floor: BODYSTRUCTURE)",
            Parts(("uid", "attachments")),
            (StructureFloor, *_OURS, Structures, Tools),
            (Goal(Core, "octets", 1_000_000),),
            peers_once=True,
        ),
        Task(
            "texts",
            f"the text of messages larger than {_LARGE // 1000} kB, of {messages:,} (floor: everything of them)",
            Parts(("uid", "text"), larger=_LARGE),
            (WholeFloor, *_OURS, MailParser, Tools),
            (Goal(Core, "texts", 1.2),),
            peers_once=True,
        ),
    ]


NAMES = [task.name for task in tasks(0)]
