"""Dovecot 2.3 with a configuration of its own in a temporary folder, as root or as anybody."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kit.server import (
    PASSWORD,
    MailServer,
    free_ports,
    running_port,
    tail,
    wait_for_greeting,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.kit.ca import Authority

CONTAINER_PORT = "IMAPDB_DOVECOT_PORT"
# The image takes any user with this password.
CONTAINER_PASSWORD = "pass"

_CONFIGURATION = """
base_dir = {folder}/run
log_path = {folder}/log
protocols = {protocols}
listen = 127.0.0.1
{accounts}
# The mail.
first_valid_uid = 1
mail_location = sdbox:~/mail
mail_fsync = never
namespace inbox {{
  inbox = yes
  separator = /
}}

# Any name with the one password is an account; its folder is made at the first login.
disable_plaintext_auth = no
login_trusted_networks = 127.0.0.0/8
mail_max_userip_connections = 100
auth_username_format = %u
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home/%u
}}

ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}

# No chroot: it needs privileges that containers do not always give.
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  # One process for all logins, running before the first.
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service imap {{
  process_limit = 300
}}
{more}
"""

_LMTP = """
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
"""


def _binary() -> str | None:
    return shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")


class Dovecot(MailServer):
    """The reference.

    `capability` is what it says it can (`imap_capability`), to try imapdb without an extension: the commands stay,
    only the announcement goes. `settings` are further lines of configuration, in which `{folder}` is a folder of
    its own; `files` are put there, by name, with the same done to them; the folder `home` of it holds the mail.
    `lmtp_port` takes mail by LMTP where dovecot-lmtpd is installed, else it is None.
    """

    name = "dovecot"
    starttls = True

    def __init__(
        self,
        authority: Authority,
        *,
        capability: str | None = None,
        settings: str = "",
        files: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(authority)
        self._files = files or {}
        self._settings = settings + (f"\nimap_capability = {capability}\n" if capability else "")
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self.lmtp_port: int | None = None

    @classmethod
    def missing(cls) -> str | None:
        if running_port(CONTAINER_PORT):
            return None
        binary = _binary()
        if binary is None:
            return "no dovecot binary"
        version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout.strip()
        if not version.startswith("2.3."):
            # 2.4 reads another configuration language and rejects every line above.
            return f"dovecot 2.3 is needed, {version or 'an unknown version'} was found"
        if not any(Path(folder, "imap").exists() for folder in _libexec(binary)):
            return "dovecot has no imap (package dovecot-imapd)"
        return None

    def start(self) -> None:
        port = running_port(CONTAINER_PORT)
        if port is not None and not self._settings:
            self.port, self.starttls, self.password = port, False, CONTAINER_PASSWORD
            return
        # Another program may take a port between our look and Dovecot's; then it ends and we look again.
        for _ in range(3):
            if self._started():
                return
        folder = self._folder or Path()
        raise RuntimeError(f"dovecot does not start\n{tail(folder / 'log')}\n{tail(folder / 'output')}")

    def stop(self) -> None:
        if self._process is not None:
            # Its processes are one group. Asked politely, the first waits a second for the others.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    @property
    def folder(self) -> Path:
        """Its folder. Raises RuntimeError where it does not run, or not here."""
        if self._folder is None:
            raise RuntimeError("dovecot was not started here")
        return self._folder

    @property
    def log(self) -> str:
        """What Dovecot logged so far."""
        return (self._folder / "log").read_text() if self._folder else ""

    def _started(self) -> bool:
        self.stop()
        # Not a folder of pytest: its path may be too long for the sockets (108 octets), and is closed to the
        # user that owns the mail.
        folder = self._folder = Path(tempfile.mkdtemp(prefix="imapdb-dovecot-"))
        folder.chmod(0o755)
        self.port, self.tls_port, lmtp_port = free_ports(3)
        configuration = folder / "dovecot.conf"
        configuration.write_text(self._configuration(folder, lmtp_port))
        with (folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [_binary() or "dovecot", "-F", "-c", str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.cafile = self.authority.ca_file
        return wait_for_greeting(self._process, self.port, 20, folder / "log")

    def _configuration(self, folder: Path, lmtp_port: int) -> str:
        accounts, uid, gid = _owners()
        (folder / "home").mkdir()
        os.chown(folder / "home", uid, gid)
        for name, content in self._files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content.replace("{folder}", str(folder)))
        more = self._settings.replace("{folder}", str(folder))
        has_lmtp = any(Path(libexec, "lmtp").exists() for libexec in _libexec(_binary() or ""))
        if has_lmtp:
            self.lmtp_port = lmtp_port
            more = _LMTP.format(lmtp_port=lmtp_port) + more
        return _CONFIGURATION.format(
            folder=folder,
            protocols="imap lmtp" if has_lmtp else "imap",
            accounts=accounts,
            uid=uid,
            gid=gid,
            # % starts a variable there.
            password=PASSWORD.replace("%", "%%"),
            certificate=self.authority.cert_file,
            key=self.authority.key_file,
            port=self.port,
            tls_port=self.tls_port,
            more=more,
        )


def _libexec(binary: str) -> list[str]:
    found = [str(Path(binary).parent.parent / "libexec" / "dovecot")] if binary else []
    return ["/usr/lib/dovecot", "/usr/libexec/dovecot", *found]


def _owners() -> tuple[str, int, int]:
    """Say which users the processes run as, and who owns the mail.

    Root uses the users the package made, and `nobody` for the mail; anybody else does everything as himself.
    """
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        return "", nobody.pw_uid, nobody.pw_gid
    user = pwd.getpwuid(os.geteuid()).pw_name
    group = grp.getgrgid(os.getegid()).gr_name
    lines = f"default_internal_user = {user}\ndefault_login_user = {user}\ndefault_internal_group = {group}\n"
    if re.search(r"\s", user + group):
        raise RuntimeError("dovecot cannot be configured for a user or group with blanks in its name")
    return lines, os.geteuid(), os.getegid()
