"""Secrets that are fetched: from a program, from the keyring; and what is never said of them."""

from __future__ import annotations

import gc
import shlex
import string
import sys
import time
import types
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imapdb
from imapdb import errors
from imapdb.account import Account
from imapdb.accounts import Accounts
from imapdb.credentials import Command, Keyring
from imapdb.imap.connection import Connection

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kit.servers import Login

MARK = "Qx7Zk9"


def running(code: str, timeout: float = 20) -> Command:
    return Command((sys.executable, "-c", code), timeout=timeout)


@pytest.mark.parametrize(
    ("printed", "secret"),
    [
        (b"word\n", "word"),
        (b"word", "word"),
        (b"word\r\n", "word"),
        (b" two words \nuser: ada\nurl: x\n", " two words "),
        ("pässwörd€\n".encode(), "pässwörd€"),
        (b"$(id) `id` $HOME\n", "$(id) `id` $HOME"),
    ],
)
def test_the_first_line_is_the_secret(printed: bytes, secret: str) -> None:
    assert running(f"import sys; sys.stdout.buffer.write({printed!r})")() == secret


def test_no_shell_reads_a_command(tmp_path: Path) -> None:
    printing = f"{shlex.quote(sys.executable)} -c 'import sys; print(sys.argv[1:])'"
    said = Command.parse(f"{printing} '$HOME' `id` $(id) ; > {tmp_path}/x 'a b'", "password_command")()
    assert said == str(["$HOME", "`id`", "$(id)", ";", ">", f"{tmp_path}/x", "a b"])
    assert Command.parse(["a", "b c"], "token_command").arguments == ("a", "b c")
    assert list(tmp_path.iterdir()) == []


def test_standard_input_is_left_to_whoever_reads_it() -> None:
    assert running("import sys; print(repr(sys.stdin.read()))")() == "''"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("", "printed nothing"),
        ("print()", "printed nothing"),
        (f"print({MARK!r}); raise SystemExit(3)", "ended with 3"),
        (
            f"import sys; print({MARK!r}); print('gpg: it failed\\nNo secret key', file=sys.stderr); sys.exit(2)",
            "ended with 2: gpg: it failed No secret key",
        ),
        (f"import sys; print({MARK!r}); print('got {MARK}', file=sys.stderr); sys.exit(2)", "ended with 2"),
        ("import sys; print('\\33[31m' + 'x' * 1000, file=sys.stderr); sys.exit(1)", "ended with 1:  [31mxxx"),
        (f"import sys; sys.stdout.buffer.write(b'{MARK}\\xff')", "no UTF-8"),
        (f"print({MARK!r}, flush=True); import time; time.sleep(60)", "did not end within 0.5 s"),
    ],
)
def test_a_command_that_fails_says_why_and_not_what_it_printed(code: str, says: str) -> None:
    command = running(code, timeout=0.5 if "sleep" in code else 20)
    with pytest.raises(errors.AuthenticationFailed) as caught:
        command()
    assert says in str(caught.value)
    assert "password_command" in str(caught.value)
    assert len(str(caught.value)) < 500
    error: BaseException | None = caught.value
    while error is not None:
        assert MARK not in f"{error} {error!r} {error.__dict__}"
        error = error.__cause__ or error.__context__
    assert MARK not in repr(command)


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(errors.AuthenticationFailed, match="no-such-program cannot be run: No such file") as caught:
        Command((f"/nowhere/{'no-such-program'}", MARK))()
    assert MARK not in str(caught.value)


def test_a_child_left_behind_is_not_waited_for() -> None:
    begun = time.monotonic()
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(8)']).wait()"
    with pytest.raises(errors.AuthenticationFailed, match="did not end"):
        running(code, timeout=0.5)()
    assert time.monotonic() - begun < 5
    gc.collect()


def test_a_password_command_opens_a_session(dovecot_login: Login, tmp_path: Path) -> None:
    login = dovecot_login
    store = tmp_path / "store"
    store.write_text(login.password + "\nuser: x\n")
    text = f"""
        [work]
        host = "{login.host}"
        port = {login.port}
        user = "{login.user}"
        tls = "none"
        password_command = ["{sys.executable}", "-c", "print(open('{store}').read())"]
    """
    path = tmp_path / "accounts.toml"
    path.write_text(text)
    path.chmod(0o600)
    account = Accounts.read(path).account("work")
    with imapdb.connect(account) as db:
        assert db(db.INBOX.uid > 0).count() == 0
    store.write_text("wrong\n")
    with pytest.raises(errors.AuthenticationFailed, match="did not accept"):
        Connection(account).open()
    store.unlink()
    with pytest.raises(errors.AuthenticationFailed, match="password_command: python"):
        Connection(account).open()


class KeyringError(Exception):
    pass


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """A keyring in memory; the user `broken` breaks it."""
    kept: dict[tuple[str, str], str] = {}

    def get_password(service: str, user: str) -> str | None:
        if user == "broken":
            raise KeyringError("the daemon is not there")
        return kept.get((service, user))

    def set_password(service: str, user: str, password: str) -> None:
        if user == "broken":
            raise KeyringError(f"cannot keep {password}")
        kept[service, user] = password

    module = types.ModuleType("keyring")
    module.__dict__.update(get_password=get_password, set_password=set_password)
    monkeypatch.setitem(sys.modules, "keyring", module)
    return kept


def test_the_keyring_is_asked_by_the_accounts_name(keyring: dict[tuple[str, str], str]) -> None:
    with pytest.raises(errors.AuthenticationFailed, match="keyring set imapdb work"):
        Keyring("work")()
    Keyring("work").keep(MARK)
    assert keyring == {("imapdb", "work"): MARK}
    assert Keyring("work")() == MARK
    assert MARK not in repr(Keyring("work"))


def test_a_keyring_that_does_not_answer(keyring: dict[tuple[str, str], str]) -> None:
    with pytest.raises(errors.AuthenticationFailed, match="KeyringError: the daemon is not there"):
        Keyring("broken")()
    with pytest.raises(errors.AuthenticationFailed, match="KeyringError") as caught:
        Keyring("broken").keep(MARK)
    error: BaseException | None = caught.value
    while error is not None:
        assert MARK not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__


def test_without_the_package_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(errors.NotSupportedError, match=r"pip install 'imapdb\[keyring\]'"):
        Keyring("work")()


secrets = st.text(string.ascii_letters + string.digits + string.punctuation + " äß€", max_size=30)


@settings(max_examples=10)
@given(secrets.map(lambda text: MARK + text))
def test_no_text_of_an_account_holds_what_was_fetched(secret: str) -> None:
    command = running(f"import sys; sys.stdout.buffer.write({secret.encode()!r})")
    assert command() == secret
    for account in (Account("h", "u", password=command), Account("h", "u", token=command)):
        assert MARK not in f"{account!r} {account} {account.url} {command!r}"
