"""`imapdb account`: accounts written down, listed and tried; and every command by an account's name."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
import tomllib
import types
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb.account import Account
from imapdb.accounts import Accounts
from imapdb.cli import run
from imapdb.cli.account_edit import with_account, write
from imapdb.errors import ProgrammingError
from tests.kit.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.kit.ca import Authority
    from tests.kit.servers import Login

MARK = "Qx7Zk9"
URL = "imaps://ada@imap.example.org/"

Said = tuple[int, str, str]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Say where the file of accounts of this test is; it is not there yet."""
    for name in ("IMAPDB_URL", "IMAPDB_PASSWORD", "IMAPDB_ACCOUNTS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return tmp_path / "CONFIG" / "imapdb" / "accounts.toml"


@pytest.fixture
def cli(path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command line; give its exit code, what it printed, and what it complained of."""

    def command(*arguments: str) -> Said:
        code = run(list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return command


def write_down(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


def test_an_account_is_written_down(cli: Callable[..., Said], path: Path) -> None:
    code, out, err = cli("account", "add", "work", URL, "--password-command", 'pass show "mail/work"')
    assert (code, out) == (0, "")
    assert str(path) in err
    assert path.read_text() == (f'[work]\nimap = "{URL}"\npassword_command = "pass show \\"mail/work\\""\n')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert Account.from_file("work").host == "imap.example.org"


def test_another_one_is_put_behind_and_nothing_else_changes(cli: Callable[..., Said], path: Path) -> None:
    before = '# mine\r\ndefault = "old" # the first\r\n\r\n[old]   # kept\r\nimap = "imaps://u@h/"\r\n# the end'
    path.parent.mkdir(parents=True)
    path.write_bytes(before.encode())
    path.chmod(0o644)
    arguments = ["--token-command", "get", "--smtp", "smtps://s/", "--identity", "A <a@x.org>", "--identity", "b@x.org"]
    assert cli("account", "add", "a new one", URL, *arguments)[0] == 0
    after = path.read_bytes().decode()
    assert after.startswith(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    account = Account.from_file("a new one")
    assert (account.smtp, account.identities) == ("smtps://s/", ("A <a@x.org>", "b@x.org"))
    assert account.token is not None
    assert Accounts.read().default == "old"
    assert cli("account", "add", "third", URL, "--default")[0] == 0
    assert Accounts.read().default == "third"
    assert path.read_bytes().decode().startswith('# mine\r\ndefault = "third" # the first\r\n\r\n[old]   # kept')
    assert Accounts.read().names == ["old", "a new one", "third"]


@pytest.mark.parametrize(
    "before",
    [
        "",
        "\n",
        "# only a comment",
        '[a]\nimap = "imaps://u@h/"\n',
        'default = \'a\'\n[a]\nimap = """imaps://u@h/"""',
        'default="a"\n["a"]\n  imap = "imaps://u@h/"\n  [a.mailboxes]\n  sent = "default = \\"x\\""',
    ],
)
def test_a_default_stands_before_every_table(before: str) -> None:
    fields = {"imap": URL}
    after = with_account(before, "new", fields, default=True)
    assert tomllib.loads(after) == {**tomllib.loads(before), "default": "new", "new": fields}


def test_what_cannot_be_edited_is_left_alone() -> None:
    # What looks like the default stands in a text of many lines.
    before = 'a = """\ndefault = "x"\n"""\n'
    with pytest.raises(ProgrammingError, match="by hand"):
        with_account(before, "new", {"imap": URL}, default=True)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(name=st.text("abcäß.@+- _1", min_size=1, max_size=10), value=texts, values=st.lists(texts, max_size=3))
def test_any_text_is_written_as_itself(name: str, value: str, values: list[str]) -> None:
    fields = {"imap": value, "identities": values, "keyring": True}
    assert tomllib.loads(with_account("", name, fields, default=False)) == {name: fields}


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "accounts.toml"
    real.parent.mkdir()
    real.write_text("old")
    link = tmp_path / "accounts.toml"
    link.symlink_to(real)
    write(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert os.listdir(real.parent) == ["accounts.toml"]  # noqa: PTH208 - nothing is left behind


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["work", URL], 1, "has an account 'work' already"),
        (["new", "imaps://ada:{}@h/"], 1, "no password is kept in this file"),
        (["new", "imap.example.org"], 1, "begins with imap://"),
        (["new", URL, "--smtp", "smtp://u:{}@h/"], 1, "no password is kept in this file"),
        (["new", URL, "--identity", "nobody"], 1, "holds no address"),
        (["new", URL, "--password-command", "echo '{}"], 1, "quotes do not match"),
        (["new", URL, "--keyring", "--token-command", "x"], 2, "choose one"),
        (["new", URL, "--password-stdin"], 2, "--keyring"),
        (["new", URL, "--keyring"], 1, "--password-stdin"),
        (["imaps://u:{}@h/", URL], 2, "a name has letters"),
        (["new"], 2, "URL"),
    ],
)
def test_what_is_not_written_down(
    arguments: list[str], code: int, says: str, cli: Callable[..., Said], path: Path
) -> None:
    before = f'[work]\nimap = "{URL}"\n'
    write_down(path, before)
    ended, out, err = cli("account", "add", *(argument.replace("{}", MARK) for argument in arguments))
    assert (ended, out) == (code, "")
    (line,) = err.splitlines()
    assert says in line
    assert MARK not in line
    assert path.read_text() == before


def test_the_keyring_gets_the_password_and_the_file_does_not(
    cli: Callable[..., Said], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[tuple[str, str], str] = {}
    module = types.ModuleType("keyring")
    module.__dict__.update(
        set_password=lambda service, user, password: kept.update({(service, user): password}),
        get_password=lambda service, user: kept.get((service, user)),
    )
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{MARK}\n"))
    assert cli("account", "add", "work", URL, "--keyring", "--password-stdin")[0] == 0
    assert kept == {("imapdb", "work"): MARK}
    assert MARK not in path.read_text()
    assert Accounts.read().tables["work"]["keyring"] is True

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda prompt: "typed")
    assert cli("account", "add", "home", URL, "--keyring")[0] == 0
    assert kept["imapdb", "home"] == "typed"
    monkeypatch.setattr("getpass.getpass", lambda prompt: "")
    code, _, err = cli("account", "add", "third", URL, "--keyring")
    assert code == 1
    assert "nothing was typed" in err
    assert "third" not in path.read_text()


def test_the_accounts_are_listed(cli: Callable[..., Said], path: Path) -> None:
    assert cli("account", "list") == (0, "", "")
    write_down(
        path,
        'default = "b"\n[a]\nimap = "imaps://u@h/"\n[b]\nimap = "imap://v@k/"\nkeyring = true\nsmtp = "smtp://s/"\n'
        "[c]\nnosuch = 1\n",
    )
    code, out, err = cli("account", "list")
    assert (code, err) == (0, "")
    first, second, third = (line.split("\t") for line in out.splitlines())
    assert first == ["a", "0", "imaps://u@h:993/", "", "", ""]
    assert second == ["b", "1", "imap://v@k:143/", "keyring", "smtp://s/", ""]
    assert third[:5] == ["c", "0", "", "", ""]
    assert "unknown key 'nosuch'" in third[5]
    rows = json.loads(cli("account", "list", "--json")[1])
    assert [row["name"] for row in rows] == ["a", "b", "c"]
    assert [row["is_default"] for row in rows] == [False, True, False]
    assert cli("account", "list", "--csv")[1].startswith("name,is_default,url,secret,smtp,problem\n")
    assert cli("account", "list", "--csv", "--json")[0] == 2
    path.write_text("[broken")
    code, out, err = cli("account", "list")
    assert (code, out) == (1, "")
    assert "is no TOML" in err


def test_an_account_is_tried(
    cli: Callable[..., Said],
    path: Path,
    dovecot_login: Login,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    login = dovecot_login
    login.create("Archive")
    monkeypatch.setenv("IMAPDB_PASSWORD", login.password)
    write_down(
        path,
        f'default = "secure"\n[plain]\nimap = "imap://{login.user}@{login.host}:{login.port}/"\n'
        f'[secure]\nhost = "{login.host}"\nport = {login.server.tls_port}\nuser = "{login.user}"\n'
        f'cafile = "{authority.ca_file}"\n[nowhere]\nimap = "imap://u@127.0.0.1:1/"\n',
    )
    code, out, err = cli("account", "test")
    assert (code, err) == (0, "")
    found = dict(line.split("\t") for line in out.splitlines())
    assert found["account"] == f"imaps://{login.user}@{login.host}:{login.server.tls_port}/"
    assert found["server"] == "Dovecot"
    assert found["profile"] == "dovecot"
    assert found["tls"].startswith("TLSv1.")
    assert "ESEARCH CONDSTORE QRESYNC LIST-EXTENDED" in found["capabilities"]
    assert "OBJECTID" in found["missing"]
    assert found["mailboxes"] == "2"
    (row,) = json.loads(cli("account", "test", "plain", "--json")[1])
    assert row["tls"] is None
    assert "tls\tnone\n" in cli("account", "test", "plain")[1]
    assert (row["mailboxes"], row["selectable"]) == (2, 2)
    assert login.password not in out
    code, out, err = cli("account", "test", "nowhere")
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert cli("account", "test", "nosuch")[0] == 1


def test_an_account_that_lets_nobody_in(cli: Callable[..., Said], path: Path) -> None:
    script: list[str | bytes] = [
        "S: * OK [CAPABILITY IMAP4rev1] ready",
        "C: LOGIN ...",
        f"S: $tag NO {MARK} is wrong",
        "HOLD",
    ]
    with Transcript(script) as server:
        command = f"""password_command = ["{sys.executable}", "-c", "print('{MARK}')"]"""
        write_down(path, f'[work]\nimap = "imap://u@{server.host}:{server.port}/"\n{command}\n')
        code, out, err = cli("account", "test", "work")
    assert (code, out) == (1, "")
    (line,) = err.splitlines()
    assert "did not accept user and password" in line
    assert MARK not in line


def test_every_command_takes_a_name(
    cli: Callable[..., Said], path: Path, dovecot_login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = dovecot_login
    login.append("INBOX", b"Subject: here\r\n\r\n")
    write_down(
        path,
        f'[work]\nimap = "imap://{login.user}@{login.host}:{login.port}/"\n[other]\nimap = "imap://u@127.0.0.1:1/"\n',
    )
    monkeypatch.setenv("IMAPDB_PASSWORD", login.password)
    sql = "SELECT subject FROM INBOX"
    for option in ("--url", "--account"):
        assert cli("query", sql, option, "work") == (0, "here\n", "")
    assert cli("query", sql)[0] == 2
    monkeypatch.setenv("IMAPDB_URL", "work")
    assert cli("query", sql) == (0, "here\n", "")
    monkeypatch.setenv("IMAPDB_URL", "nosuch")
    assert cli("query", sql)[0] == 1
    monkeypatch.delenv("IMAPDB_URL")
    write_down(path, 'default = "work"\n' + path.read_text())
    assert cli("query", sql) == (0, "here\n", "")
    monkeypatch.delenv("IMAPDB_PASSWORD")
    monkeypatch.setattr(sys, "stdin", io.StringIO(login.password + "\n"))
    assert cli("query", sql, "--password-stdin") == (0, "here\n", "")
