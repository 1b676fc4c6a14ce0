"""A mail account as a database: every IMAP mailbox is a SQLAlchemy table, every message a row."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from imapdb.account import Account
from imapdb.errors import Error

if TYPE_CHECKING:
    from imapdb.attachment import Attachment
    from imapdb.database import Database, connect
    from imapdb.message import Message
    from imapdb.query import Query, Rows
    from imapdb.sql.types import UTCDateTime

__all__ = [
    "Account",
    "Attachment",
    "Database",
    "Error",
    "Message",
    "Query",
    "Rows",
    "UTCDateTime",
    "__version__",
    "connect",
]

__version__ = "0.1.0.dev0"

# Loaded when first used: SQLAlchemy takes a third of a second to import, which the command line does without.
_LATER = {
    "Attachment": "imapdb.attachment",
    "Database": "imapdb.database",
    "Message": "imapdb.message",
    "Query": "imapdb.query",
    "Rows": "imapdb.query",
    "UTCDateTime": "imapdb.sql.types",
    "connect": "imapdb.database",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'imapdb' has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_LATER[name]), name)
    globals()[name] = value
    return value
