"""The account: what its URL says, and what none of its texts repeats."""

from __future__ import annotations

import string
import traceback
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st

from imapdb import errors
from imapdb.account import Account, is_loopback
from imapdb.imap.connection import Connection
from tests.kit.transcript import Transcript

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kit.ca import Authority

# Nothing our texts say holds this by chance.
MARK = "Qx7Zk9"


@pytest.fixture(autouse=True)
def _no_password_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAPDB_PASSWORD", raising=False)


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("imaps://u:p@mail.example.org/", "mail.example.org", 993, "implicit"),
        ("imaps://u:p@mail.example.org", "mail.example.org", 993, "implicit"),
        ("imaps://u:p@mail.example.org:1993/", "mail.example.org", 1993, "implicit"),
        ("IMAPS://u:p@MAIL.example.org/", "mail.example.org", 993, "implicit"),
        ("imap://u:p@mail.example.org/", "mail.example.org", 143, "starttls"),
        ("imap://u:p@mail.example.org/?tls=none", "mail.example.org", 143, "none"),
        ("imap://u:p@mail.example.org:1143/?tls=starttls", "mail.example.org", 1143, "starttls"),
        ("imap://u:p@localhost/", "localhost", 143, "none"),
        ("imap://u:p@127.0.0.1/", "127.0.0.1", 143, "none"),
        ("imap://u:p@127.3.2.1/", "127.3.2.1", 143, "none"),
        ("imap://u:p@[::1]/", "::1", 143, "none"),
        ("imap://u:p@[::1]:3143/?tls=starttls", "::1", 3143, "starttls"),
        ("imaps://u:p@[2001:db8::5]/", "2001:db8::5", 993, "implicit"),
        ("imap://u:p@[2001:db8::5]:144/", "2001:db8::5", 144, "starttls"),
        ("imap://u:p@localhost.example.org/", "localhost.example.org", 143, "starttls"),
        ("imap://u:p@127.0.0.1.example.org/", "127.0.0.1.example.org", 143, "starttls"),
    ],
)
def test_the_url_says_where_and_how(url: str, host: str, port: int, tls: str) -> None:
    account = Account.from_url(url)
    assert (account.host, account.port, account.tls) == (host, port, tls)
    assert (account.user, account.password) == ("u", "p")
    assert not account.needs_password


def test_options_are_read() -> None:
    account = Account.from_url("imaps://u@h/?cafile=/a+b%20c.pem&certfile=/c@d.pem&keyfile=k&timeout=2.5")
    assert (account.cafile, account.certfile, account.keyfile) == ("/a+b c.pem", "/c@d.pem", "k")
    assert account.timeout == 2.5
    assert Account.from_url("imaps://u@h/").timeout == 60


def test_how_text_is_searched_is_said_in_the_url() -> None:
    assert Account.from_url("imaps://u@h/").search == "default"
    assert Account.from_url("imaps://u@h/?search=default").search == "default"
    exact = Account.from_url("imaps://u@h/?search=exact")
    assert exact.search == "exact"
    assert exact.with_password("p").search == "exact"
    assert exact.with_search("default") == Account.from_url("imaps://u@h/")
    for wrong in ("", "Exact", "fuzzy"):
        with pytest.raises(errors.ProgrammingError, match=r"search.* default or exact"):
            Account.from_url(f"imaps://u@h/?search={wrong}")
        with pytest.raises(errors.ProgrammingError, match=r"search.* default or exact"):
            exact.with_search(wrong)  # type: ignore[arg-type] # what a caller without a type checker may say


@given(
    user=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1),
    password=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1),
)
def test_any_user_and_password_survive_percent_encoding(user: str, password: str) -> None:
    from urllib.parse import quote  # noqa: PLC0415 - the standard's own encoding is the oracle here

    url = f"imaps://{quote(user, safe='')}:{quote(password, safe='')}@h/"
    account = Account.from_url(url)
    assert (account.user, account.password) == (user, password)
    assert Account.from_url(account.url, password=password) == account


def test_where_the_password_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Account.from_url("imaps://u@h/").needs_password
    assert Account.from_url("imaps://u:@h/").needs_password
    monkeypatch.setenv("IMAPDB_PASSWORD", "environment")
    assert Account.from_url("imaps://u@h/").password == "environment"
    assert Account.from_url("imaps://u:@h/").password == "environment"
    assert Account.from_url("imaps://u:url@h/").password == "url"
    assert Account.from_url("imaps://u:url@h/", password="argument").password == "argument"
    monkeypatch.setenv("IMAPDB_PASSWORD", "")
    assert Account.from_url("imaps://u@h/").needs_password
    assert Account.from_url("imaps://u@h/").with_password("later").password == "later"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "begins with"),
        ("mail.example.org", "begins with"),
        ("pop3://u:{}@h/", "begins with"),
        ("u:{}@h", "begins with"),
        ("imaps://h/", "user"),
        ("imaps://:{}@h/", "user"),
        ("imaps://u:{}@/", "host"),
        ("imaps://u:{}@:993/", "host"),
        ("imaps://u:{}@h/INBOX", "names no mailbox"),
        ("imaps://u:{}@h/#x", "%23"),
        ("imaps://u:1#{}@h/", "%23"),
        ("imaps://u:{}#x@h/", "cannot be read"),
        ("imaps://u:x/{}@h/", "cannot be read"),
        ("imaps://u:1/{}@h/", "names no mailbox"),
        ("imaps://u:1?{}@h/", "%3F"),
        ("imaps://u:1@2?{}@h/", "%3F"),
        ("imaps://u:1@2?{}=x@h/", "%3F"),
        ("imaps://u:{}@h:port/", "cannot be read"),
        ("imaps://u:{}@h:0/", "65535"),
        ("imaps://u:{}@h:65536/", "cannot be read"),
        ("imaps://u:{}@[::1/", "cannot be read"),
        ("imaps://u:{}@[nonsense]/", "cannot be read"),
        ("imaps://u:{}\u2100@h/", "cannot be read"),
        ("imaps://u:{}\r\n@h/", "cannot be read"),
        ("imaps://u:{}\t@h/", "cannot be read"),
        ("imaps://u:{}%0d%0aA1 LOGOUT@h/", "CR, LF or NUL"),
        ("imaps://u:{}%00@h/", "CR, LF or NUL"),
        ("imaps://u%0a:{}@h/", "CR, LF or NUL"),
        ("imaps://u:{}@h%0a/", "CR, LF or NUL"),
        ("imaps://u:{}%ff@h/", "UTF-8"),
        ("imaps://u:{}\udcff@h/", "surrogates"),
        ("imaps://u:{}@h/?nosuch=1", "unknown option 'nosuch'"),
        ("imaps://u:{}@h/?timeout=1&timeout=2", "'timeout' is given twice"),
        ("imaps://u:{}@h/?timeout=soon", "number of seconds"),
        ("imaps://u:{}@h/?timeout=0", "above 0"),
        ("imaps://u:{}@h/?timeout=-1", "above 0"),
        ("imaps://u:{}@h/?timeout=nan", "above 0"),
        ("imaps://u:{}@h/?timeout=inf", "above 0"),
        ("imaps://u:{}@h/?tls=starttls", "imaps:// is TLS already"),
        ("imaps://u:{}@h/?tls=none", "imaps:// is TLS already"),
        ("imap://u:{}@h/?tls=maybe", "starttls or none"),
        ("imap://u:{}@h/?tls=", "starttls or none"),
    ],
)
def test_a_bad_url_says_what_is_wrong_and_not_the_password(url: str, says: str) -> None:
    with pytest.raises(errors.ProgrammingError, match=says.replace("?", r"\?")) as caught:
        Account.from_url(url.replace("{}", MARK))
    shown = "".join(traceback.format_exception(caught.value)).split("Error: ", 1)[1]
    assert MARK not in shown
    assert MARK not in repr(caught.value.__context__)


def test_values_given_directly_are_checked_too() -> None:
    for wrong in ({"user": "a\nb"}, {"host": "h\0"}, {"password": "p\r"}, {"port": 0}, {"port": 65536}, {"user": ""}):
        with pytest.raises(errors.ProgrammingError):
            Account(**{"host": "h", "user": "u", **wrong})  # type: ignore[arg-type]


passwords = st.text(string.ascii_letters + string.digits + string.punctuation + " äß日€").map(lambda text: MARK + text)


@given(passwords)
def test_no_text_of_an_account_holds_its_password(password: str) -> None:
    account = Account("mail.example.org", "u", password=password)
    assert MARK not in f"{account!r} {account} {account.url} {account.__dict__['host']}"


@given(passwords)
def test_no_failure_holds_the_password(password: str) -> None:
    # The server says it all back, in the words of the command, as some do.
    echoes: list[list[str | bytes]] = [
        ["S: * OK [CAPABILITY IMAP4rev1] ready", "C: LOGIN ...", "S: $tag NO no such user"],
        ["S: * OK [CAPABILITY IMAP4rev1] ready", "C: LOGIN ...", f"S: $tag BAD LOGIN u {password}", "HOLD"],
        ["S: * OK [CAPABILITY IMAP4rev1] ready", "C: LOGIN ...", f'S: $tag NO "{_quoted(password)}"', "HOLD"],
        ["S: * OK [CAPABILITY IMAP4rev1] ready", "C: LOGIN ...", f"S: * BYE {password}", "CLOSE"],
        ["S: * OK [CAPABILITY IMAP4rev1] ready", "C: LOGIN ...", "RESET"],
    ]
    with Transcript(*echoes) as server:
        account = Account(server.host, "u", server.port, password=password, tls="none", timeout=5)
        for _ in echoes:
            with pytest.raises(errors.OperationalError) as caught:
                Connection(account).open()
            error: BaseException | None = caught.value
            while error is not None:
                assert MARK not in f"{error!r} {error} {error.__dict__}"
                error = error.__cause__ or error.__context__


def _quoted(password: str) -> str:
    return password.replace("\\", "\\\\").replace('"', '\\"')


@pytest.mark.parametrize(
    ("host", "is_this_machine"),
    [
        ("localhost", True),
        ("LocalHost", True),
        ("127.0.0.1", True),
        ("127.255.0.1", True),
        ("::1", True),
        ("0:0:0:0:0:0:0:1", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("2130706433", False),
    ],
)
def test_loopback_is_told_by_name_alone(host: str, is_this_machine: bool) -> None:
    assert is_loopback(host) is is_this_machine


def test_a_password_goes_in_clear_only_to_this_machine_or_where_that_was_said() -> None:
    assert not Account.from_url("imap://u:p@mail.example.org/").may_send_password_in_clear
    assert Account.from_url("imap://u:p@mail.example.org/?tls=none").may_send_password_in_clear
    assert Account.from_url("imap://u:p@127.0.0.1/").may_send_password_in_clear
    assert not Account("mail.example.org", "u", tls="none").may_send_password_in_clear
    assert not Account("mail.example.org", "u", tls="starttls", tls_is_explicit=True).may_send_password_in_clear


@pytest.mark.parametrize(
    "url", ["imaps://u:p@mail.example.org:993/", "imap://u%40x:p@[::1]:143/", "imap://a%2Fb:p@h:1143/"]
)
def test_an_account_is_shown_as_its_url_without_the_password(url: str) -> None:
    assert str(Account.from_url(url)) == url.replace(":p@", "@")


def test_files_that_cannot_be_used_are_named(tmp_path: Path, authority: Authority) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    for account in (
        Account("h", "u", cafile=str(tmp_path / "missing.pem")),
        Account("h", "u", cafile=str(tmp_path)),
        Account("h", "u", cafile=str(nonsense)),
        Account("h", "u", certfile=str(nonsense)),
        Account("h", "u", certfile=str(authority.cert_file), keyfile=str(authority.ca_file)),
    ):
        with pytest.raises(errors.TLSFailed, match="cafile"):
            account.tls_context()


def test_an_encrypted_key_is_an_error_and_not_a_question_at_the_terminal(tmp_path: Path) -> None:
    leaf = trustme.CA().issue_cert("client")
    key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    pem = tmp_path / "client.pem"
    pem.write_bytes(encrypted + leaf.cert_chain_pems[0].bytes())
    with pytest.raises(errors.TLSFailed):
        Account("h", "u", certfile=str(pem)).tls_context()


def test_a_context_given_is_used_as_it_is(authority: Authority) -> None:
    context = authority.client_context()
    assert Account.from_url("imaps://u:p@h/?cafile=/nowhere", ssl_context=context).tls_context() is context
