"""Every error imapdb raises, in one tree with the names of PEP 249 on top.

    Warning
    └── UnreadableMailbox              a mailbox was left out of `messages`: the server does not let it be read
    Error
    ├── InterfaceError                 the database API itself was misused
    └── DatabaseError
        ├── DataError
        ├── OperationalError
        │   ├── ConnectionFailed       no session could be opened: refused, unknown host, timed out
        │   │   └── TLSFailed          the certificate or the handshake is not acceptable
        │   ├── AuthenticationFailed   the server did not accept the credentials
        │   ├── ConnectionLost         an open session ended: cut, timed out, BYE
        │   ├── ServerRefused          the server answered NO
        │   │   └── NoSuchMailbox      … to a SELECT or EXAMINE, or LIST does not know it
        │   └── StaleMailbox           UIDVALIDITY changed: the UIDs held no longer name the same messages
        ├── IntegrityError
        ├── InternalError
        │   └── ProtocolError          the server answered BAD, or something that is not IMAP
        ├── ProgrammingError           the statement is wrong
        │   └── UnsendableValue        a value that must not reach the wire (CR, LF, NUL)
        └── NotSupportedError          the server, or imapdb, cannot do this

The texts say what the caller can do. None of them holds a credential: what a LOGIN or AUTHENTICATE command
carried is never part of an error.
"""

from __future__ import annotations

__all__ = [
    "AuthenticationFailed",
    "ConnectionFailed",
    "ConnectionLost",
    "DataError",
    "DatabaseError",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NoSuchMailbox",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "ProtocolError",
    "ServerRefused",
    "StaleMailbox",
    "TLSFailed",
    "UnreadableMailbox",
    "UnsendableValue",
    "Warning",
]


class Warning(Exception):  # noqa: A001 - the name PEP 249 prescribes
    """An important warning (PEP 249)."""


class UnreadableMailbox(Warning, UserWarning):
    """A mailbox was left out of `messages`: the server lists it and does not let it be read.

    `mailbox` is its name, `code` the response code without its brackets ("NOPERM", RFC 5530) or None, `server_text` all
    that the server said, `command` the one it refused ("EXAMINE").
    """

    def __init__(
        self,
        message: str,
        *,
        mailbox: str = "",
        code: str | None = None,
        command: str | None = None,
        server_text: str | None = None,
    ) -> None:
        super().__init__(message)
        self.mailbox = mailbox
        self.code = code
        self.command = command
        self.server_text = server_text


class Error(Exception):
    """The root of the tree (PEP 249).

    `command` is the IMAP command that failed, without its arguments ("UID FETCH"); `server_text` what the server
    said about it. Both are None where they do not apply.
    """

    def __init__(self, message: str, *, command: str | None = None, server_text: str | None = None) -> None:
        super().__init__(message)
        self.command = command
        self.server_text = server_text


class InterfaceError(Error):
    """The database API was misused, such as a cursor after its connection was closed (PEP 249)."""


class DatabaseError(Error):
    """Something about the database: here, about the mail account or the statement (PEP 249)."""


class DataError(DatabaseError):
    """A value cannot be processed (PEP 249)."""


class OperationalError(DatabaseError):
    """The server or the way to it failed; the statement may be right (PEP 249)."""


class ConnectionFailed(OperationalError):
    """No session could be opened: the host is unknown, refuses, or did not answer in time."""


class TLSFailed(ConnectionFailed):
    """The server's certificate is not trusted, is for another host, or the handshake failed."""


class AuthenticationFailed(OperationalError):
    """The server did not accept user and password, or offers no way to log in that may be used."""


class ConnectionLost(OperationalError):
    """An open session ended: cut, no answer within the timeout, or the server said BYE (RFC 3501 7.1.5)."""


class ServerRefused(OperationalError):
    """The server answered NO (RFC 3501 7.1.2)."""


class NoSuchMailbox(ServerRefused):
    """The mailbox does not exist or may not be read."""


class StaleMailbox(OperationalError):
    """UIDVALIDITY is not what it was: UIDs read before name other messages now (RFC 3501 2.3.1.1)."""


class IntegrityError(DatabaseError):
    """A constraint of a table is violated (PEP 249)."""


class InternalError(DatabaseError):
    """The database is in a state it should not be in (PEP 249)."""


class ProtocolError(InternalError):
    """The server answered BAD, or with something that is not IMAP (RFC 3501 7.1.3)."""


class ProgrammingError(DatabaseError):
    """The statement is wrong: syntax, a table or column that does not exist, wrong parameters (PEP 249)."""


class UnsendableValue(ProgrammingError):
    """A value holds CR, LF or NUL where IMAP has no place for it; nothing was sent."""


class NotSupportedError(DatabaseError):
    """The server does not offer it, or imapdb does not do it (PEP 249)."""
