"""GreenMail: its standalone jar in a Java of its own, or the container of docker-compose.test.yml."""

from __future__ import annotations

import imaplib
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kit.login import TIMEOUT
from tests.kit.server import MailServer, free_ports, running_port, tail, wait_for_greeting

if TYPE_CHECKING:
    from tests.kit.ca import Authority

CONTAINER_PORT = "IMAPDB_GREENMAIL_PORT"
_PROJECT = Path(__file__).parents[2]


def _version(jar: Path) -> list[int]:
    return [int(part) for part in jar.stem.rpartition("-")[2].split(".") if part.isdigit()]


def find_jar() -> Path | None:
    """Find $GREENMAIL_JAR, else the newest jar in .cache/greenmail, else the newest Maven has fetched."""
    if named := os.environ.get("GREENMAIL_JAR"):
        return Path(named) if Path(named).is_file() else None
    repository = Path.home() / ".m2/repository/com/icegreen/greenmail-standalone"
    for jars in (
        (_PROJECT / ".cache/greenmail").glob("**/greenmail-standalone-*.jar"),
        repository.glob("*/greenmail-standalone-*.jar"),
    ):
        if found := sorted(jars, key=_version):
            return found[-1]
    return None


class GreenMail(MailServer):
    """GreenMail makes an account at the first login, whatever the password.

    2.1 offers no STARTTLS. `smtp_port` takes mail for `user@localhost`; None when the server is a container.
    """

    name = "greenmail"
    delimiter = "."

    def __init__(self, authority: Authority) -> None:
        super().__init__(authority)
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self.smtp_port: int | None = None

    @classmethod
    def missing(cls) -> str | None:
        if running_port(CONTAINER_PORT):
            return None
        if shutil.which("java") is None:
            return "no java"
        if find_jar() is None:
            return "no greenmail-standalone jar in $GREENMAIL_JAR, .cache/greenmail or ~/.m2"
        return None

    def start(self) -> None:
        port = running_port(CONTAINER_PORT)
        if port is not None:
            self.port = port
            return
        # Another program may take a port between our look and Java's; then we look again.
        for _ in range(3):
            if self._started():
                return
        raise RuntimeError(f"greenmail does not start\n{tail((self._folder or Path()) / 'output')}")

    def stop(self) -> None:
        if self._process is not None:
            # Its mail is in memory; a polite end would take 1.5 s.
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _started(self) -> bool:
        self.stop()
        folder = self._folder = Path(tempfile.mkdtemp(prefix="imapdb-greenmail-"))
        self.port, self.tls_port, self.smtp_port, api_port = free_ports(4)
        self.cafile = self.authority.ca_file
        options = {
            "hostname": "127.0.0.1",
            "imap.port": self.port,
            "imaps.port": self.tls_port,
            "smtp.port": self.smtp_port,
            # Its web interface cannot be left out, and would take 8080.
            "api.port": api_port,
            "auth.disabled": "",
            "startup.timeout": 30000,
            "tls.keystore.file": self.authority.keystore_file,
            "tls.keystore.password": self.authority.keystore_password,
        }
        with (folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [
                    "java",
                    # It starts in half the time with one simple collector and one compiler, and stays small.
                    "-Xmx256m",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    *(
                        f"-Dgreenmail.{key}={value}" if value else f"-Dgreenmail.{key}"
                        for key, value in options.items()
                    ),
                    "-jar",
                    str(find_jar()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return wait_for_greeting(self._process, self.port, 60, folder / "output") and self._lets_in()

    def _lets_in(self) -> bool:
        """Log in until it works: GreenMail 2.1 greets before it has read that no password is needed."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with imaplib.IMAP4(self.host, self.port, TIMEOUT) as client, suppress(imaplib.IMAP4.error):
                client.login("first", self.password)
                return True
            time.sleep(0.01)
        return False
