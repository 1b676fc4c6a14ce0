"""Where a password or token is fetched from when a session opens: a program, or the system's keyring.

Both are callables, for `Account.password` and `Account.token`. What they fetch is in none of their texts: a program's
standard error is repeated where it fails, its standard output never.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import shlex
import subprocess
from contextlib import suppress
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from imapdb.errors import AuthenticationFailed, NotSupportedError, ProgrammingError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Command", "Keyring"]

SERVICE = "imapdb"  # under which the keyring knows us
COMMAND_TIMEOUT = 60.0  # seconds: time enough to type the passphrase of a password store
MAX_COMPLAINT = 300  # characters


@dataclasses.dataclass(frozen=True, repr=False)
class Command:
    """A program whose first line of output is the secret. No shell is between us and it.

    `called` is what the account's file calls it: `password_command` or `token_command`.
    """

    arguments: tuple[str, ...]
    called: str = "password_command"
    timeout: float = COMMAND_TIMEOUT

    @classmethod
    def parse(cls, written: str | Sequence[str], called: str) -> Command:
        """Read a command as one text, split as a shell would split it, or as a list of its words.

        Raises ProgrammingError for one without words.
        """
        words: Sequence[str] = ()
        if not isinstance(written, str):
            words = written
        elif os.name == "nt":
            # There a program gets one text and splits it itself; a backslash is part of a path.
            words = [written] if written.strip() else []
        else:
            # What is wrong with it is not chained: a shell's quoting error may repeat the text.
            with suppress(ValueError):
                words = shlex.split(written)
        if not words or not words[0] or any("\0" in word for word in words):
            raise ProgrammingError(f"{called} is empty or its quotes do not match")
        return cls(tuple(words), called)

    @property
    def program(self) -> str:
        """The program's name, without its arguments, which may be private."""
        return PurePath(self.arguments[0].split(" ")[0] if os.name == "nt" else self.arguments[0]).name

    def __repr__(self) -> str:
        return f"<{self.called} {self.program} …>"

    def __call__(self) -> str:
        """Run it and return the first line it prints.

        Raises AuthenticationFailed where it cannot be run, fails, prints nothing or does not end in time.
        """
        said, complaint, code = self._run()
        secret = said.split(b"\n", 1)[0].rstrip(b"\r")
        if code or not secret:
            reason = f"ended with {code}" if code else "printed nothing"
            raise AuthenticationFailed(f"{self.called}: {self.program} {reason}{_repeated(complaint, said)}")
        with suppress(UnicodeDecodeError):
            return secret.decode("utf-8")
        raise AuthenticationFailed(f"{self.called}: {self.program} printed what is no UTF-8")

    def _run(self) -> tuple[bytes, bytes, int]:
        failure: str
        try:
            process = subprocess.Popen(  # noqa: S603 - running what the user's own file names is what this is for
                self.arguments[0] if os.name == "nt" and len(self.arguments) == 1 else self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            failure = f"cannot be run: {error.strerror or error}"
        else:
            try:
                said, complaint = process.communicate(timeout=self.timeout)
            except subprocess.TimeoutExpired:
                failure = f"did not end within {self.timeout:g} s"
            else:
                return said, complaint, process.returncode
            finally:
                _end(process)
        # Outside of the except clauses, whose errors hold the arguments and the output.
        raise AuthenticationFailed(f"{self.called}: {self.program} {failure}")


@dataclasses.dataclass(frozen=True)
class Keyring:
    """The password the system's keyring holds for an account of the file, by way of the package `keyring`."""

    account: str

    def __call__(self) -> str:
        """Fetch it.

        Raises AuthenticationFailed where there is none or the keyring does not open, NotSupportedError without
        the package.
        """
        password = self._ask("get_password", SERVICE, self.account)
        if not password:
            raise AuthenticationFailed(
                f"the keyring has no password for {self.account!r}; put one there: keyring set {SERVICE} {self.account}"
            )
        return str(password)

    def keep(self, password: str) -> None:
        """Put a password there. Raises as asking for it does."""
        self._ask("set_password", SERVICE, self.account, password)

    def _ask(self, function: str, *arguments: str) -> Any:
        failure: str
        try:
            keyring = importlib.import_module("keyring")
        except ImportError:
            raise NotSupportedError(
                f"the password of {self.account!r} is in the keyring, and the package for that is missing: "
                "pip install 'imapdb[keyring]'"
            ) from None
        try:
            return getattr(keyring, function)(*arguments)
        except Exception as error:  # noqa: BLE001 - each backend has its own
            # A backend's text might hold what it was given.
            failure = type(error).__name__
            if not any(argument in str(error) for argument in arguments[2:]):
                failure += f": {error}"
        raise AuthenticationFailed(f"the keyring does not answer for {self.account!r}: {failure}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that did not end, and let go of its output, which a child of its own may still hold open."""
    if process.poll() is None:
        process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=1)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None and os.name != "nt":
            pipe.close()
    process.wait()


def _repeated(complaint: bytes, said: bytes) -> str:
    """Make one line of a program's standard error; nothing of it where it repeats what was printed."""
    text = " ".join(complaint.decode("utf-8", "replace").split())
    printed = [line for line in said.decode("utf-8", "replace").split() if line]
    if not text or any(word in text for word in printed):
        return ""
    return ": " + "".join(char if char.isprintable() else " " for char in text)[:MAX_COMPLAINT]
