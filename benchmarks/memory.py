"""Peak memory: a fresh process opens a connection, idles, then reads the rows; what is on top of idling counts."""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.place import Place
from benchmarks.questions import Listing
from benchmarks.tasks import tasks

if TYPE_CHECKING:
    from benchmarks.contender import Contender
    from benchmarks.tasks import Task

__all__ = ["peak"]

_STATUS = Path("/proc/self/status")


def peak(task: Task, contender: type[Contender], place: Place) -> float:
    """Measure how many MB (of 1,000,000 octets) a contender needs at most for a task."""
    command = [sys.executable, "-m", "benchmarks.memory", task.name, contender.name]
    done = subprocess.run(command, input=json.dumps(place), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{task.name}: {contender.name} failed in a process of its own:\n{done.stderr}")
    return int(done.stdout) / 1e6


def _status(name: str) -> int:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


def _now() -> int:
    """Start measuring, and say how much is resident."""
    gc.collect()
    if _STATUS.exists():
        # Forgets the peak of imports and opening (proc(5)); ru_maxrss would also count our parent's.
        with suppress(OSError):  # where a sandbox forbids it, that peak is part of the answer
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return _status("VmRSS")
    return _peak()


def _peak() -> int:
    if _STATUS.exists():
        return _status("VmHWM")
    # macOS counts octets.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _main(task_name: str, contender_name: str) -> None:
    place = Place(*json.load(sys.stdin))
    task = next(task for task in tasks(0) if task.name == task_name)
    contender = next(kind for kind in task.contenders if kind.name == contender_name)(place)
    if not isinstance(task.question, Listing):
        raise SystemExit(f"{task_name} lists nothing")
    contender.open()
    contender.warm()
    idle = _now()
    for _ in contender.rows(task.question):
        pass
    print(max(0, _peak() - idle))
    contender.close()


if __name__ == "__main__":
    _main(*sys.argv[1:])
