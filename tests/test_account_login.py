"""Logging in: which way is taken, what is sent, whose mail is opened, and what a server says where it refuses."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
import string
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

import imapdb
from imapdb import errors
from imapdb.account import Account
from imapdb.imap.connection import Connection
from tests.kit.dovecot import Dovecot
from tests.kit.proxy import Proxy
from tests.kit.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kit.ca import Authority
    from tests.kit.servers import MailServer

Step = str | bytes
MARK = "Qx7Zk9"
TOKEN = "ya29.Qx7Zk9-token_text"  # what an access token looks like

BEARER = "AUTH=OAUTHBEARER AUTH=XOAUTH2"
REFUSED = base64.b64encode(b'{"status":"400","schemes":"Bearer","scope":"https://mail.example.org/"}').decode()


def ready(capability: str) -> Step:
    return f"S: * OK [CAPABILITY IMAP4rev1 {capability}] ready"


IN: Step = "S: $tag OK [CAPABILITY IMAP4rev1] in"


def opened(account: dict[str, Any], *script: Step) -> Connection:
    """Open a session by a script; return it closed."""
    with Transcript([*script, "HOLD"]) as server:
        connection = Connection(
            Account(**{"host": server.host, "user": "u", "port": server.port, "tls": "none", "timeout": 5, **account})
        )
        try:
            connection.open()
        finally:
            connection.close()
        return connection


class Listener:
    """A server of one session that notes every octet it is sent: what a transcript leaves out of its commands."""

    host = "127.0.0.1"

    def __init__(self, capability: str, *answers: bytes) -> None:
        self._socket = socket.create_server((self.host, 0))
        self.port: int = self._socket.getsockname()[1]
        self._greeting = f"* OK [CAPABILITY IMAP4rev1 {capability}] ready\r\n".encode()
        self._answers = answers
        self.lines: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection, connection.makefile("rwb") as file:
            connection.settimeout(5)
            file.write(self._greeting)
            file.flush()
            for answer in self._answers:
                self.lines.append(file.readline())
                file.write(answer)
                file.flush()
            file.readline()


def sent(account: dict[str, Any], capability: str, *answers: bytes) -> list[bytes]:
    """Log in, and return the lines that were sent for it."""
    with Listener(capability, *answers) as server:
        who = Account(**{"host": server.host, "user": "u", "port": server.port, "tls": "none", "timeout": 5, **account})
        connection = Connection(who)
        connection.open()
        connection.close()
        return server.lines


OK = b"A1 OK [CAPABILITY IMAP4rev1] in\r\n"


def coded(text: str) -> bytes:
    return base64.b64encode(text.encode())


def test_plain_says_for_whom() -> None:
    (line,) = sent({"user": "boss", "password": "p", "authzid": "ada"}, "AUTH=PLAIN SASL-IR", OK)
    assert line == b"A1 AUTHENTICATE PLAIN " + coded("ada\0boss\0p") + b"\r\n"


def test_a_url_says_for_whom() -> None:
    account = Account.from_url("imaps://boss:p@h/?authzid=ada%40x.org")
    assert account.authzid == "ada@x.org"
    assert account.url == "imaps://boss@h:993/?authzid=ada%40x.org"
    assert Account.from_url(account.url, password="p") == account
    assert Account.from_url("imaps://boss:p@h/?authzid=").authzid is None
    with pytest.raises(errors.ProgrammingError, match="CR, LF or NUL"):
        Account.from_url("imaps://boss:p@h/?authzid=ada%00root")


@pytest.mark.parametrize("capability", ["", "AUTH=XOAUTH2"])
def test_nobody_is_logged_in_as_another_by_login(capability: str) -> None:
    with pytest.raises(errors.AuthenticationFailed, match="AUTH=PLAIN"):
        opened({"user": "boss", "password": "p", "authzid": "ada"}, ready(capability))


@pytest.mark.parametrize(
    ("capability", "authzid", "mechanism", "message"),
    [
        (BEARER, None, "OAUTHBEARER", "n,a=u@x.org,\1host=127.0.0.1\1port=%d\1auth=Bearer {}\1\1"),
        ("AUTH=OAUTHBEARER", "a=b,c", "OAUTHBEARER", "n,a=a=3Db=2Cc,\1host=127.0.0.1\1port=%d\1auth=Bearer {}\1\1"),
        ("AUTH=XOAUTH2", None, "XOAUTH2", "user=u@x.org\1auth=Bearer {}\1\1"),
        ("AUTH=XOAUTH2 AUTH=PLAIN", "shared@x.org", "XOAUTH2", "user=shared@x.org\1auth=Bearer {}\1\1"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_token_goes_the_way_that_is_offered(
    capability: str, authzid: str | None, mechanism: str, message: str, at_once: bool
) -> None:
    account = {"user": "u@x.org", "token": lambda: TOKEN, "authzid": authzid}
    answers = [OK] if at_once else [b"+ \r\n", OK]
    with Listener(capability + " SASL-IR" * at_once, *answers) as server:
        Connection(Account(host=server.host, port=server.port, tls="none", timeout=5, **account)).open().close()  # type: ignore[arg-type]
    wanted = message.format(TOKEN).replace("%d", str(server.port))
    line = b"".join(server.lines).replace(b"\r\n", b" ").rstrip()
    assert line == b"A1 AUTHENTICATE " + mechanism.encode() + b" " + coded(wanted)


def test_a_token_is_sent_nowhere_where_none_is_taken() -> None:
    with pytest.raises(errors.AuthenticationFailed, match="neither OAUTHBEARER nor XOAUTH2"):
        opened({"token": lambda: TOKEN}, ready("AUTH=PLAIN"))


def test_a_token_goes_in_clear_to_no_other_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imapdb.account.is_loopback", lambda host: False)
    with pytest.raises(errors.AuthenticationFailed, match="not sent"):
        opened({"token": lambda: TOKEN}, ready(BEARER))


@pytest.mark.parametrize(("mechanism", "acknowledged"), [("OAUTHBEARER", b"AQ==\r\n"), ("XOAUTH2", b"\r\n")])
def test_what_is_said_of_a_refused_token_is_answered_and_reported(mechanism: str, acknowledged: bytes) -> None:
    answers = [f"+ {REFUSED}\r\n".encode(), b"A1 NO [AUTHENTICATIONFAILED] Invalid credentials\r\n"]
    with (
        Listener(f"AUTH={mechanism} SASL-IR", *answers) as server,
        pytest.raises(errors.AuthenticationFailed) as caught,
    ):
        Connection(Account(server.host, "u", server.port, tls="none", timeout=5, token=lambda: TOKEN)).open()
    assert server.lines[1] == acknowledged
    assert str(caught.value).endswith(
        "did not accept the token: [AUTHENTICATIONFAILED] Invalid credentials "
        "(status 400, scope https://mail.example.org/)"
    )
    assert caught.value.command == "AUTHENTICATE"


@pytest.mark.parametrize(
    ("challenge", "reported"),
    [
        ("", ""),
        ("not base64!", "not base64!"),
        (base64.b64encode(b"plain text\r\nA1 OK").decode(), "plain text  A1 OK"),
        (base64.b64encode(b"[1, 2]").decode(), "[1, 2]"),
        (base64.b64encode(b'{"status": {"a": 1}, "error": "invalid_token", "x": "y"}').decode(), "error invalid_token"),
        (base64.b64encode(b'{"status": 401}').decode(), "status 401"),
        (base64.b64encode(b"[" * 100_000).decode(), "[[["),
        (base64.b64encode(b"\xff\xfe\x00").decode(), ""),
    ],
)
def test_a_report_in_any_words(challenge: str, reported: str) -> None:
    script = [ready(BEARER + " SASL-IR"), "C: AUTHENTICATE ...", f"S: + {challenge}", "C: ...", "S: A1 NO no"]
    with pytest.raises(errors.AuthenticationFailed) as caught:
        opened({"token": lambda: TOKEN}, *script)
    assert "did not accept the token: no" in str(caught.value)
    assert reported in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_server_that_never_stops_asking() -> None:
    script: list[Step] = [ready(BEARER + " SASL-IR"), "C: AUTHENTICATE ...", "S: + ", "C: ...", "S: + ", "S: + "]
    with pytest.raises(errors.AuthenticationFailed, match="goes on asking"):
        opened({"token": lambda: TOKEN}, *script)


def test_a_challenge_nobody_expects() -> None:
    script: list[Step] = [ready("AUTH=PLAIN LOGINDISABLED SASL-IR"), "C: AUTHENTICATE ...", "S: + more"]
    with pytest.raises(errors.AuthenticationFailed):
        opened({"password": "p"}, *script)


# Asked when a session opens


def counted(*given_out: str) -> tuple[Callable[[], str], list[str]]:
    asked: list[str] = []

    def ask() -> str:
        asked.append(given_out[min(len(asked), len(given_out) - 1)])
        return asked[-1]

    return ask, asked


def test_a_token_is_asked_for_again_at_each_reconnect() -> None:
    token, asked = counted("one", "two")
    session: list[Step] = [ready(BEARER + " SASL-IR"), "C: AUTHENTICATE ...", IN, "C: NOOP", "S: $tag OK"]
    with Transcript([*session, "CLOSE"], [*session, "HOLD"]) as server:
        connection = Connection(Account(server.host, "u", server.port, tls="none", timeout=5, token=token))
        assert asked == []
        connection.ping()
        connection.ping()
        connection.close()
    assert asked == ["one", "two"]


def test_a_password_is_asked_for_when_a_session_opens() -> None:
    password, asked = counted("one", "two")
    session: list[Step] = [ready(""), "C: LOGIN ...", IN, "C: NOOP", "S: $tag OK"]
    with Transcript([*session, "CLOSE"], [*session, "HOLD"]) as server:
        connection = Connection(Account(server.host, "u", server.port, password, "none", timeout=5))
        assert not connection.account.needs_password
        assert asked == []
        connection.ping()
        connection.ping()
        connection.close()
    assert asked == ["one", "two"]


def test_a_token_that_ran_out_is_asked_for_once_more() -> None:
    token, asked = counted("old", "new")
    script: list[Step] = [
        ready(BEARER + " SASL-IR"),
        "C: AUTHENTICATE OAUTHBEARER ...",
        f"S: + {REFUSED}",
        "C: ...",
        "S: A1 NO expired",
        "C: AUTHENTICATE OAUTHBEARER ...",
        IN,
    ]
    opened({"token": token}, *script)
    assert asked == ["old", "new"]


@pytest.mark.parametrize(
    ("given_out", "end"),
    [
        # The same again is not sent again.
        (("old", "old"), []),
        (("old", "new"), ["C: AUTHENTICATE OAUTHBEARER ...", "S: $tag NO still not"]),
        # Some servers hang up after the first failure.
        (("old", "new"), ["CLOSE"]),
        (("old", "new"), ["C: AUTHENTICATE OAUTHBEARER ...", "S: * BYE enough", "CLOSE"]),
    ],
)
def test_no_token_is_asked_for_a_third_time(given_out: tuple[str, str], end: list[Step]) -> None:
    token, asked = counted(*given_out, "third")
    script = [ready(BEARER + " SASL-IR"), "C: AUTHENTICATE OAUTHBEARER ...", "S: $tag NO expired", *end]
    with pytest.raises(errors.AuthenticationFailed, match=r"the token: (expired|still not)"):
        opened({"token": token}, *script)
    assert asked == list(given_out)


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INUSE"])
def test_a_server_that_cannot_check_now_does_not_say_that_the_password_is_wrong(code: str) -> None:
    token, asked = counted("one", "two")
    for account in ({"password": "p"}, {"token": token}):
        script = [ready(BEARER + " SASL-IR"), "C: ...", f"S: A1 NO [{code}] try later"]
        with pytest.raises(errors.ConnectionFailed, match=r"for now.*try later"):
            opened(account, *script)
    assert asked == ["one"]


@pytest.mark.parametrize("given_out", ["", "a b", "a\r\nb", "a\1b", "ä", "\0", None, b"bytes", 5])
def test_what_is_no_token_is_not_sent(given_out: object) -> None:
    with pytest.raises(errors.AuthenticationFailed) as caught:
        Connection(Account("127.0.0.1", "u", 1, tls="none", token=lambda: given_out)).open()  # type: ignore[arg-type, return-value]
    assert "a b" not in str(caught.value)


@pytest.mark.parametrize("given_out", ["", "a\r\nb", "a\0b", "\udcff", None, b"bytes"])
def test_what_is_no_password_is_not_sent(given_out: object) -> None:
    with pytest.raises(errors.AuthenticationFailed):
        Connection(Account("127.0.0.1", "u", 1, lambda: given_out, "none")).open()  # type: ignore[arg-type, return-value]


def test_a_user_that_would_say_more_than_who() -> None:
    with pytest.raises(errors.AuthenticationFailed, match="cannot log in with a token"):
        Connection(Account("127.0.0.1", "u\1auth=Bearer x", 1, tls="none", token=lambda: "t")).open()


def test_what_a_callable_raises_is_its_own() -> None:
    def broken() -> str:
        raise LookupError("no network")

    with pytest.raises(LookupError):
        Connection(Account("127.0.0.1", "u", 1, tls="none", token=broken)).open()


def test_a_password_or_a_token_not_both() -> None:
    with pytest.raises(errors.ProgrammingError, match="takes the place"):
        Account("h", "u", password="p", token=lambda: "t")
    with pytest.raises(errors.ProgrammingError, match="callable"):
        Account("h", "u", token="t")  # type: ignore[arg-type] # what a caller without a type checker may say
    account = Account("h", "u", password="p")
    assert account.with_token(lambda: "t").password is None
    assert account.with_token(lambda: "t").with_password("q").token is None


def test_the_environment_has_no_password_for_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAPDB_PASSWORD", "p")
    assert Account.from_url("imaps://u@h/", token=lambda: "t").password is None


# Nothing is told


tokens = st.text(string.ascii_letters + string.digits + "-._~+/=", max_size=60).map(lambda text: MARK + text)


@given(tokens)
def test_no_text_holds_a_token(token: str) -> None:
    sent = coded(f"user=u\1auth=Bearer {token}\1\1").decode()
    report = base64.b64encode(json.dumps({"status": "400", "error": f"bad token {token}"}).encode()).decode()
    begin: list[Step] = [ready("AUTH=XOAUTH2 SASL-IR"), "C: AUTHENTICATE ..."]
    scripts: list[list[Step]] = [
        [*begin, "S: $tag NO no"],
        [*begin, f"S: $tag NO bad token {token}"],
        [*begin, f'S: $tag BAD "{token}"', "HOLD"],
        [*begin, f"S: $tag BAD AUTHENTICATE XOAUTH2 {sent}"],
        [*begin, f"S: + {report}", "C: ...", "S: A1 NO no"],
        [*begin, f"S: * BYE {token}", "CLOSE"],
        [*begin, "RESET"],
    ]
    with Transcript(*scripts) as server:
        account = Account(server.host, "u", server.port, tls="none", timeout=5, token=lambda: token)
        assert MARK not in f"{account!r} {account} {account.url}"
        for _ in scripts:
            with pytest.raises(errors.OperationalError) as caught:
                Connection(account).open()
            error: BaseException | None = caught.value
            while error is not None:
                shown = f"{error!r} {error} {error.__dict__}"
                assert MARK not in shown
                assert sent[:20] not in shown
                error = error.__cause__ or error.__context__


def test_a_token_a_server_repeats_later_is_not_quoted() -> None:
    script: list[Step] = [ready(BEARER + " SASL-IR"), "C: AUTHENTICATE ...", IN, "C: NOOP", f"S: $tag NO {TOKEN}"]
    with Transcript([*script, "HOLD"]) as server:
        connection = Connection(Account(server.host, "u", server.port, tls="none", timeout=5, token=lambda: TOKEN))
        with pytest.raises(errors.ServerRefused) as caught:
            connection.ping()
        assert MARK not in f"{caught.value} {caught.value.server_text}"
        connection.close()


def test_no_log_holds_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    opened({"token": lambda: TOKEN}, ready(BEARER + " SASL-IR"), "C: AUTHENTICATE ...", IN)
    opened({"password": TOKEN}, ready(""), "C: LOGIN ...", IN)
    opened({"password": TOKEN, "authzid": "a"}, ready("AUTH=PLAIN SASL-IR"), "C: AUTHENTICATE ...", IN)
    assert MARK not in caplog.text
    assert coded(TOKEN).decode()[:12] not in caplog.text


# A real server


KEY = b"the key of the tests, thirty-two octets and more"

OAUTH = """
auth_mechanisms = plain login oauthbearer xoauth2
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
passdb {
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {folder}/oauth2.conf
}
passdb {
  driver = passwd-file
  master = yes
  args = {folder}/masters
}
"""

FILES = {
    "oauth2.conf": """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = sub
""",
    "keys/default/HS256/default": base64.b64encode(KEY).decode(),
    "masters": "boss:{PLAIN}Qx7Zk9-master\n",
}


def jwt(user: str, lifetime: float = 600) -> str:
    """Make an access token that says who, signed with the server's key (RFC 7519)."""

    def part(data: dict[str, Any]) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=")

    now = int(time.time())
    said = part({"alg": "HS256", "typ": "JWT"}) + b"." + part({"sub": user, "iat": now - 900, "exp": now + lifetime})
    seal = base64.urlsafe_b64encode(hmac.digest(KEY, said, hashlib.sha256)).rstrip(b"=")
    return (said + b"." + seal).decode()


@pytest.fixture(scope="module")
def bearer_dovecot(dovecot: MailServer, authority: Authority) -> Iterator[Dovecot]:
    """Dovecot that takes tokens, and knows a master user."""
    server = Dovecot(authority, settings=OAUTH, files=FILES)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def account_of(server: MailServer, user: str, **values: Any) -> Account:
    return Account(server.host, user, server.port, tls="none", timeout=10, **values)


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_a_token_opens_a_session(mechanism: str, bearer_dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
    if mechanism == "XOAUTH2":
        monkeypatch.setattr("imapdb.imap.login._BEARERS", ("XOAUTH2",))
    login = bearer_dovecot.new_login()
    login.append("INBOX", b"Subject: mine\r\n\r\n")
    with Proxy(login.host, login.port) as proxy:
        account = Account(proxy.host, login.user, proxy.port, tls="none", timeout=10, token=lambda: jwt(login.user))
        with imapdb.connect(account) as db:
            assert [m.subject for m in db(db.INBOX.uid > 0)] == ["mine"]
        assert any(re.match(f"AUTHENTICATE {mechanism}", command) for command in proxy.commands), proxy.commands


def test_a_token_that_ran_out(bearer_dovecot: Dovecot) -> None:
    user = bearer_dovecot.new_login().user
    expired = jwt(user, -60)
    with pytest.raises(errors.AuthenticationFailed) as caught:
        Connection(account_of(bearer_dovecot, user, token=lambda: expired)).open()
    assert expired not in str(caught.value)
    valid = jwt(user)
    token, asked = counted(expired, valid)
    connection = Connection(account_of(bearer_dovecot, user, token=token))
    connection.ping()
    assert asked == [expired, valid]
    connection.close()


def test_a_token_of_somebody_else(bearer_dovecot: Dovecot) -> None:
    mine, other = bearer_dovecot.new_login().user, bearer_dovecot.new_login().user
    with pytest.raises(errors.AuthenticationFailed):
        Connection(account_of(bearer_dovecot, mine, token=lambda: jwt(other))).open()


def test_a_master_user_opens_the_mail_of_another(bearer_dovecot: Dovecot) -> None:
    login = bearer_dovecot.new_login()
    login.append("INBOX", b"Subject: hers\r\n\r\n")
    url = f"imap://boss@{login.host}:{login.port}/?authzid={login.user}"
    with imapdb.connect(url, password=f"{MARK}-master") as db:
        assert [m.subject for m in db(db.INBOX.uid > 0)] == ["hers"]
        assert login.user in repr(db)
    not_a_user = account_of(bearer_dovecot, "boss", password=f"{MARK}-master")
    for wrong in (Account.from_url(url, password="wrong"), not_a_user):
        with pytest.raises(errors.AuthenticationFailed):
            Connection(wrong).open()


def test_by_sqlalchemy_too(bearer_dovecot: Dovecot) -> None:
    import sqlalchemy as sa  # noqa: PLC0415

    login = bearer_dovecot.new_login()
    engine = sa.create_engine(f"imap://boss:{MARK}-master@{login.host}:{login.port}/?authzid={login.user}")
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM INBOX")).scalar() == 0
    engine.dispose()
