"""`random` in a worker: seeded at once where it is loaded, and otherwise when it is."""

import importlib
import inspect
import random
import sys

import pytest

from rlm.sandbox import chance


@pytest.fixture
def unloaded(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.delitem(sys.modules, "random")


def test_it_is_seeded_at_once_where_it_is_loaded():
    state = random.getstate()
    try:
        chance.seed(7)
        assert random.random() == random.Random(7).random()
    finally:
        random.setstate(state)


def test_it_is_seeded_when_it_is_loaded(unloaded):
    finders = list(sys.meta_path)
    chance.seed(6)
    chance.seed(7)
    module = importlib.import_module("random")
    assert module is not random
    assert module.random() == random.Random(7).random()
    assert inspect.getsource(module) == inspect.getsource(random)
    assert sys.meta_path == finders


def test_other_modules_are_found_as_ever(unloaded):
    chance.seed(7)
    assert importlib.util.find_spec("json.tool").origin.endswith("tool.py")
    assert "random" not in sys.modules
