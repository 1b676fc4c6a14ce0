"""What a statement would ask of the server, and what of it is decided there: told without asking.

SQLite is asked for its loops (loops.py), every term is judged by the rules a scan goes by (terms.py),
and the commands are those of the code that sends them, on a connection that sends nothing (commands.py). On the
real one nothing is said but LIST, where a table has to be found, and STATUS.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from imapdb.imap.profiles import GENERIC
from imapdb.sql.bodies import SMALL
from imapdb.sql.catalog import RESERVED, fold
from imapdb.sql.columns import COLUMNS
from imapdb.sql.explain.commands import Asked, Estimate, Rehearsed, Rehearser
from imapdb.sql.explain.loops import read
from imapdb.sql.explain.terms import ELSEWHERE, Judged, judged, known_values, nodes
from imapdb.sql.explain.text import conjuncts, in_line
from imapdb.sql.lexer import is_worth_reading
from imapdb.sql.plan import read_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imapdb.sql.binding import Parameters
    from imapdb.sql.dbapi import Connection
    from imapdb.sql.explain.loops import Loop, Reading
    from imapdb.sql.explain.terms import Known
    from imapdb.sql.explain.text import Conjunct
    from imapdb.sql.plan import Plan

__all__ = ["Asked", "Explanation", "Judged", "Scan", "explain"]

LONGEST_COMMAND: Final = 160  # characters shown; `commands` holds it all
KILO: Final = 1_000
TWO_DIGITS: Final = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Scan:
    """One table where a statement reads it: what is asked for it, and how each condition on it is decided.

    `messages` and `octets` are upper bounds, estimated: messages found and octets fetched; None where nothing is known.
    """

    table: str
    alias: str
    asked: tuple[Asked, ...]
    terms: tuple[Judged, ...] = ()
    messages: int | None = None
    octets: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def mailboxes(self) -> tuple[str, ...]:
        """The names of the mailboxes asked."""
        return tuple(name for asked in self.asked for name in asked.mailboxes)

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands in their order; of mailboxes asked alike, those for the first. `…` stands for the UIDs found."""
        return tuple(command for asked in self.asked for command in asked.commands)

    def __str__(self) -> str:
        named = in_line(self.table) + (f" AS {in_line(self.alias)}" if fold(self.alias) != fold(self.table) else "")
        lines = [f"{named}: {_amount(self.messages, self.octets)}" if self.messages is not None else named]
        for asked in self.asked:
            lines += [f"  {in_line(_cut(command))}" for command in asked.commands]
            if len(asked.mailboxes) > 1:
                more = len(asked.mailboxes) - 1
                lines.append(f"  … and alike for {more:,} more {'mailboxes' if more > 1 else 'mailbox'}")
        wide = max((len(term.text) for term in self.terms), default=0)
        keyed = max((len(term.key or "-") for term in self.terms), default=0)
        for term in self.terms:
            line = f"  {term.how:9}  {in_line(term.text):{wide}}  {in_line(term.key or '-'):{keyed}}  {term.why}"
            lines.append(line.rstrip())
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return {
            "table": self.table,
            "alias": self.alias,
            "mailboxes": list(self.mailboxes),
            "commands": list(self.commands),
            "asked": [dataclasses.asdict(asked) for asked in self.asked],
            "terms": [dataclasses.asdict(term) for term in self.terms],
            "messages": self.messages,
            "octets": self.octets,
            "notes": list(self.notes),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Explanation:
    """What a statement would ask. `str()` of it is for readers, `to_dict()` for programs."""

    scans: tuple[Scan, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([*map(str, self.scans), *(f"note: {note}" for note in self.notes)])

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return {"scans": [scan.to_dict() for scan in self.scans], "notes": list(self.notes)}


def explain(connection: Connection, sql: str, parameters: Parameters = ()) -> Explanation:
    """Say what a statement would ask; nothing is searched for or fetched.

    Raises ProgrammingError for a statement that does not read, and what running it would raise.
    """
    reading = read(connection, sql, parameters)
    rehearser = Rehearser(connection, reading)
    said = conjuncts(reading.text, reading.parameters)
    explainer = _Explainer(connection, reading, rehearser, said)
    scans = tuple(explainer.scan(loop) for loop in reading.loops)
    return Explanation(scans, tuple(_notes(connection, reading)))


class _Explainer:
    def __init__(self, connection: Connection, reading: Reading, rehearser: Rehearser, said: list[Conjunct]) -> None:
        self._connection = connection
        self._reading = reading
        self._rehearser = rehearser
        self._said = said

    def scan(self, loop: Loop) -> Scan:
        """Explain one loop."""
        if loop.table == "mailboxes":
            return Scan("mailboxes", loop.alias, self._rehearser.listed(loop))
        reading = self._reading
        plan = read_plan(loop.written)
        trees = nodes(reading, loop)
        values = known_values(loop, plan, trees, reading.parameters)
        rehearsed = self._rehearser.messages(loop, plan, values)
        read_node = reading.statement.node(loop.table)
        terms = judged(
            plan,
            values,
            None if read_node is None else (read_node, reading.parameters),
            # Of several places alike, nobody says at which the loop is.
            [c for c in self._said if len(trees) == 1 and (c.table, c.alias) == (loop.table, fold(loop.alias))],
            self._connection.imap.profile,
            search_exact=self._connection.account.search == "exact",
        )
        if not reading.was_cut and not any(other.calls for other in reading.loops):
            note = "no row of it can be wanted, whatever is in the mailboxes: nothing is asked"
            return Scan(self._name(loop), loop.alias, (), tuple(terms), 0, 0, (note,))
        is_alone = reading.streams and plan.limit and len(trees) == 1 and all(term.how == "exact" for term in terms)
        limit = rehearsed.request.first if is_alone and rehearsed.request.first else None
        estimate = self._rehearser.estimate(rehearsed, limit=limit)
        return Scan(
            self._name(loop),
            loop.alias,
            rehearsed.asked,
            tuple(terms),
            estimate.messages,
            estimate.octets,
            tuple(self._notes(loop, plan, values, rehearsed, estimate)),
        )

    def _name(self, loop: Loop) -> str:
        if loop.table in RESERVED:
            return loop.table
        (place,) = self._connection.tables.behind(loop.table)
        name = place.mailbox.name
        return name if fold(name) == loop.table else loop.table

    def _notes(
        self, loop: Loop, plan: Plan, values: list[Known], rehearsed: Rehearsed, estimate: Estimate
    ) -> list[str]:
        found = list(_of_rows(loop, plan, values, is_kept=rehearsed.is_kept))
        criteria = rehearsed.request.criteria
        statement = self._reading.statement
        if loop.is_side:
            found.append("SQLite takes the OR apart: a scan for each side of it")
        elif statement.node(loop.table) is not None:
            found.append("the condition was read from the text: one SEARCH for the whole of it")
        elif is_worth_reading(self._reading.text):
            found.append("OR, NOT, ESCAPE and IS TRUE tell nothing of this table here: none is searched for")
        if criteria.is_uids_only and any("UID FETCH" in command for a in rehearsed.asked for command in a.commands):
            found.append("the UIDs are listed: no SEARCH")
        if rehearsed.mailboxes and not criteria.never and not rehearsed.items and not _is_large(plan):
            found.append("nothing is fetched: the search decides it all")
        if rehearsed.items.texts and not rehearsed.items.body:
            found.append(
                f"a message of up to {SMALL // 1024} kB comes whole; of a larger one the structure, and behind it only "
                "the parts that hold the text"
            )
        elif rehearsed.items.structure and not rehearsed.items.body:
            found.append("a message whose structure the server does not tell comes whole")
        if estimate.is_extrapolated:
            found.append("estimated from the first 50 mailboxes")
        return found


def _of_rows(loop: Loop, plan: Plan, values: list[Known], *, is_kept: bool) -> Iterator[str]:
    """Say how the rows of other loops decide what is asked."""
    if is_kept:
        yield (
            "asked anew for each of the first two rows of the loop around it; from the third on as above, and its rows "
            "are kept and found by a hash index"
        )
        if _is_large(plan):
            yield "headers, texts and email are fetched one by one, for the rows that are looked at"
    elif ELSEWHERE in values:
        yield "what depends on other rows is added to the search when they are known"
    elif not loop.calls:
        yield "only where the loops around it come to a row"


def _is_large(plan: Plan) -> bool:
    return any(COLUMNS[column].items.is_large for column in plan.used)


def _notes(connection: Connection, reading: Reading) -> list[str]:
    found = []
    profile = connection.imap.profile
    if profile.name == GENERIC.name:
        found.append("a server nobody knows (profile generic): only what every server does alike is trusted")
    elif profile.seen_live:
        found.append(f"server profile {profile.name}, tested against the server itself")
    else:
        found.append(f"server profile {profile.name}, made of public reports: not seen live")
    if connection.account.search == "exact":
        found.append("search=exact: no text is searched for on the server")
    if reading.was_cut:
        found.append("the loops over other tables took long and were not run to the end")
    if not reading.loops:
        found.append("no mailbox is read: nothing is asked")
    return found


def _amount(messages: int | None, octets: int | None) -> str:
    said = f"at most {messages:,} message{'s' * (messages != 1)}"
    return f"{said}, about {_size(octets)}" if octets else said


def _size(octets: int) -> str:
    if octets < KILO:
        return f"{octets} octets"
    number, unit = octets / KILO, "kB"
    for larger in ("MB", "GB"):
        if number >= KILO:
            number, unit = number / KILO, larger
    return f"{number:.{1 if number < TWO_DIGITS else 0}f} {unit}"


def _cut(command: str) -> str:
    if len(command) <= LONGEST_COMMAND:
        return command
    return f"{command[:LONGEST_COMMAND]}… ({len(command):,} characters)"
