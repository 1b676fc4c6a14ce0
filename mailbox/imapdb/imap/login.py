"""Logging in: LOGIN, and AUTHENTICATE with PLAIN, OAUTHBEARER or XOAUTH2 (RFC 3501 6.2.2 and 6.2.3).

What proves who we are is asked for when a session is opened, sent, and kept nowhere but in the session, which
needs it to leave it out of what a server says.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING

from imapdb import errors
from imapdb.imap.patience import is_for_now
from imapdb.imap.wire import astring

if TYPE_CHECKING:
    from imapdb.account import Account
    from imapdb.imap.wire import Pending, Response, Wire

__all__ = ["Login", "capabilities_in"]

_BEARERS = ("OAUTHBEARER", "XOAUTH2")  # the standard first
MAX_TOLD = 300  # characters of a server's own report of an error

_CAPABILITY = re.compile(rb"\* (?:OK \[)?CAPABILITY ([^\]\r\n]*)", re.IGNORECASE)
# Bearer tokens are visible ASCII (RFC 6750 2.1 is narrower still); \1 is what SASL sets fields off with.
_TOKEN = re.compile(r"[\x21-\x7e]+")


class Login:
    """The credentials of one session. Made before it is opened: who is asked for a password may take a while.

    Raises AuthenticationFailed where there are none, and whatever a callable of the account raises.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self.secret = _asked(account)

    def into(self, wire: Wire) -> frozenset[str]:
        """Log in, and return the capabilities the answer told; none where it told none.

        A token that is not accepted is asked for once more: it may have run out since it was made. Raises
        AuthenticationFailed, or ConnectionFailed where the session ends or nobody can log in for now.
        """
        mechanism = self._mechanism(wire.capabilities)
        outcome = self._attempt(wire, mechanism)
        if isinstance(outcome, errors.AuthenticationFailed) and self._account.token is not None and wire.alive:
            fresh = _asked(self._account)
            if fresh != self.secret:
                self.secret = fresh
                first, outcome = outcome, self._attempt(wire, mechanism)
                if isinstance(outcome, errors.ConnectionFailed):
                    # Some servers hang up on a second attempt; that is not what went wrong.
                    outcome = first
        if isinstance(outcome, errors.OperationalError):
            raise outcome
        return outcome

    def _mechanism(self, capabilities: frozenset[str]) -> str:
        """Choose how. Raises AuthenticationFailed where nothing that is offered may be used."""
        account = self._account
        if account.tls == "none" and not account.may_send_password_in_clear:
            raise errors.AuthenticationFailed(
                f"{account} has no TLS: the password was not sent; say ?tls=none where that is meant"
            )
        if account.token is not None:
            for mechanism in _BEARERS:
                if f"AUTH={mechanism}" in capabilities:
                    return mechanism
            raise errors.AuthenticationFailed(f"{account} takes no tokens (neither OAUTHBEARER nor XOAUTH2)")
        plain = "AUTH=PLAIN" in capabilities
        disabled = "LOGINDISABLED" in capabilities
        if account.authzid and not plain:
            raise errors.AuthenticationFailed(f"{account} lets nobody log in for another (authzid wants AUTH=PLAIN)")
        if disabled and not plain:
            raise errors.AuthenticationFailed(
                f"{account} lets nobody log in here (LOGINDISABLED); try imaps:// or starttls"
            )
        # LOGIN has no charset; PLAIN is UTF-8 by definition (RFC 4616).
        if plain and (account.authzid or disabled or not (account.user + self.secret).isascii()):
            return "PLAIN"
        return "LOGIN"

    def _attempt(self, wire: Wire, mechanism: str) -> frozenset[str] | errors.OperationalError:
        """Send the credentials; return the capabilities told, or what went wrong.

        That is returned instead of raised, so that it is not chained: a server may repeat what was sent.
        """
        account = self._account
        command = "LOGIN" if mechanism == "LOGIN" else "AUTHENTICATE"
        reports = _Reports(mechanism)
        try:
            pending = self._sent(wire, mechanism, reports)
            responses = list(wire.answer(pending))
            if (pending.code or b"").upper().startswith(b"CAPABILITY "):
                responses.append([b"* " + (pending.code or b"")])
            return capabilities_in(responses)
        except (errors.ServerRefused, errors.ProtocolError) as error:
            server_text = error.server_text or str(error)
            said = self._without_secrets(server_text + (f" ({reports.told})" if reports.told else ""), mechanism)
            if is_for_now(server_text):
                return errors.ConnectionFailed(
                    f"{account} lets nobody log in for now: {said}", command=command, server_text=said
                )
            what = "user and password" if account.token is None else "the token"
            return errors.AuthenticationFailed(
                f"{account} did not accept {what}: {said}", command=command, server_text=said
            )
        except errors.ConnectionLost as error:
            said = self._without_secrets(str(error), mechanism)
            return errors.ConnectionFailed(f"cannot log in at {account}: {said}", command=command)

    def _sent(self, wire: Wire, mechanism: str, reports: _Reports) -> Pending:
        if mechanism == "LOGIN":
            return wire.send("LOGIN", astring(self._account.user), astring(self.secret))
        response = self._response(mechanism)
        if mechanism == "PLAIN":
            return wire.authenticate(b"PLAIN", response)
        return wire.authenticate(mechanism.encode(), response, challenged=reports.answered)

    def _response(self, mechanism: str) -> bytes:
        """Write the one message of a mechanism that says it all."""
        account = self._account
        if mechanism == "OAUTHBEARER":
            # RFC 7628 3.1. A comma and an equals sign in a name are escaped (RFC 5801 4).
            name = (account.authzid or account.user).replace("=", "=3D").replace(",", "=2C")
            where = f"host={account.host}\1port={account.port}"
            return f"n,a={name},\1{where}\1auth=Bearer {self.secret}\1\1".encode()
        if mechanism == "XOAUTH2":
            return f"user={account.authzid or account.user}\1auth=Bearer {self.secret}\1\1".encode()
        return f"{account.authzid or ''}\0{account.user}\0{self.secret}".encode()

    def _without_secrets(self, text: str, mechanism: str) -> str:
        """Leave out a server's words that hold the secret, in whatever quoting."""
        sent = base64.b64encode(self._response("PLAIN" if mechanism == "LOGIN" else mechanism)).decode()
        for secret in filter(None, (self.secret, sent)):
            if _letters(secret) in _letters(text) if _letters(secret) else secret in text:
                return f"(what it said repeats the {'password' if self._account.token is None else 'token'})"
        return text


class _Reports:
    """What a server says of a token before it refuses it, which wants an answer first (RFC 7628 3.2.3)."""

    def __init__(self, mechanism: str) -> None:
        self._answer = b"AQ==" if mechanism == "OAUTHBEARER" else b""
        self._is_answered = False
        self.told = ""

    def answered(self, challenge: bytes) -> bytes:
        """Take a challenge and return its answer. Raises ProtocolError for a second one: there is nothing to add."""
        if self._is_answered:
            raise errors.ProtocolError("the server goes on asking for what it was told", command="AUTHENTICATE")
        self._is_answered = True
        self.told = _reported(challenge)
        return self._answer


def _reported(challenge: bytes) -> str:
    """Read `{"status": "400", "scope": "…"}`: the values worth a line, or the text as it is where it is none."""
    try:
        text = base64.b64decode(challenge, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        text = challenge.decode("utf-8", "replace")
    try:
        report = json.loads(text)
    except (ValueError, RecursionError):
        report = None
    if isinstance(report, dict):
        wanted = ("status", "error", "error_description", "scope")
        text = ", ".join(f"{key} {report[key]}" for key in wanted if isinstance(report.get(key), str | int))
    return "".join(char if char.isprintable() else " " for char in text.strip())[:MAX_TOLD]


def _asked(account: Account) -> str:
    """Ask for the password or the token. Raises AuthenticationFailed for what cannot be one."""
    source = account.password if account.token is None else account.token
    if source is None:
        raise errors.AuthenticationFailed(
            "no password: put it into the URL (percent-encoded), into IMAPDB_PASSWORD, or pass password="
        )
    if isinstance(source, str):
        # Checked when the account was made.
        return source
    what = "password" if account.token is None else "token"
    secret: object = source()
    # What is wrong with it is said without repeating any of it.
    if not isinstance(secret, str):
        raise errors.AuthenticationFailed(f"asked for the {what} of {account}, {type(secret).__name__} came, not text")
    if account.token is not None and not _TOKEN.fullmatch(secret):
        raise errors.AuthenticationFailed(f"the token for {account} is empty, or holds what no token has")
    if account.token is not None and "\1" in account.user + (account.authzid or ""):
        raise errors.AuthenticationFailed(f"{account}: such a user cannot log in with a token")
    if not secret or any(char in "\r\n\0" or "\ud800" <= char <= "\udfff" for char in secret):
        raise errors.AuthenticationFailed(f"the password for {account} is empty, or holds CR, LF, NUL or no text")
    return secret


def capabilities_in(responses: list[Response]) -> frozenset[str]:
    """Read the last CAPABILITY among responses, or among the codes of OK lines; upper case."""
    lines = [match[1] for response in responses if (match := _CAPABILITY.match(response[0]))]
    return frozenset(lines[-1].decode("ascii", "replace").upper().split()) if lines else frozenset()


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))
