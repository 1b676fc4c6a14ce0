"""Mail as an mbox file (RFC 4155), in the variant mboxrd: every `>` of a quoted From line can be taken back."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

__all__ = ["entry"]

_FROM = re.compile(rb"^(>*From )", re.MULTILINE)
_ADDRESS = re.compile(r"[!-~]+")
# What programs write that do not know who sent it.
_UNKNOWN = "MAILER-DAEMON"


def entry(octets: bytes, sender: str | None, created: str | None) -> bytes:
    """Write a message as it stands in an mbox: after its From line, its own lines that look like one with `>` before.

    Lines end with LF, as RFC 4155 has it; the last one does in any case, and an empty line follows. `created` is UTC
    text, as the column has it.
    """
    text = octets.replace(b"\r\n", b"\n")
    if b"From " in text:
        text = _FROM.sub(rb">\1", text)
    end = b"" if text.endswith(b"\n") or not text else b"\n"
    return b"".join((_separator(sender, created), text, end, b"\n"))


def _separator(sender: str | None, created: str | None) -> bytes:
    """Write the From line: an address without blanks, and a date as C's asctime has it."""
    address = sender if sender and _ADDRESS.fullmatch(sender) else _UNKNOWN
    moment = datetime.fromtimestamp(0, UTC)
    if created:
        try:
            moment = datetime.fromisoformat(created)
        except ValueError:
            # A date nobody can read is no reason to leave a message out.
            moment = datetime.fromtimestamp(0, UTC)
    return f"From {address} {time.asctime(moment.timetuple())}\n".encode("ascii")
