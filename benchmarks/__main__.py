"""`make bench`: imapdb beside its peers and a raw socket, on Dovecot on this machine.

The floor is a socket that sends the commands and reads the answers to their end, parsing nothing. Contenders take
turns; the median of the rounds counts, and its ratio to the floor of the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.chart import chart
from benchmarks.harness import WrongAnswer, run
from benchmarks.peers import ImapTools
from benchmarks.questions import Parts
from benchmarks.report import as_json, as_text, setting
from benchmarks.store import filled, filled_with_bodies
from benchmarks.tasks import BODIES, NAMES, tasks
from tests.kit.dovecot import Dovecot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.place import Place
    from benchmarks.tasks import Task

__all__ = ["main"]

_ROOT = Path(__file__).resolve().parents[1]
_RESULTS = Path(__file__).resolve().parent / "results"


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill a mailbox, measure, print."""
    chosen = _options().parse_args(arguments)
    if reason := Dovecot.missing():
        sys.exit(f"the measurements need Dovecot: {reason}")
    # SEARCH knows days of the server's zone, SQL those of ours.
    os.environ["TZ"] = "UTC"
    time.tzset()
    names = chosen.tasks.split(",")
    if unknown := set(names) - set(NAMES):
        sys.exit(f"no such task: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    report: dict[str, Any] = {"messages": chosen.messages, "rounds": chosen.rounds, **setting(), "tasks": []}
    print(f"{chosen.messages:,} messages, medians of {chosen.rounds}, × of the floor in the same run")
    print("; ".join(f"{name} {version}" for name, version in report["versions"].items()))
    if reason := ImapTools.missing():
        print(f"without {ImapTools.name}: {reason}")
    if chosen.messages > chosen.peers:
        print("the peers (imapclient, imap_tools, imaplib) take one turn only: they are slow on so many messages")
    began = time.monotonic()
    wanted = [task for task in tasks(chosen.messages) if task.name in names]
    of_bodies = [task for task in wanted if isinstance(task.question, Parts)]
    of_headers = [task for task in wanted if task not in of_bodies]
    if of_headers:
        with filled(chosen.messages, chosen.cache) as (place, mail):
            print(f"the mailbox is ready after {time.monotonic() - began:.0f} s\n", flush=True)
            report["tasks"] += _measured(of_headers, place, mail, chosen)
    if of_bodies:
        with filled_with_bodies(min(chosen.messages, BODIES), chosen.cache) as (place, whole):
            print(f"the mailbox of {len(whole):,} whole messages is ready\n", flush=True)
            report["tasks"] += _measured(of_bodies, place, whole, chosen)
    goals = [goal for task in report["tasks"] for goal in task["goals"]]
    print(f"{sum(goal['ok'] for goal in goals)} of {len(goals)} goals met; {time.monotonic() - began:.0f} s")
    # Kept where it can be compared: every task, medians of five.
    kept = _RESULTS / f"{chosen.messages}.json" if names == NAMES and chosen.rounds >= 5 else None
    if path := chosen.json or kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if chosen.chart:
        chosen.chart.write_text(chart(report), encoding="utf-8")


def _measured(some: Sequence[Task], place: Place, mail: Sequence[Any], chosen: argparse.Namespace) -> list[Any]:
    """Measure tasks that are about the same mail, and print what comes of each."""
    found = []
    for task in some:
        try:
            measured = run(task, place, mail, rounds=chosen.rounds, peers=chosen.peers)
        except WrongAnswer as error:
            sys.exit(f"a wrong answer: {error}")
        print(as_text(measured), flush=True)
        found.append(as_json(measured))
    return found


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure imapdb beside its peers.")
    options.add_argument("--messages", type=int, default=20_000, help="how many: 2000, 20000 or 100000 (%(default)s)")
    options.add_argument("--tasks", default=",".join(NAMES), help="some of %(default)s")
    options.add_argument("--rounds", type=int, default=5, help="turns of each contender (%(default)s)")
    options.add_argument("--peers", type=int, default=20_000, help="above so many messages peers take one turn")
    options.add_argument("--json", type=Path, help="where to keep the results (benchmarks/results/<messages>.json)")
    options.add_argument("--chart", type=Path, help="where to draw them, as SVG")
    options.add_argument("--cache", type=Path, default=_ROOT / ".cache" / "benchmarks", help="where mail is kept")
    return options


if __name__ == "__main__":
    main()
