"""What the wire clients share."""

import json
from typing import Any

import pytest

from rlm.errors import ConfigError, LMRefusedError, LMReplyError, MissingKeyError
from rlm.lms import window, wire
from rlm.lms.base import Price
from rlm.lms.http import Policy
from rlm.lms.wire import WireClient
from rlm.trace.store import home
from rlm.types import Message, Request, Usage


def client(url: str = "https://models.example/v1", **options: Any) -> WireClient:
    settings = {"headers": {"x-api-key": "sk-secret"}, "window": None, "price": None, "policy": Policy(), **options}
    return WireClient("p/m", "m", url, **settings)


def test_a_body_keeps_its_order_and_has_no_half_characters() -> None:
    assert wire.encode({"b": "é\n", "a": [1, None]}) == '{"b":"é\\n","a":[1,null]}'.encode()
    assert json.loads(wire.encode({"a": "x\ud800y\U0001f389\udc00"}))["a"] == "x\ufffdy\U0001f389\ufffd"


@pytest.mark.parametrize(
    ("given", "variables", "key"),
    [
        ("sk-a", {}, "sk-a"),
        (None, {"B_KEY": "sk-b"}, "sk-b"),
        (" ", {"A_KEY": " ", "B_KEY": "sk-b\n"}, "sk-b"),
        ("", {}, ""),
    ],
)
def test_the_key(given: str | None, variables: dict[str, str], key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert wire.find_key(given, ("A_KEY", "B_KEY")) == key


def test_a_key_that_is_missing_is_told_with_its_variables() -> None:
    wire.check_key(False, "p/m", "127.0.0.1", ("A_KEY",), "h")
    with pytest.raises(MissingKeyError, match="p/m at h needs a key: set A_KEY or B_KEY"):
        wire.check_key(False, "p/m", "h", ("A_KEY", "B_KEY"), "h")


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("https://h/v1", "/chat", "https://h/v1/chat"),
        ("https://h/v1/", "/chat", "https://h/v1/chat"),
        ("https://h", "/chat", "https://h/chat"),
        ("https://h/v1?api-version=1", "/chat", "https://h/v1/chat?api-version=1"),
    ],
)
def test_where_a_path_is(base: str, path: str, url: str) -> None:
    assert wire.join(base, path) == url


@pytest.mark.parametrize(("said", "tokens"), [(5, 5), (-5, 0), (10**400, 10**9), ("5", 0), (None, 0), (2.5, 0)])
def test_a_count_is_believed_as_far_as_it_can_be(said: object, tokens: int) -> None:
    assert wire.count({"n": said}, "n") == tokens
    assert wire.count(said, "n") == 0


@pytest.mark.parametrize(
    ("said", "usd"),
    [(0.5, 0.5), (0, 0.0), (-1, None), (float("nan"), None), (10**400, None), ("1", None), (None, None)],
)
def test_a_charge_is_believed_as_far_as_it_can_be(said: object, usd: float | None) -> None:
    assert wire.dollars(said) == usd


def test_usage_that_nobody_reports_is_estimated_and_not_low() -> None:
    request = Request((Message("user", "a" * 350), Message("assistant", "b" * 35)))
    assert wire.estimated(request, "c" * 70) == Usage(1, 101 + 11, 21)
    assert wire.estimated(request, [{"text": "c"}]).output_tokens == 5


def test_what_the_endpoint_charged_stands_before_the_price() -> None:
    lm = client(price=Price(1.0, 2.0))
    assert lm._cost(Usage(1, 10**6, 10**6)) == 3.0
    assert lm._cost(Usage(1, 10**6, 10**6), 0.25) == 0.25
    assert client()._cost(Usage(1, 1, 1)) is None


def test_models_keys_and_endpoints_have_their_own_pace_and_no_key_is_in_its_name() -> None:
    accounts = {
        client()._account,
        client()._account,
        client(headers={"X-API-Key": "sk-other"})._account,
        client("https://elsewhere.example/v1")._account,
        client("https://models.example:8443/v1")._account,
        WireClient(
            "p/n", "n", "https://models.example/v1", headers={}, window=None, price=None, policy=Policy()
        )._account,
    }
    assert len(accounts) == 5
    assert "sk-" not in str(accounts)
    assert (
        repr(client("https://models.example/v1?key=sk-secret"))
        == "WireClient('m', base_url='https://models.example/v1')"
    )


@pytest.mark.parametrize(("url", "kept"), [("https://models.example/v1", True), ("http://localhost:1/v1", False)])
def test_a_prompt_that_is_too_long_teaches_the_window(url: str, kept: bool) -> None:
    lm = client(url)
    assert lm.window is None
    told = lm._refusal(LMRefusedError("400: maximum context length is 8,192 tokens", 400))
    assert isinstance(told, LMReplyError)
    assert (told.fault, told.usage) == ("too_long", None)
    assert str(told) == (
        "p/m: the prompt is too long (p/m takes 8,192 tokens): split it, or send less; "
        "400: maximum context length is 8,192 tokens"
    )
    assert lm.window == window.learnt("p/m") == 8192
    assert (home() / "windows.json").exists() == kept
    assert client(url, window=1000).window == 1000


def test_a_window_that_the_error_does_not_name_is_not_learnt() -> None:
    lm = client()
    told = lm._refusal(LMRefusedError("400: too much", 400, {"code": "context_length_exceeded"}))
    assert str(told) == "p/m: the prompt is too long: split it, or send less; 400: too much"
    assert lm.window is None


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "; the key is `api_key` or the variable P_KEY"),
        (403, "; the key is `api_key` or the variable P_KEY"),
        (404, "; is 'm' a model at models.example, and https://models.example/v1 the right base URL?"),
        (400, ""),
        (None, ""),
    ],
)
def test_a_refusal_says_what_to_do(status: int | None, hint: str) -> None:
    told = client(key_variables=("P_KEY",))._refusal(LMRefusedError("no", status, {"code": "x"}))
    assert isinstance(told, LMRefusedError)
    assert (str(told), told.status, told.error) == (f"p/m: no{hint}", status, {"code": "x"})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "models.example/v1"}, "must look like https://host/v1"),
        ({"url": "https://u:p@models.example/v1"}, "must not hold a password"),
        ({"headers": {"X-A": "b\r\nX-C: d"}}, "a header holds a control character: 'X-A'"),
    ],
)
def test_what_can_not_be_sent_is_told_before_anything_runs(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        client(**options)
