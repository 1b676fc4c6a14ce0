"""Servers of Debian packages that exclude each other: unpacked into .cache/ by .ci/unpack-servers, not installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from abc import abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tests.kit.server import MailServer, free_ports, tail, wait_for_greeting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.kit.ca import Authority

_CACHE = Path(__file__).parents[2] / ".cache"


class UnpackedServer(MailServer):
    """A server in a temporary folder: its programs, its settings and its mail.

    The programs are copied, as the user that runs them may not see the project, and as a blank in its path would end
    a word of their settings.
    """

    # Below .cache/<name>/: what must be there.
    programs: ClassVar[tuple[str, ...]]

    starttls = True

    def __init__(self, authority: Authority) -> None:
        super().__init__(authority)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._folder: Path | None = None
        # The servers will not work as root.
        self.owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())

    @classmethod
    def missing(cls) -> str | None:
        lacking = [name for name in cls.programs if not (_CACHE / cls.name / name).exists()]
        if lacking:
            return f"no {lacking[0]} in .cache/{cls.name}: run .ci/unpack-servers"
        # Packages of one Debian do not run on the libraries of another.
        program = _CACHE / cls.name / cls.programs[0]
        found = subprocess.run(
            ["ldd", str(program)],
            env={**os.environ, "LD_LIBRARY_PATH": _library_path(_CACHE / cls.name)},
            capture_output=True,
            text=True,
            check=False,
        )
        if lost := [line.split()[0] for line in found.stdout.splitlines() if "not found" in line]:
            return f"{program.name} lacks {lost[0]} here"
        return None

    def start(self) -> None:
        # Another program may take a port between our look and the server's; then it ends and we look again.
        for _ in range(3):
            if self._started():
                return
        raise RuntimeError(f"{self.name} does not start\n{tail((self._folder or Path()) / 'output')}")

    def stop(self) -> None:
        for process in self._processes:
            # Each is the first of a group.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    @abstractmethod
    def _prepare(self, folder: Path) -> None:
        """Write what the server reads. Everything in `folder` is then given to the owner."""

    @abstractmethod
    def _run(self, folder: Path) -> subprocess.Popen[bytes]:
        """Start it with `_spawn`, and return the process that listens on `port`."""

    def _started(self) -> bool:
        self.stop()
        folder = self._folder = Path(tempfile.mkdtemp(prefix=f"imapdb-{self.name}-"))
        folder.chmod(0o755)
        self.port, self.tls_port = free_ports(2)
        self.cafile = self.authority.ca_file
        for part in ("usr", "lib"):
            if (_CACHE / self.name / part).exists():
                shutil.copytree(_CACHE / self.name / part, folder / part, symlinks=True)
        self._prepare(folder)
        for path in [folder, *folder.glob("*")]:
            os.chown(path, self.owner.pw_uid, self.owner.pw_gid)
        return wait_for_greeting(self._run(folder), self.port, 30, folder / "output")

    def _spawn(
        self, arguments: Iterable[str | Path], environment: Mapping[str, str], *, as_owner: bool = False
    ) -> subprocess.Popen[bytes]:
        folder = self._folder or Path()
        # Only root may become somebody else.
        uid, gid = (self.owner.pw_uid, self.owner.pw_gid) if as_owner and os.geteuid() == 0 else (None, None)
        with (folder / "output").open("ab") as output:
            process = subprocess.Popen(
                [str(argument) for argument in arguments],
                cwd=folder,
                env={"PATH": os.defpath, "LD_LIBRARY_PATH": _library_path(folder), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                user=uid,
                group=gid,
            )
        self._processes.append(process)
        return process


def _library_path(folder: Path) -> str:
    """Name the folders of the unpacked libraries, those of the machine's architecture too."""
    parts = [path for part in ("usr/lib", "lib") for path in (folder / part, *(folder / part).glob("*-linux-*"))]
    return ":".join(str(path) for path in parts)
