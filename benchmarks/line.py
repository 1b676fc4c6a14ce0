"""A line with a delay, as a process of its own: in ours it would take turns with whom we measure."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.kit.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.place import Place

__all__ = ["line"]


@contextmanager
def line(place: Place, delay: float) -> Iterator[Place]:
    """Give the account as reached over a line that takes `delay` seconds there and back."""
    command = [sys.executable, "-m", "benchmarks.line", place.host, str(place.port), str(delay / 2)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the line has no pipes")
        host, port = process.stdout.readline().split()
        try:
            yield place._replace(host=host, port=int(port))
        finally:
            process.stdin.close()


def _main(host: str, port: str, delay: str) -> None:
    with Proxy(host, int(port), delay=float(delay)) as proxy:
        print(proxy.host, proxy.port, flush=True)
        # Until the other side lets go.
        sys.stdin.read()


if __name__ == "__main__":
    _main(*sys.argv[1:])
