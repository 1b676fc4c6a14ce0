"""The file of accounts: where it is, what it says, and how a mistake in it is told."""

from __future__ import annotations

import inspect
import os
import re
import textwrap
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import imapdb
from imapdb import accounts as accounts_module
from imapdb import dbapi, errors
from imapdb.account import Account
from imapdb.accounts import Accounts, accounts_file, how_secret_is_had
from imapdb.credentials import Command, Keyring

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kit.servers import Login

MARK = "Qx7Zk9"
SMALLEST = '[work]\nimap = "imaps://ada@imap.example.org/"\n'


@pytest.fixture(autouse=True)
def _nothing_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMAPDB_PASSWORD", "IMAPDB_ACCOUNTS", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Write the file of accounts of this test."""
    path = tmp_path / "accounts.toml"
    monkeypatch.setenv("IMAPDB_ACCOUNTS", str(path))

    def write(text: str) -> Path:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    return write


def the(text: str) -> Account:
    """Read the one account of a file."""
    return Accounts.parse(text.encode(), Path("/etc/nowhere/accounts.toml")).account()


# Where


def test_where_the_file_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert accounts_file() == tmp_path / ".config" / "imapdb" / "accounts.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert accounts_file() == tmp_path / "xdg" / "imapdb" / "accounts.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert accounts_file() == tmp_path / ".config" / "imapdb" / "accounts.toml"
    monkeypatch.setenv("IMAPDB_ACCOUNTS", "~/mine.toml")
    assert accounts_file() == tmp_path / "mine.toml"


def test_where_the_file_is_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("APPDATA", str(tmp_path / "Roaming"))
    assert accounts_file() == tmp_path / "Roaming" / "imapdb" / "accounts.toml"
    monkeypatch.setattr("sys.platform", "darwin")
    assert accounts_file() == tmp_path / ".config" / "imapdb" / "accounts.toml"
    library = tmp_path / "Library" / "Application Support" / "imapdb" / "accounts.toml"
    library.parent.mkdir(parents=True)
    library.write_text(SMALLEST)
    assert accounts_file() == library


# What


def test_the_documented_example_is_read() -> None:
    documented = inspect.cleandoc(accounts_module.__doc__ or "").split("\n\n    ", 1)[1].split("\n\nNo secret")[0]
    account = the(textwrap.dedent("    " + documented))
    assert (account.name, account.host, account.user) == ("work", "imap.example.org", "ada@example.org")
    assert account.smtp == "smtps://smtp.example.org/"
    assert account.identities == ("Ada Lovelace <ada@example.org>",)
    assert account.mailboxes == {"sent": "Sent"}
    assert account.password == Command(("pass", "show", "mail/work"))


def test_the_example_of_the_readme_is_read() -> None:
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    (example,) = (block for block in re.findall(r"```toml\n(.*?)```", readme, re.DOTALL) if "imap = " in block)
    account = the(example)
    assert (account.name, account.mailboxes) == ("work", {"sent": "Gesendet"})


def test_every_field() -> None:
    account = the("""
        [work]
        host = "imap.example.org"
        user = "ada@example.org"
        port = 1993
        tls = "starttls"
        cafile = "ca.pem"
        certfile = "/abs/cert.pem"
        keyfile = "~/key.pem"
        timeout = 12.5
        search = "exact"
        authzid = "grace"
        connections = 1
        smtp = "smtp://ada@smtp.example.org:587/"
        identities = ["ada@example.org", "Ada Lovelace <al@example.org>"]
        token_command = ["get-token", "--for", "ada lovelace"]
        [work.mailboxes]
        sent = "Gesendet"
        trash = "Papierkorb"
        archive = "Archiv"
        drafts = "Entwürfe"
        junk = "Spam"
    """)
    assert (account.host, account.user, account.port, account.tls) == (
        "imap.example.org",
        "ada@example.org",
        1993,
        "starttls",
    )
    assert (account.cafile, account.certfile) == ("/etc/nowhere/ca.pem", "/abs/cert.pem")
    assert account.keyfile == os.path.expanduser("~/key.pem")  # noqa: PTH111 - another way than that of the code
    assert (account.timeout, account.search, account.authzid, account.connections) == (12.5, "exact", "grace", 1)
    assert account.password is None
    assert account.token == Command(("get-token", "--for", "ada lovelace"), "token_command")
    assert account.mailboxes["drafts"] == "Entwürfe"
    assert len(account.mailboxes) == 5
    assert len({account, account.with_search("default")}) == 2


def test_ports_and_tls_are_those_of_urls() -> None:
    assert the('[a]\nhost = "h"\nuser = "u"').port == 993
    assert the('[a]\nhost = "h"\nuser = "u"\ntls = "starttls"').port == 143
    plain = the('[a]\nhost = "h"\nuser = "u"\ntls = "none"')
    assert plain.may_send_password_in_clear
    assert the('[a]\nimap = "imap://u@h/?timeout=3"\nsearch = "exact"').timeout == 3


def test_where_the_secret_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    assert the(SMALLEST + "keyring = true").password == Keyring("work")
    assert the(SMALLEST + "keyring = false").needs_password
    monkeypatch.setenv("IMAPDB_PASSWORD", "environment")
    assert the(SMALLEST).password == "environment"
    assert isinstance(the(SMALLEST + 'password_command = "x"').password, Command)
    assert the(SMALLEST + 'token_command = "x"').password is None
    accounts = Accounts.parse((SMALLEST + 'token_command = "x"').encode(), Path("f"))
    given = accounts.account("work", password="argument")
    assert (given.password, given.token) == ("argument", None)
    for key in ('password_command = "x"', 'token_command = "x"', "keyring = true"):
        assert how_secret_is_had(the(SMALLEST + key)) == key.partition(" ")[0]
    assert how_secret_is_had(the(SMALLEST)) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[work", "is no TOML"),
        ("[work]\nimap = ", "is no TOML"),
        ('password = "{}"\n' + SMALLEST, "no password is kept in this file"),
        ('imap = "imaps://u@h/"', "belongs into the table of an account"),
        ('nosuch = "{}"', "unknown key 'nosuch'"),
        ("default = 5\n" + SMALLEST, "default is the name of an account"),
        ("[default]\n", "default is the name of an account"),
        ('default = "{}"\n' + SMALLEST, "default names an account that is not in it"),
        ('["u:{}@h"]\n', "an account's name has letters"),
        ('[""]\n', "an account's name has letters"),
        (SMALLEST + 'nosuch = "{}"', r"[work] unknown key 'nosuch'"),
        (SMALLEST + 'password = "{}"', "no password is kept in this file"),
        (SMALLEST + 'Password = "{}"', "no password is kept in this file"),
        (SMALLEST + 'token = "{}"', "no password is kept in this file"),
        ('[work]\nimap = "imaps://u:{}@h/"', "imap: no password is kept in this file"),
        (SMALLEST + 'smtp = "smtp://u:{}@h/"', "smtp: no password is kept in this file"),
        (SMALLEST + 'host = "h"', "imap and host"),
        ('[work]\nhost = "h"', "user is missing"),
        ('[work]\nuser = "u"', "host is missing"),
        ("[work]\n", "host is missing"),
        ("[work]\nimap = 5", "imap is a text"),
        ('[work]\nimap = "imaps://u@h/INBOX"', "names no mailbox"),
        ('[work]\nimap = "http://u:{}@h/"', "begins with imap://"),
        ('[work]\nimap = "imaps://u@h/?nosuch={}"', "unknown option 'nosuch'"),
        ('[work]\nimap = "imaps://u@h/?timeout=3"\ntimeout = 4', "'timeout' is given twice"),
        ('[work]\nhost = "h"\nuser = "u"\nport = "993"', "port is a number"),
        ('[work]\nhost = "h"\nuser = "u"\nport = true', "port is a number"),
        ('[work]\nhost = "h"\nuser = "u"\nport = 99999', "65535"),
        ('[work]\nhost = "h"\nuser = "u"\ntls = "maybe"', "implicit, starttls, none"),
        ('[work]\nhost = "h"\nuser = "a\\nb"', "CR, LF or NUL"),
        (SMALLEST + 'timeout = "3"', "timeout is a number"),
        (SMALLEST + "timeout = true", "timeout is a number"),
        (SMALLEST + "timeout = -1", "above 0"),
        (SMALLEST + "connections = true", "connections is 1 or 2"),
        (SMALLEST + 'connections = "2"', "connections is 1 or 2"),
        (SMALLEST + "connections = 3", "connections= takes 1 or 2"),
        (SMALLEST + 'search = "fuzzy"', "default or exact"),
        (SMALLEST + 'smtp = "http://h/"', "smtp is a URL"),
        (SMALLEST + 'smtp = "smtp://h:99999/"', "smtp is a URL"),
        (SMALLEST + 'smtp = "smtp://[h/"', "smtp is a URL"),
        (SMALLEST + 'identities = "ada@x.org"', "identities is a list"),
        (SMALLEST + 'identities = ["ada"]', "holds no address"),
        (SMALLEST + 'identities = ["Ada <ada@x.org>\\r\\nBcc: x@y"]', "holds no address"),
        (SMALLEST + 'mailboxes = "Sent"', "mailboxes is a table"),
        (SMALLEST + 'mailboxes.outbox = "x"', "unknown key 'outbox' in mailboxes"),
        (SMALLEST + "mailboxes.sent = 5", "sent is a text"),
        (SMALLEST + 'mailboxes.sent = ""', "sent is no name"),
        (SMALLEST + 'mailboxes.sent = "a\\nb"', "sent is no name"),
        (SMALLEST + 'keyring = "yes"', "keyring is true or false"),
        (SMALLEST + "keyring = 0", "keyring is true or false"),
        (SMALLEST + 'keyring = true\npassword_command = "x"', "one of them"),
        (SMALLEST + 'token_command = "{}"\npassword_command = "x"', "one of them"),
        (SMALLEST + "password_command = 5", "password_command is a command"),
        (SMALLEST + 'password_command = ["x", 5]', "password_command is a command"),
        (SMALLEST + 'password_command = ""', "password_command is empty"),
        (SMALLEST + "password_command = []", "password_command is empty"),
        (SMALLEST + 'password_command = "echo \'{}"', "quotes do not match"),
        (SMALLEST + 'password_command = "echo \\u0000"', "empty or its quotes"),
    ],
)
def test_a_mistake_is_told_by_key_and_file(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "my accounts.toml"
    path.write_text(text.replace("{}", MARK), encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(errors.ProgrammingError) as caught:
        Accounts.read(path).account("work")
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    error: BaseException | None = caught.value
    while error is not None:
        assert MARK not in f"{error} {error!r} {error.__dict__}"
        error = error.__cause__ or error.__context__
    assert MARK not in "".join(traceback.format_exception(caught.value)).split("ProgrammingError", 1)[1]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert Accounts.read(tmp_path / "missing").names == []
    with pytest.raises(errors.ProgrammingError, match="cannot be read"):
        Accounts.read(tmp_path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# \xe4")
    with pytest.raises(errors.ProgrammingError, match="is not UTF-8"):
        Accounts.read(latin)
    latin.write_bytes(b"\xef\xbb\xbf" + SMALLEST.encode())
    assert Accounts.read(latin).names == ["work"]


def test_a_mistake_in_one_account_spoils_no_other() -> None:
    accounts = Accounts.parse((SMALLEST + '[home]\nnosuch = "x"\n').encode(), Path("f"))
    assert accounts.names == ["work", "home"]
    assert accounts.account("work").host == "imap.example.org"
    with pytest.raises(errors.ProgrammingError, match="nosuch"):
        accounts.account("home")


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_no_command_is_taken_from_a_file_others_may_write_to(written: Callable[[str], Path]) -> None:
    path = written(SMALLEST + 'password_command = "x"\n[home]\nimap = "imaps://u@h/"\n')
    for mode in (0o620, 0o602, 0o666):
        path.chmod(mode)
        with pytest.raises(errors.ProgrammingError, match="others may write to the file; chmod 600"):
            Account.from_file("work")
        assert Account.from_file("home").user == "u"
    path.chmod(0o644)
    assert Account.from_file("work").user == "ada"


# By name


def test_the_usual_account(written: Callable[[str], Path]) -> None:
    two = '[home]\nimap = "imaps://u@h/"\n' + SMALLEST
    written(two)
    with pytest.raises(errors.ProgrammingError, match="no default account"):
        Account.from_file()
    written('default = "work"\n' + two)
    assert Account.from_file().name == "work"
    written(SMALLEST)
    assert Account.from_file().name == "work"


def test_a_name_where_a_url_may_stand(written: Callable[[str], Path], dovecot_login: Login) -> None:
    login = dovecot_login
    login.append("INBOX", b"Subject: by name\r\n\r\n")
    written(f'[work]\nimap = "imap://{login.user}@{login.host}:{login.port}/"\n')
    with imapdb.connect("work", password=login.password) as db:
        assert [m.subject for m in db(db.INBOX.uid > 0)] == ["by name"]
        assert db.account.name == "work"
    with dbapi.connect("work", password=lambda: login.password) as connection:
        assert connection.cursor().execute("SELECT count(*) FROM INBOX").fetchall() == [(1,)]
    account = Account.from_file("work")
    with imapdb.connect(account, password=login.password) as db:
        assert db(db.INBOX.uid > 0).count() == 1


@pytest.mark.parametrize("where", ["home", f"u:{MARK}@host", f"{MARK}\n", ""])
def test_a_name_that_is_none(where: str, written: Callable[[str], Path]) -> None:
    path = written(SMALLEST)
    for connect in (imapdb.connect, dbapi.connect, Account.find):
        with pytest.raises(errors.ProgrammingError) as caught:
            connect(where)
        assert str(path) in str(caught.value)
        assert "work" in str(caught.value)
        assert "imaps://" in str(caught.value)
        assert MARK not in str(caught.value)
