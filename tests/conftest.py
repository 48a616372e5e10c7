"""What holds for every test: no network but loopback, a home for runs of its own, and, where asked, no skips."""

import gc
import ipaddress
import itertools
import os
import pathlib
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
# What is imported to collect the tests, with the SDKs a million objects, is never garbage: to look through it again and
# again took a fifth of all tests' time.
gc.disable()
# No test needs the certificates that the machine trusts: to read all of them takes 50 ms for each client and process.
os.environ["SSL_CERT_FILE"] = str(pathlib.Path(__file__).parent / "lms" / "fakes" / "localhost.pem")


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


def pytest_addoption(parser):
    parser.addoption("--no-skips", action="store_true", help="a skipped test fails the session")


@pytest.fixture(scope="session")
def _homes(tmp_path_factory):
    """Folders that are named and not made: what needs one makes it."""
    base = tmp_path_factory.mktemp("homes")
    return (base / str(n) for n in itertools.count())


@pytest.fixture(autouse=True)
def _home_of_its_own(_homes, monkeypatch):
    """Runs go to a folder of the test's own, and no key or model of the machine's user is seen."""
    home = next(_homes)
    monkeypatch.setenv("RLM_HOME", str(home / "rlm"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
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
