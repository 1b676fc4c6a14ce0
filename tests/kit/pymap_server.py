"""pymap, inside this process."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from imapdb.demo.embedded import EmbeddedServer
from tests.kit.server import MailServer

if TYPE_CHECKING:
    from tests.kit.ca import Authority
    from tests.kit.login import Login


class Pymap(MailServer):
    """The server of `imapdb demo`."""

    name = "pymap"
    starttls = True

    def __init__(self, authority: Authority) -> None:
        super().__init__(authority)
        self._embedded = EmbeddedServer(tls=authority.server_context())

    @classmethod
    def missing(cls) -> str | None:
        return None if importlib.util.find_spec("pymap") else 'pymap is not installed: pip install "imapdb[demo]"'

    def start(self) -> None:
        self._embedded.start()
        self.host, self.port, self.tls_port = self._embedded.host, self._embedded.port, self._embedded.tls_port
        self.cafile = self.authority.ca_file

    def stop(self) -> None:
        self._embedded.stop()

    def new_login(self) -> Login:
        login = super().new_login()
        self._embedded.add_user(login.user, login.password)
        return login
