"""What holds for every test: no network but loopback, a home for runs of its own, and, where asked, no skips."""

import ipaddress
import os
import sys

import pytest


def _is_loopback(host):
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_network(event, args):
    """An audit hook: sees what every library does, and can't be patched away."""
    if event == "socket.getaddrinfo":
        host = args[0].decode() if isinstance(args[0], bytes) else args[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
        host = args[1][0]
    else:
        return
    if not _is_loopback(host):
        raise PermissionError(f"tests reach loopback addresses only, not {host}")


sys.addaudithook(_refuse_network)


def pytest_addoption(parser):
    parser.addoption("--no-skips", action="store_true", help="a skipped test fails the session")


@pytest.fixture(autouse=True)
def _home_of_its_own(tmp_path_factory, monkeypatch):
    """Runs go to a temporary folder, and no key or model of the machine's user is seen."""
    monkeypatch.setenv("RLM_HOME", str(tmp_path_factory.mktemp("rlm-home")))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("rlm-config")))
    for name in list(os.environ):
        if name in ("RLM_MODEL", "RLM_SUB_MODEL", "RLM_CONFIG") or name.endswith(("_API_KEY", "_BASE_URL")):
            monkeypatch.delenv(name)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and session.config.getoption("--no-skips"):
        reporter.write_line(f"{len(skipped)} skipped, and --no-skips was asked for", red=True)
        session.exitstatus = 1
