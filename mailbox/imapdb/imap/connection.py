"""A session that is opened when it is needed, reopened when it dropped, and reads without changing anything."""

from __future__ import annotations

import dataclasses
import os
import re
import ssl
from typing import TYPE_CHECKING, Protocol, TypeVar

import imapclient
import imapclient.exceptions

from imapdb import errors
from imapdb.imap.client import Client
from imapdb.imap.login import Login, capabilities_in
from imapdb.imap.mailboxes import Mailbox, Namespaces, list_mailboxes, mailbox_argument
from imapdb.imap.patience import Patience, is_for_now
from imapdb.imap.profiles import GENERIC, recognise
from imapdb.imap.wire import Wire, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imapdb.account import Account
    from imapdb.imap.items import Items
    from imapdb.imap.profiles import Profile
    from imapdb.imap.second import SecondSession
    from imapdb.imap.wire import Pending, Response

__all__ = ["Connection", "Selected"]

T = TypeVar("T")

SHORT_SECRET = 3  # characters
TWO = 2  # sessions, as many as are ever open
# A second session is worth its login where streams take turns this often, and that many messages are still to come.
TURNS = 3
MANY = 2_000

_UIDVALIDITY = re.compile(rb"\* OK \[UIDVALIDITY (\d{1,18})\]", re.IGNORECASE)


@dataclasses.dataclass(slots=True)
class Selected:
    """A mailbox as the answer to EXAMINE described it (RFC 3501 6.3.2).

    `uidvalidity` is 0 where the server gave none.
    """

    mailbox: Mailbox
    uidvalidity: int = 0

    def note(self, line: bytes) -> None:
        """Take note of what a line of that answer says."""
        if match := _UIDVALIDITY.match(line):
            self.uidvalidity = int(match[1])

    def checked(self, uidvalidity: int | None) -> int:
        """Give the UIDVALIDITY. Raises StaleMailbox where messages were found under another one."""
        if uidvalidity is not None and uidvalidity != self.uidvalidity:
            raise errors.StaleMailbox(
                f"mailbox {self.mailbox.name!r} was rebuilt: UIDVALIDITY {uidvalidity} became {self.uidvalidity}; "
                "run the statement again",
                command="UID FETCH",
            )
        return self.uidvalidity


class Stream(Protocol):
    """Something with commands under way on this connection."""

    def park(self) -> None:
        """Read the answers of what was sent into memory, so that the connection is free for another command."""


class Connection:
    """A session with one account, used by one thread at a time.

    Nothing is opened before the first use. Reads go through `read`, which repeats them once when the connection
    dropped.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.capabilities: frozenset[str] = frozenset()
        self.server_id: dict[str, str] = {}
        self.greeting = ""
        # What the handshake agreed on, such as "TLSv1.3"; None where there is no TLS.
        self.tls_version: str | None = None
        self.selected: Selected | None = None
        self.opened = 0
        self.streaming: Stream | None = None
        # How many messages came for these items, and their octets: what explain() judges by.
        self.fetched: dict[Items, tuple[int, int]] = {}
        self.namespaces = Namespaces()
        # LIST-STATUS is offered, and was refused.
        self.refuses_list_status = False
        self._second: SecondSession | None = None
        self._is_alone = account.connections < TWO
        self._turns = 0
        self._wire: Wire | None = None
        self._is_introduced = False
        self._profile: Profile | None = None
        self._pid = os.getpid()

    @property
    def esearch(self) -> bool:
        """Whether SEARCH may be asked to answer in sets (RFC 4731)."""
        return "ESEARCH" in self.capabilities and self.profile.takes_esearch

    @property
    def profile(self) -> Profile:
        """What the server's SEARCH can be trusted with; opens the session where there is none."""
        wire = self.wire
        if self._profile is None:
            known = recognise(self.greeting, *sorted(self.capabilities))
            if known is GENERIC:
                # Only its answer to ID may tell, and that is waited for: a round trip.
                if not self._is_introduced:
                    wire.settle()
                # Not the rest of its ID: there it may repeat the name of our own host.
                called = (said for name, said in self.server_id.items() if name.lower() in ("name", "vendor"))
                known = recognise(*called)
            known = dataclasses.replace(
                known,
                finds_object_ids="OBJECTID" in self.capabilities,
                takes_gmail_search="X-GM-EXT-1" in self.capabilities,
            )
            self._profile = known.without_text() if self.account.search == "exact" else known
        return self._profile

    def note_refused_charset(self) -> None:
        """Ask for nothing but ASCII from now on: the server has answered BADCHARSET (RFC 3501 7.1)."""
        self._profile = dataclasses.replace(self.profile, takes_utf8=False)

    @property
    def wire(self) -> Wire:
        """The open session; opened now where there is none. Raises the errors of `open`."""
        wire = self._wire
        if wire is not None and self._pid != os.getpid():
            # After a fork both processes hold the socket; two talking on it would read each other's answers.
            wire.forget()
            wire = self._wire = self.streaming = None
        if wire is None or not wire.alive:
            return self.open()
        return wire

    def session(self, number: int) -> Wire:
        """Return the session that was the `number`-th to be opened. Raises ConnectionLost where that one is gone."""
        if self._wire is None or not self._wire.alive or self.opened != number or self._pid != os.getpid():
            raise errors.ConnectionLost("the session in which this was asked is gone")
        return self._wire

    def open(self) -> Wire:
        """Connect, secure, log in, say who we are.

        Raises ConnectionFailed, TLSFailed or AuthenticationFailed, each within the account's timeout per step.
        """
        if self._wire is not None:
            self._wire.close()
        self._wire = None
        self.selected = None
        self.server_id = {}
        self.refuses_list_status = False
        self._profile = None
        self._pid = os.getpid()
        login = Login(self.account)
        client = self._connect()
        try:
            with _translated("log in", self.account):
                wire = Wire(client, client.told)
                told = None if client.is_preauthenticated else login.into(wire)
                self.capabilities = wire.capabilities = told or capabilities_in(wire.run("CAPABILITY")) or client.told
        except BaseException:
            client.close_socket()
            raise
        self.greeting = client.greeting
        # A short one may stand in any text by chance; to leave that out would hide what went wrong.
        wire.secret = login.secret if len(login.secret) > SHORT_SECRET else ""
        sock = client.incoming.sock
        self.tls_version = sock.version() if isinstance(sock, ssl.SSLSocket) else None
        self._wire = wire
        self.opened += 1
        self._introduce(wire)
        return wire

    def close(self) -> None:
        """Log out and close; a connection used again opens anew.

        Never raises, and never sends CLOSE (it would expunge).
        """
        if self._second is not None:
            self._second.close()
        if self._wire is not None:
            if self._pid == os.getpid():
                self._wire.close()
            else:
                self._wire.forget()
        self._wire = None
        self.selected = None
        self.streaming = None

    def ping(self) -> None:
        """Ask NOOP, reopening a session that dropped. Raises where that fails too."""
        self.read(lambda wire: wire.run("NOOP"))

    def read(
        self, operation: Callable[[Wire], T], mailbox: Mailbox | None = None, *, patience: Patience | None = None
    ) -> T:
        """Run a read, in `mailbox` where one is given, and once more on a new session when the first one dropped.

        What the server refuses for now only is asked again, shortly (imap/patience.py; `patience` for less of it).

        The operation must be free of effects on the server. It sees the mailbox as it is now: EXAMINE goes ahead of
        it every time, in the same round trip.
        """
        patience = patience or Patience()
        self._turns = 0
        while True:
            try:
                self.free()
                wire = self.wire
                if mailbox is not None:
                    self.enter(wire, mailbox)
                return operation(wire)
            except (errors.ConnectionLost, errors.ServerRefused, errors.ProtocolError) as error:
                patience.endure(error)

    def enter(self, wire: Wire, mailbox: Mailbox, *, refresh: bool = True, is_needed: bool = True) -> None:
        """Send EXAMINE ahead of what comes next; without `refresh` only where another mailbox is selected.

        Where it is not `is_needed`, a server that refuses leaves no mailbox open, and that is all.

        NOOP would not do to learn of new mail: Dovecot 2.3 puts it off until no other command is under way, so that a
        SEARCH sent right behind it misses what has just arrived.
        """
        if not refresh and self.selected is not None and self.selected.mailbox.wire_name == mailbox.wire_name:
            return
        selected = Selected(mailbox)
        # Set at once: what is sent next is sent into this mailbox, whether or not the server lets us in.
        self.selected = selected

        def entered(pending: Pending, responses: Iterator[Response]) -> None:
            try:
                for response in responses:
                    selected.note(response[0])
            except errors.ServerRefused as error:
                self._leave(selected)
                if not is_needed:
                    return
                if is_for_now(error.server_text):
                    raise
                raise errors.NoSuchMailbox(
                    f"mailbox {mailbox.name!r} cannot be read: {error.server_text}",
                    command="EXAMINE",
                    server_text=error.server_text,
                ) from error
            except BaseException:
                self._leave(selected)
                raise

        wire.send_ahead(entered, "EXAMINE", mailbox_argument(mailbox.wire_name))

    def renew(self, wire: Wire) -> None:
        """Send EXAMINE of the open mailbox, where there is one, ahead of a STATUS.

        Of that mailbox some servers (Dovecot, Courier) tell the numbers as they were when it was opened.
        """
        if self.selected is not None:
            self.enter(wire, self.selected.mailbox, is_needed=False)

    def _leave(self, selected: Selected) -> None:
        if self.selected is selected:
            self.selected = None

    def free(self) -> None:
        """Have a stream take in what is under way for it, so that another command can be sent."""
        streaming, self.streaming = self.streaming, None
        if streaming is not None and self._pid == os.getpid():
            streaming.park()

    def beside(self, stream: Stream, left: int) -> Connection:
        """Say on which connection a stream is to ask for its next piece, with so many messages to come.

        On this one, save where it takes turns with another stream: then on a second one, if it can be had.
        """
        if self.streaming is None or self.streaming is stream:
            return self
        self._turns += 1
        if self._is_alone or self._turns < TURNS or left < MANY:
            return self
        if self._second is None:
            from imapdb.imap.second import SecondSession  # noqa: PLC0415 - for the few statements that need it

            self._second = SecondSession(self)
        if not self._second.is_free:
            return self
        if self._second.take(stream):
            return self._second
        # Not tried again for every piece.
        self._is_alone = True
        return self

    def let_go(self, stream: Stream) -> None:
        """Take note that a stream has come to its end."""
        if self.streaming is stream:
            self.streaming = None

    def mailboxes(self) -> list[Mailbox]:
        """List the account's mailboxes, those of its other namespaces too."""
        return self.read(lambda wire: list_mailboxes(wire, self.capabilities, self.namespaces).mailboxes)

    def _connect(self) -> Client:
        account = self.account
        with _translated("connect", account):
            client = Client(account)
            if account.tls == "starttls":
                try:
                    self._secure(client)
                except BaseException:
                    client.close_socket()
                    raise
        return client

    def _secure(self, client: Client) -> None:
        if client.is_preauthenticated:
            # There is no STARTTLS behind PREAUTH: whoever sends it may want the session in clear (RFC 9051 7.1.4).
            raise errors.TLSFailed(f"{self.account} says that nobody needs to log in, before TLS", command="STARTTLS")
        if "STARTTLS" not in client.told:
            raise errors.TLSFailed(
                f"{self.account} offers no STARTTLS; use imaps://, or ?tls=none to send everything in clear",
                command="STARTTLS",
            )
        try:
            client.secure()
        except imapclient.exceptions.IMAPClientError as error:
            raise errors.TLSFailed(f"{self.account} offers STARTTLS and does not do it: {error}") from error

    def _introduce(self, wire: Wire) -> None:
        self._is_introduced = "ID" not in self.capabilities
        if not self._is_introduced:
            wire.send_ahead(self._note_id, "ID", b"(" + quoted(b"name") + b" " + quoted(b"imapdb") + b")")
        if "ENABLE" in self.capabilities and "CONDSTORE" in self.capabilities:
            wire.send_ahead(_ignore, "ENABLE", b"CONDSTORE")

    def _note_id(self, pending: Pending, responses: Iterator[Response]) -> None:
        from imapdb.imap.tokens import tokens  # noqa: PLC0415 - most servers are met without it

        self._is_introduced = True
        try:
            for response in responses:
                if response[0][:5].upper() != b"* ID ":
                    continue
                match tokens(response, 5):
                    case [list(pairs), *_]:
                        words = [w.decode("utf-8", "replace") if isinstance(w, bytes) else "" for w in pairs]
                        self.server_id = dict(zip(words[::2], words[1::2], strict=False))
        except (errors.ServerRefused, errors.ProtocolError):
            # Courtesy only: a server that will not say who it is works all the same.
            self.server_id = {}


def _ignore(pending: Pending, responses: Iterator[Response]) -> None:
    try:
        for _ in responses:
            pass
    except (errors.ServerRefused, errors.ProtocolError):
        # A courtesy refused changes nothing: what follows is asked all the same.
        return


class _translated:  # noqa: N801 - reads as a word in a with statement
    """Turn what sockets, ssl and imapclient raise while a session is opened into errors of our tree."""

    def __init__(self, doing: str, account: Account) -> None:
        self._doing = doing
        self._account = account

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        where = f"{self._account.host}:{self._account.port}"
        match error:
            case errors.ConnectionLost():
                raise errors.ConnectionFailed(
                    f"cannot {self._doing} at {where}: {error}", command=error.command, server_text=error.server_text
                ) from error
            case None | errors.Error():
                return
            case ssl.SSLCertVerificationError():
                raise errors.TLSFailed(
                    f"the certificate of {where} is not acceptable: {error.verify_message}; "
                    "?cafile= names the authority to trust"
                ) from error
            case ssl.SSLError():
                raise errors.TLSFailed(
                    f"no TLS with {where}: {error.reason or error}; a plain port wants imap://, not imaps://"
                ) from error
            case TimeoutError():
                raise errors.ConnectionFailed(f"{where} did not answer within {self._account.timeout:g} s") from error
            case OSError():
                raise errors.ConnectionFailed(f"cannot {self._doing} at {where}: {error.strerror or error}") from error
            case imapclient.exceptions.IMAPClientError() | UnicodeError() | ValueError():
                said = error.args[0] if error.args else error
                text = bytes(said).decode("utf-8", "replace").strip() if isinstance(said, bytes) else str(error)
                raise errors.ConnectionFailed(f"cannot {self._doing} at {where}: {text}", server_text=text) from error
