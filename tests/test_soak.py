"""A soak: random reads over a line that breaks at random places. No wrong row, and memory that does not grow.

300 reads in the short profile, 10,000 with PROFILE=long.
"""

from __future__ import annotations

import os
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import imapdb
from imapdb import errors
from imapdb.account import Account
from tests.kit.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.kit.servers import Login

READS = 10_000 if os.environ.get("PROFILE") == "long" else 300
WARM = 200
MESSAGES = 120
MEGABYTES = 24
SEED = 4

Row = tuple[object, ...]


def _resident() -> int:
    match = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert match is not None
    return int(match[1])


def _mail(number: int) -> bytes:
    return f"Subject: s{number}\r\nFrom: p{number % 7}@example.org\r\n\r\n{'x' * (number * 37 % 3000)}\r\n".encode()


def _questions(held: dict[int, bytes], chance: random.Random) -> tuple[str, list[Row]]:
    """Make up a statement and the rows it must give."""
    low = chance.randint(1, MESSAGES)
    high = chance.randint(low, MESSAGES)
    uids = [uid for uid in held if low <= uid <= high]
    size = chance.randint(50, 3000)
    limit = chance.randint(1, 30)
    whole = f"FROM INBOX WHERE uid BETWEEN {low} AND {high}"
    kinds: list[tuple[str, Callable[[], Sequence[Row]]]] = [
        (f"SELECT uid, subject, size {whole} ORDER BY uid", lambda: [(u, f"s{u}", len(held[u])) for u in uids]),
        (
            f"SELECT uid, email {whole} ORDER BY uid DESC LIMIT {limit}",
            lambda: [(u, held[u]) for u in uids[::-1][:limit]],
        ),
        (
            f"SELECT uid, text, attachments {whole} ORDER BY uid LIMIT {limit}",
            lambda: [(u, f"{'x' * (u * 37 % 3000)}\n", "[]") for u in uids[:limit]],
        ),
        (f"SELECT count(*) {whole} AND size > {size}", lambda: [(sum(len(held[u]) > size for u in uids),)]),
        (
            f"SELECT uid, seen, sender_address {whole} AND size <= {size} ORDER BY uid LIMIT {limit}",
            lambda: [(u, 0, f"p{u % 7}@example.org") for u in uids if len(held[u]) <= size][:limit],
        ),
        (
            f"SELECT m.mailbox, m.uid, m.subject FROM messages m WHERE m.uid IN ({low}, {high}) ORDER BY 1, 2",
            lambda: [("INBOX", u, f"s{u}") for u in sorted({low, high})],
        ),
    ]
    sql, right = chance.choice(kinds)
    return sql, list(right())


@pytest.mark.parametrize("seed", [SEED])
def test_random_reads_with_random_cuts(dovecot_login: Login, seed: int, record_property: Callable[..., None]) -> None:
    login = dovecot_login
    mail = [_mail(number) for number in range(1, MESSAGES + 1)]
    assert login.append_all("INBOX", mail) == list(range(1, MESSAGES + 1))
    held = dict(enumerate(mail, 1))
    # Which breaks fall where is a matter of timing; which reads are made is not.
    chance = random.Random(seed)
    failed = cuts = 0
    warm = 0
    with Proxy(login.host, login.port) as proxy:
        db = imapdb.connect(Account(proxy.host, login.user, proxy.port, login.password, "none", timeout=10))
        for number in range(READS):
            if number == min(WARM, READS // 2):
                warm = _resident()
            proxy.clear()
            sql, right = _questions(held, chance)
            if chance.random() < 0.6:
                cuts += 1
                proxy.cut_after(int(chance.expovariate(1 / 4000)), once=True)
            try:
                found = [tuple(row) for row in db.execute(sql)]
            except errors.OperationalError:
                # Two breaks in one read, or one while logging in: said, and no row too many or too few.
                failed += 1
            else:
                assert found == right, sql
            proxy.mend()
        grown = _resident() - warm
        db.close()
    record_property("soak", f"{READS} reads, {cuts} cuts, {failed} errors, {grown} KiB grown")
    print(f"{READS} reads, {cuts} cuts, {failed} errors, {grown} KiB grown")  # noqa: T201 - shown with pytest -s
    # One cut, one repetition: hardly any read may fail.
    assert failed <= READS // 20
    assert grown < MEGABYTES * 1024
