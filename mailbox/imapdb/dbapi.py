"""The PEP 249 module of imapdb: `imapdb.dbapi.connect(url)`."""

from imapdb.sql.dbapi import *  # noqa: F403 - the module is the names PEP 249 lists, all of them
from imapdb.sql.dbapi import __all__ as __all__  # noqa: PLC0414 - the same names
