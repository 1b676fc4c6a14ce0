"""What went wrong, in one line that a terminal can show and that holds no password."""

from __future__ import annotations

import os
import re
import sys
from typing import TextIO

from imapdb.cli.harmless import one_line
from imapdb.errors import Error

__all__ = ["complain", "said", "warn"]

# A URL typed in the wrong place is repeated by whoever complains about it; its password is not.
_CREDENTIALS = re.compile(r"\b((?:imaps?|smtps?)://[^\s:@]*):\S*@", re.IGNORECASE)


def said(error: Exception | str) -> str:
    """Give what an error says, and what the server said where that is not in it."""
    message = str(error)
    if isinstance(error, Error) and error.server_text and error.server_text not in message:
        message += f" ({error.server_text})"
    return one_line(_CREDENTIALS.sub(r"\1:…@", message))


def complain(message: Exception | str) -> None:
    """Print an error to standard error, over the line that says how far some work has come."""
    erase = "\r\x1b[K" if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else ""
    print(f"{erase}imapdb: {said(message)}", file=sys.stderr)


def warn(  # noqa: PLR0917 - as the module `warnings` calls it
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning to standard error: what the module `warnings` calls in place of its own."""
    complain(f"warning: {message}")
