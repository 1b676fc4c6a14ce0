"""Every server the tests know, by name."""

from __future__ import annotations

from tests.kit.courier import Courier
from tests.kit.cyrus import Cyrus
from tests.kit.dovecot import Dovecot
from tests.kit.greenmail import GreenMail
from tests.kit.login import Login
from tests.kit.pymap_server import Pymap
from tests.kit.server import MailServer

__all__ = ["SERVERS", "Courier", "Cyrus", "Dovecot", "GreenMail", "Login", "MailServer", "Pymap"]

SERVERS: dict[str, type[MailServer]] = {kind.name: kind for kind in (Pymap, Dovecot, GreenMail, Cyrus, Courier)}
