"""Runs tasks: each answer is checked before it is timed; the contenders take turns."""

from __future__ import annotations

import gc
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.line import line
from benchmarks.memory import peak
from benchmarks.questions import Count, Listing, Parts, asked, counted, difference, digest, listed
from benchmarks.tasks import LINE_DELAY, OPENING_TRIPS, Goal, Task
from tests.kit.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.contender import Contender
    from benchmarks.place import Place

__all__ = ["Judged", "Measured", "Result", "WrongAnswer", "run"]


class WrongAnswer(Exception):
    """A contender does not answer what the others and the mail say."""


@dataclass
class Result:
    """What one contender needed: `memory` in MB, the rest as the counting proxy saw it.

    A proxy counts how often the server spoke after the client had: of pipelined commands that is a bit too much.
    """

    contender: str
    seconds: list[float] = field(default_factory=list)
    memory: float | None = None
    trips: int = 0
    octets_up: int = 0
    octets_down: int = 0

    @property
    def median(self) -> float:
        """The median of the rounds, in seconds."""
        return statistics.median(self.seconds)


@dataclass
class Judged:
    """A goal, and what came of it."""

    contender: str
    measure: str
    limit: float
    value: float

    @property
    def ok(self) -> bool:
        """Whether it was kept."""
        return self.value <= self.limit


@dataclass
class Measured:
    """A task with its results, the floor first.

    `direct` is the floor without a line, where there is one; `text_octets` those of the texts that are asked for.
    """

    task: Task
    results: list[Result]
    judged: list[Judged]
    direct: float | None = None
    text_octets: int = 0

    @property
    def floor(self) -> float:
        """The floor, in seconds."""
        return self.results[0].median


def run(task: Task, place: Place, mail: Sequence[Any], *, rounds: int, peers: int) -> Measured:
    """Check, count, time and weigh the contenders. Peers take one turn where there are more than `peers` messages."""
    kinds = [kind for kind in task.contenders if kind.missing() is None]
    results = {kind: _checked(task, kind, place, mail) for kind in kinds}
    floor = Result("floor without the line")
    turns = {kind: _turns(task, kind, len(mail), rounds, peers) for kind in kinds}
    with ExitStack() as stack:
        reached = stack.enter_context(line(place, task.delay)) if task.delay else place
        opened: dict[type[Contender], Contender] = {}
        for kind in kinds:
            opened[kind] = kind(reached)
            if not task.fresh:
                opened[kind].open()
                stack.callback(opened[kind].close)
                opened[kind].warm()
                if not kind.is_peer:
                    # Statements are compiled once for each connection.
                    _ask(opened[kind], task.question)
        for turn in range(rounds):
            for kind in kinds:
                if turn < turns[kind]:
                    results[kind].seconds.append(_timed(task, opened[kind]))
            if task.delay:
                floor.seconds.append(_timed(task, kinds[0](place)))
    if task.with_memory:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for kind, memory in zip(kinds, pool.map(lambda kind: peak(task, kind, place), kinds), strict=True):
                results[kind].memory = memory
    measured = Measured(
        task, list(results.values()), [], floor.median if task.delay else None, _text_octets(task, mail)
    )
    measured.judged = [_judged(goal, measured) for goal in task.goals]
    return measured


def _text_octets(task: Task, mail: Sequence[Any]) -> int:
    return sum(known.text_octets for known in asked(mail, task.question)) if isinstance(task.question, Parts) else 0


def _turns(task: Task, kind: type[Contender], messages: int, rounds: int, peers: int) -> int:
    return 1 if kind.is_peer and (task.peers_once or messages > peers) else rounds


def _ask(contender: Contender, question: Count | Listing | Parts) -> None:
    if isinstance(question, Count):
        contender.count(question)
        return
    for _ in contender.parts(question) if isinstance(question, Parts) else contender.rows(question):
        pass


def _timed(task: Task, contender: Contender) -> float:
    gc.collect()
    began = time.perf_counter()
    if task.fresh:
        contender.open()
    _ask(contender, task.question)
    taken = time.perf_counter() - began
    if task.fresh:
        contender.close()
    return taken


def _checked(task: Task, kind: type[Contender], place: Place, mail: Sequence[Any]) -> Result:
    """Compare a contender's answer with the mail, and count what it sends and gets."""
    question = task.question
    with Proxy(place.host, place.port) as proxy:
        contender = kind(place.through(proxy))
        if not task.fresh:
            contender.open()
            contender.warm()
            proxy.clear()
        else:
            contender.open()
        wrong = _wrong(contender, question, mail)
        # The greeting is a round trip that nobody asked for.
        trips = proxy.round_trips + proxy.connections
        result = Result(kind.name, trips=trips, octets_up=proxy.octets_up, octets_down=proxy.octets_down)
        contender.close()
    if wrong is not None:
        raise WrongAnswer(f"{task.name}: {kind.name} says {wrong}")
    return result


def _wrong(contender: Contender, question: Count | Listing | Parts, mail: Sequence[Any]) -> str | None:
    """Ask, and say what is wrong with the answer where one is given."""
    if not contender.answers:
        _ask(contender, question)
        return None
    if isinstance(question, Parts):
        return difference(contender.parts(question), mail, question)
    answer: Any
    right: Any
    if isinstance(question, Count):
        answer, right = contender.count(question), counted(mail, question)
    else:
        answer = digest(contender.rows(question), question)
        right = digest(listed(mail, question), Listing(("uid", "size", "subject"), newest=question.newest))
    return None if answer == right else f"{answer}, the mail {right}"


def _judged(goal: Goal, measured: Measured) -> Judged:
    result = next(result for result in measured.results if result.contender == goal.contender.name)
    limit = goal.limit
    match goal.measure:
        case "ratio":
            value = result.median / measured.floor
        case "memory":
            value = result.memory or 0.0
        case "trips":
            value = result.trips
        case "received":
            value = result.octets_down / measured.results[0].octets_down
        case "octets":
            value = result.octets_down
        case "texts":
            value = result.octets_down / measured.text_octets
        case "seconds":
            value = result.median
        case "line":
            limit *= OPENING_TRIPS * LINE_DELAY + (measured.direct or 0.0)
            value = result.median
    return Judged(result.contender, goal.measure, limit, value)
