"""Cyrus IMAP 3.6 from an unpacked package."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from tests.kit.unpacked import UnpackedServer

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

_SETTINGS = """
configdirectory: {folder}/state
partition-default: {folder}/mail
defaultpartition: default
cyrus_user: {user}
servername: localhost
duplicatesuppression: no
skiplist_unsafe: yes

# Any name with any password is an account; it gets its INBOX at the first login.
allowplaintext: yes
sasl_pwcheck_method: alwaystrue
sasl_mech_list: PLAIN
autocreate_quota: 0
autocreate_users: anyone

tls_server_cert: {folder}/certificate
tls_server_key: {folder}/key
"""

_SERVICES = """
START {{
  idled cmd="{programs}/idled -C {folder}/imapd.conf"
}}
SERVICES {{
  imap cmd="{programs}/imapd -C {folder}/imapd.conf" listen="127.0.0.1:{port}" prefork=2
  imaps cmd="{programs}/imapd -s -C {folder}/imapd.conf" listen="127.0.0.1:{tls_port}" prefork=0
}}
"""

_PROGRAMS = "usr/lib/cyrus/bin"


class Cyrus(UnpackedServer):
    """Cyrus takes any password. It writes its log to syslog alone."""

    name = "cyrus"
    refused = '"%\\'
    programs = (f"{_PROGRAMS}/imapd", f"{_PROGRAMS}/master", f"{_PROGRAMS}/idled")

    def _prepare(self, folder: Path) -> None:
        # It makes the other folders itself.
        (folder / "state/socket").mkdir(parents=True)
        (folder / "mail").mkdir()
        os.chown(folder / "state/socket", self.owner.pw_uid, self.owner.pw_gid)
        shutil.copy(self.authority.cert_file, folder / "certificate")
        shutil.copy(self.authority.key_file, folder / "key")
        (folder / "imapd.conf").write_text(_SETTINGS.format(folder=folder, user=self.owner.pw_name))
        services = _SERVICES.format(folder=folder, programs=folder / _PROGRAMS, port=self.port, tls_port=self.tls_port)
        (folder / "cyrus.conf").write_text(services)

    def _run(self, folder: Path) -> subprocess.Popen[bytes]:
        master = folder / _PROGRAMS / "master"
        # -D: it stays, and leads the group of what it starts.
        settings = ("-C", folder / "imapd.conf", "-M", folder / "cyrus.conf", "-p", folder / "pid")
        return self._spawn((master, "-D", *settings), {"CYRUS_USER": self.owner.pw_name}, as_owner=True)
