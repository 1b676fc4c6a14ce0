"""A mail account to try things on: a server inside this process, filled with sample mail.

    with imapdb.demo.server() as url:
        ...  # imap://demo:demo@127.0.0.1:PORT/

Needs the extra `demo`: pip install "imapdb[demo]".
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from imaplib import IMAP4
from typing import TYPE_CHECKING

from imapdb.demo.embedded import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["server"]

USER = PASSWORD = "demo"  # noqa: S105 - the server listens on 127.0.0.1 and holds made-up mail


@contextmanager
def server(now: datetime | None = None) -> Iterator[str]:
    """Run a server on 127.0.0.1 with the sample mail in it; give the URL of its account.

    The mail is dated back from `now` (default: the present), and is the same for the same `now`. It is gone when the
    block ends. Raises NotSupportedError where pymap is not installed.
    """
    from imapdb.demo.mail import fill  # noqa: PLC0415 - `import imapdb.demo` writes no mail

    with EmbeddedServer() as running:
        running.add_user(USER, PASSWORD)
        with IMAP4(running.host, running.port, timeout=10) as imap:
            imap.login(USER, PASSWORD)
            fill(imap, datetime.now(UTC) if now is None else now)
        yield f"imap://{USER}:{PASSWORD}@{running.host}:{running.port}/"
