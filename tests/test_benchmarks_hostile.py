"""What tells linear time from any other does so, and hostile inputs are read, small ones: nothing here is timed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.hostile import Growth
from benchmarks.hostile_inputs import inputs

if TYPE_CHECKING:
    from tests.kit.server import MailServer

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(("power", "is_ok"), [(0, True), (1, True), (1.2, True), (1.5, False), (2, False), (3, False)])
def test_the_exponent_is_told_from_how_time_grows(power: float, *, is_ok: bool) -> None:
    growth = Growth("f", "x", {size: 0.2 * size**power for size in (1, 2, 4, 8)})
    assert growth.exponent == pytest.approx(power)
    assert growth.is_ok is is_ok
    assert str(growth).startswith("ok" if is_ok else "SLOW")


def test_what_takes_no_time_is_not_looked_at() -> None:
    assert Growth("f", "x", {1: 0.000_001, 2: 0.000_1, 4: 0.05}).is_ok


def test_inputs_are_of_the_size_that_is_asked_for_and_grow() -> None:
    every = list(inputs(every=True))
    assert len({(each.kind, each.name) for each in every}) == len(every) > 300
    for each in every:
        assert 2_000 < len(each.make(5_000)) < 6_000
        assert 1.8 < len(each.make(40_000)) / len(each.make(20_000)) < 2.2, each


def test_each_is_read(dovecot: MailServer) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.hostile", "--megabytes", "0.002", "--server"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    # 1 is for what is slow, which any of them may be beside other tests.
    assert done.returncode in {0, 1}
    assert not done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) > 300
    assert sum("every column: " in line for line in lines) > 20
