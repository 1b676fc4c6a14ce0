"""The servers, one of each for the run, and a fresh account on them for every test that asks.

A server that cannot be run here takes the tests that need it out of the collection, and the summary says so. In CI
(environment variable CI) it ends the run instead.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.kit.ca import Authority
from tests.kit.servers import SERVERS, Courier, Cyrus, Dovecot, GreenMail, Login, MailServer, Pymap
from tests.kit.told import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

settings.register_profile("short", max_examples=25, deadline=None)
settings.register_profile("long", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("PROFILE") or "short")

# Why a server is missing, and how many tests went with it: for the summary.
_missing = pytest.StashKey[dict[str, str]]()
_left_out = pytest.StashKey[Counter[str]]()


def _servers_of(item: pytest.Item) -> set[str]:
    """Name the servers a test needs, from its fixtures and from the parameter of `mail_server`."""
    names = set(getattr(item, "fixturenames", ())) & set(SERVERS)
    callspec = getattr(item, "callspec", None)
    if callspec is not None and "mail_server" in callspec.params:
        names.add(callspec.params["mail_server"])
    return names


def _is_ci() -> bool:
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    needed = {item: _servers_of(item) for item in items}
    reasons = {name: SERVERS[name].missing() for name in sorted(set().union(*needed.values()))}
    missing = {name: reason for name, reason in reasons.items() if reason}
    if missing and _is_ci():
        lines = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
        pytest.exit(f"CI tests every server, and some cannot be run: {lines}", returncode=1)
    out = [item for item in items if needed[item] & set(missing)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if not needed[item] & set(missing)]
    config.stash[_missing] = missing
    config.stash[_left_out] = Counter(name for item in out for name in needed[item] & set(missing))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over to the process that writes the summary (pytest-xdist) what stands in it."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["sections"] = SECTIONS
        output["missing"] = session.config.stash.get(_missing, {})
        left_out: Counter[str] = session.config.stash.get(_left_out, Counter())
        output["left_out"] = dict(left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take it. What is left out is the same in every process: each collects all tests."""
    output = getattr(node, "workeroutput", {})
    SECTIONS.update(output.get("sections", {}))
    node.config.stash[_missing] = output.get("missing", {})
    node.config.stash[_left_out] = Counter(output.get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for title, lines in SECTIONS.items():
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)
    left_out = config.stash.get(_left_out, Counter[str]())
    for name, reason in config.stash.get(_missing, {}).items():
        terminalreporter.write_line(f"not tested: {name} ({reason}), {left_out[name]} tests left out", yellow=True)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def _run(server: MailServer) -> Iterator[MailServer]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def pymap(authority: Authority) -> Iterator[MailServer]:
    yield from _run(Pymap(authority))


@pytest.fixture(scope="session")
def dovecot(authority: Authority) -> Iterator[MailServer]:
    yield from _run(Dovecot(authority))


@pytest.fixture(scope="session")
def greenmail(authority: Authority) -> Iterator[MailServer]:
    yield from _run(GreenMail(authority))


@pytest.fixture(scope="session")
def cyrus(authority: Authority) -> Iterator[MailServer]:
    yield from _run(Cyrus(authority))


@pytest.fixture(scope="session")
def courier(authority: Authority) -> Iterator[MailServer]:
    yield from _run(Courier(authority))


@pytest.fixture(scope="session", params=list(SERVERS))
def mail_server(request: pytest.FixtureRequest) -> MailServer:
    """Each server in turn. Only the one asked for is started."""
    server = request.getfixturevalue(request.param)
    assert isinstance(server, MailServer)
    return server


@pytest.fixture
def login(mail_server: MailServer) -> Login:
    """A fresh, empty account, on each server in turn."""
    return mail_server.new_login()


@pytest.fixture
def pymap_login(pymap: MailServer) -> Login:
    return pymap.new_login()


@pytest.fixture
def dovecot_login(dovecot: MailServer) -> Login:
    return dovecot.new_login()


@pytest.fixture
def greenmail_login(greenmail: MailServer) -> Login:
    return greenmail.new_login()


@pytest.fixture(scope="session")
def dovecot_with(authority: Authority) -> Iterator[Callable[[str], MailServer]]:
    """Dovecot announcing other capabilities: `dovecot_with("IMAP4rev1 LITERAL+")`. Started once for each text."""
    started: dict[str, Dovecot] = {}

    def with_capability(capability: str) -> MailServer:
        if capability not in started:
            started[capability] = Dovecot(authority, capability=capability)
            started[capability].start()
        return started[capability]

    try:
        yield with_capability
    finally:
        for server in started.values():
            server.stop()
