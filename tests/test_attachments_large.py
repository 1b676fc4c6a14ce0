"""A large attachment, saved in little memory over a line that breaks: 64 MB, and 1 GB with PROFILE=long."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kit.attached import LargeMail
from tests.kit.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kit.servers import Login

IS_LONG = os.environ.get("PROFILE") == "long"
SIZE = 1_000_000_000 if IS_LONG else 64_000_000
# Above what the process holds with an idle connection.
MEGABYTES = 20
# A server reads all of a message before it tells of its parts.
PATIENCE = 1800 if IS_LONG else 120

# It runs in a process of its own: what tests, proxy and server hold is not counted.
PROGRAM = """
import re, sys
from pathlib import Path
import imapdb

def held(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

with imapdb.connect(sys.argv[1]) as db:
    (message,) = db(db.INBOX).select()
    (attachment,) = message.attachments
    # The highest mark begins anew.
    Path("/proc/self/clear_refs").write_text("5")
    idle = held("VmRSS")
    path = attachment.save(sys.argv[2])
    print(held("VmHWM") - idle, attachment.size, path, attachment.problems)
"""


def _cut_twice(proxy: Proxy, octets: int, ended: threading.Event) -> None:
    for _ in range(2):
        proxy.cut_after(octets, once=True)
        while proxy.allowance is not None and not ended.wait(0.02):
            pass


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured as Linux tells it")
def test_memory_of_saving_a_large_one(
    dovecot_login: Login, tmp_path: Path, record_property: Callable[..., None]
) -> None:
    mail = LargeMail(SIZE)
    mail.append(dovecot_login)
    ended = threading.Event()
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        cutter = threading.Thread(target=_cut_twice, args=(proxy, SIZE // 3, ended))
        cutter.start()
        begun = time.monotonic()
        url = dovecot_login.through(proxy).url(timeout="600")
        try:
            ran = subprocess.run(
                [sys.executable, "-c", PROGRAM, url, str(tmp_path)],
                capture_output=True, text=True, check=False, timeout=PATIENCE,
            )  # fmt: skip
        finally:
            ended.set()
            cutter.join()
        seconds = time.monotonic() - begun
    assert ran.returncode == 0, ran.stderr
    grown, size, name, problems = ran.stdout.split(maxsplit=3)
    path = Path(name)
    with path.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == mail.digest
    path.unlink()
    told = f"{SIZE} octets in {seconds:.1f} s, {int(grown) / 1024:.1f} MiB above an idle connection"
    record_property("attachment", told)
    print(told)  # noqa: T201 - shown with pytest -s
    assert problems.strip() == "()"
    assert int(size) in range(SIZE, SIZE + 3)
    assert proxy.connections == 3
    assert proxy.octets_down < SIZE / 57 * 78 + 5 * 1024 * 1024
    assert int(grown) < MEGABYTES * 1024
