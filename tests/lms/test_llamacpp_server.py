"""A real inference server: llama.cpp's own, over HTTP, with the model in the box, behind our client."""

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from rlm import RLM
from rlm.errors import CallCancelled, ConfigError, LMReplyError
from rlm.lms.llamacpp import BOX_FILE
from rlm.lms.openai import OpenAI
from rlm.lms.presets import PRESETS
from rlm.types import Message, Request

SLOTS, WINDOW = 4, 1024
ENDLESS = {"extra": {"ignore_eos": True, "temperature": 0}}

SERVE = """
import sys, xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.model_alias = {"nano"}
params.n_parallel, params.n_ctx = int(sys.argv[2]), int(sys.argv[2]) * int(sys.argv[3])
params.hostnames, params.port = ["127.0.0.1"], 0
params.verbosity, params.warmup = -1, False
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The base URL of a server in a process of its own."""
    command = [sys.executable, "-c", SERVE, str(BOX_FILE), str(SLOTS), str(WINDOW)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip() + "/v1"
        process.kill()


def lm(url: str, model: str = "", **options: Any) -> OpenAI:
    made = PRESETS["llamacpp-server"].client(model, base_url=url, **options)
    assert isinstance(made, OpenAI)
    return made


def request(text: str, max_tokens: int | None = None) -> Request:
    return Request((Message("user", text),), max_tokens)


def test_its_model_and_its_window(url: str) -> None:
    made = lm(url)
    assert (made.name, made.window) == ("llamacpp-server/nano", WINDOW)
    with pytest.raises(ConfigError, match="no model 'nanu'; it has llamacpp-server/nano; meant llamacpp-server/nano"):
        lm(url, "nanu")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_both_clients_read_the_same(url: str, stream: bool) -> None:
    made = lm(url, stream=stream, temperature=0.0)
    ours = asyncio.run(made.complete(request("Count the lines of the input.", 40)))
    messages: Any = [{"role": "user", "content": "Count the lines of the input."}]
    with openai.OpenAI(base_url=url, api_key="none") as client:
        theirs = client.chat.completions.create(model="nano", messages=messages, max_tokens=40, temperature=0)
    assert ours.text == theirs.choices[0].message.content
    assert theirs.usage is not None
    assert (ours.usage.input_tokens, ours.usage.output_tokens) == (
        theirs.usage.prompt_tokens,
        theirs.usage.completion_tokens,
    )
    assert (ours.cost, ours.retries) == (0.0, 0)


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_many_at_once(url: str, api: Any, stream: bool) -> None:
    made = lm(url, stream=stream, api=api, **ENDLESS)

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*(made.complete(request(f"Say {i}.", 16 + i)) for i in range(16)))

    replies = asyncio.run(all_of_them())
    assert [reply.usage.output_tokens for reply in replies] == [16 + i for i in range(16)]
    assert all(reply.text.strip() for reply in replies)


def test_a_growing_conversation_is_read_from_its_cache(url: str) -> None:
    made = lm(url, temperature=0.0)

    async def talk() -> tuple[Any, Any]:
        first = await made.complete(request("A question of its own, with some words to it.", 8))
        more = (
            Message("user", "A question of its own, with some words to it."),
            Message("assistant", first.text),
            Message("user", "And then?"),
        )
        return first, await made.complete(Request(more, 8))

    first, second = asyncio.run(talk())
    assert second.usage.cached_tokens >= first.usage.input_tokens


def test_a_cancelled_stream_frees_its_slot_and_tells_what_came(url: str) -> None:
    async def cancel_all() -> list[BaseException]:
        made = lm(url, stream=True, **ENDLESS)
        calls = [asyncio.create_task(made.complete(request("Go on."))) for _ in range(SLOTS)]
        for _ in range(500):
            if all(decoded(slot) >= 20 for slot in await asyncio.to_thread(slots, url)):
                break
            await asyncio.sleep(0.02)
        began = asyncio.get_running_loop().time()
        for call in calls:
            call.cancel()
        ended = [await ending(call) for call in calls]
        assert asyncio.get_running_loop().time() - began < 0.1
        for _ in range(100):
            if not any(slot["is_processing"] for slot in await asyncio.to_thread(slots, url)):
                return ended
            await asyncio.sleep(0.02)
        raise AssertionError("a slot goes on with a call that nobody waits for")

    errors = asyncio.run(cancel_all())
    for error in errors:
        assert isinstance(error, CallCancelled)
        assert error.usage.calls == 1
        assert error.usage.output_tokens > 0


async def ending(call: asyncio.Task[Any]) -> BaseException:
    try:
        await call
    except asyncio.CancelledError as error:  # as it is; `gather` would give a bare one in its place
        return error
    raise AssertionError("it was answered")


def decoded(slot: Any) -> int:
    """The tokens that a slot's call has had."""
    return sum(token["n_decoded"] for token in slot.get("next_token", ())) if slot["is_processing"] else 0


def slots(url: str) -> Any:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/slots") as answer:
        return json.load(answer)


def test_a_prompt_that_does_not_fit_tells_the_window(url: str) -> None:
    made = lm(url, window=10**6)
    with pytest.raises(
        LMReplyError, match=rf"the prompt is too long \(llamacpp-server/nano takes {WINDOW:,}"
    ) as caught:
        asyncio.run(made.complete(request("word " * 3000)))
    assert (caught.value.fault, caught.value.usage) == ("too_long", None)


def test_a_run_on_it(url: str) -> None:
    made = lm(url, temperature=0.0, max_tokens=200, extra={"stop": ["\n```repl"]})
    done = RLM(model=made).completion("How many times does Zelkova appear?", context="Zelkova\nZelkova\noak, Zelkova\n")
    assert (done.answer, done.status, done.route, done.cost) == (3, "done", "rlm", 0.0)
