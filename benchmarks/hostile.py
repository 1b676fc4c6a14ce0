"""Whether reading takes linear time: octets made to be slow, twice as many of them each time.

`python -m benchmarks.hostile` prints the milliseconds per MB at each size, and the exponent: 1 is linear, 2 is
quadratic. It ends with 1 where any exponent is above 1.3. `--server` has Dovecot hold such messages, and reads every
column of them.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.hostile_functions import functions
from benchmarks.hostile_inputs import inputs
from benchmarks.hostile_server import over_the_wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.hostile_inputs import Input

__all__ = ["Growth", "grown", "main"]

_MOST = 1.3
_DOUBLINGS = 4
_NOTHING = 0.1  # seconds: what takes less at the largest size is the work of caches and other programs
_ENOUGH = 0.5  # seconds: what takes less is measured again
_TURNS = 2


class Growth(NamedTuple):
    """How long a function took over an input, by its octets, the smallest first."""

    function: str
    input: str
    seconds: dict[int, float]

    @property
    def exponent(self) -> float:
        """Of the last two doublings; 0 for what takes no time at all."""
        sizes = list(self.seconds)[-3:]
        if self.seconds[sizes[-1]] < _NOTHING or len(sizes) < 2:
            return 0.0
        return math.log2(self.seconds[sizes[-1]] / self.seconds[sizes[0]]) / math.log2(sizes[-1] / sizes[0])

    @property
    def is_ok(self) -> bool:
        """Whether it is linear."""
        return self.exponent <= _MOST

    def __str__(self) -> str:
        largest = max(self.seconds) / 1e6
        told = "  ".join(f"{seconds * 1e9 / size:7.1f}" for size, seconds in self.seconds.items())
        verdict = "ok" if self.is_ok else "SLOW"
        return f"{verdict:4}  {self.exponent:5.2f}  {told:>34}  {largest:5.2f} MB  {self.function}: {self.input}"


def grown(function: str, each: Input, call: Callable[[bytes], object], *, largest: int, patience: float) -> Growth:
    """Time a function over an input that doubles up to `largest` octets, or until it takes so many seconds.

    What does not look linear is timed again: other programs may have been busy.
    """
    tried: deque[bytes] = deque(maxlen=_DOUBLINGS)
    seconds: dict[int, float] = {}
    for halvings in range(_DOUBLINGS + 4, -1, -1):
        octets = each.make(largest >> halvings)
        tried.append(octets)
        seconds[len(octets)] = taken = _timed(call, octets)
        if 2 * taken > patience:
            break
    growth = Growth(function, each.name, {len(octets): seconds[len(octets)] for octets in tried})
    for _ in range(_TURNS):
        for octets in tried:
            if not growth.is_ok or _NOTHING < max(growth.seconds.values()) < _ENOUGH:
                growth.seconds[len(octets)] = min(growth.seconds[len(octets)], _timed(call, octets))
    return growth


def _timed(call: Callable[[bytes], object], octets: bytes) -> float:
    # Of this process alone: other programs take turns.
    began = time.process_time()
    call(octets)
    return time.process_time() - began


def _all(largest: int, patience: float, only: str, *, every: bool) -> Iterator[Growth]:
    by_kind = functions()
    for each in inputs(every=every):
        for name, call in by_kind[each.kind.partition(" ")[0]](each.kind):
            if only in f"{name}: {each.name}":
                yield grown(name, each, call, largest=largest, patience=patience)


def main(arguments: Sequence[str] | None = None) -> None:
    """Try everything, and print what comes of it."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    options.add_argument("--megabytes", type=float, default=10, help="the largest size (%(default)s)")
    options.add_argument("--seconds", type=float, default=10, help="the longest a function is let run (%(default)s)")
    options.add_argument("--every", action="store_true", help="try many more inputs")
    options.add_argument("--only", default="", help="only those whose line holds this")
    options.add_argument("--slow", action="store_true", help="print only what is not linear")
    options.add_argument("--server", action="store_true", help="have a Dovecot hold the messages, too")
    chosen = options.parse_args(arguments)
    largest = int(chosen.megabytes * 1_000_000)
    print(f"the exponent; ms for each MB, of {_DOUBLINGS} inputs that double; the size of the largest")
    found: list[Growth] = []
    began = time.monotonic()
    for growth in _all(largest, chosen.seconds, chosen.only, every=chosen.every):
        found.append(growth)
        if not (chosen.slow and growth.is_ok):
            print(growth, flush=True)
    if chosen.server:
        for told in over_the_wire([largest >> n for n in range(_DOUBLINGS - 1, -1, -1)], chosen.only):
            growth = Growth(*told)
            # What the server does over them is its own affair.
            if growth.function == "every column":
                found.append(growth)
            print(growth, flush=True)
    slow = [growth for growth in found if not growth.is_ok]
    print(f"{len(found) - len(slow)} of {len(found)} are linear; {time.monotonic() - began:.0f} s")
    if slow:
        sys.exit(1)


if __name__ == "__main__":
    main()
