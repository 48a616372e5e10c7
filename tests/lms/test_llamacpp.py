"""llama.cpp in this process, on models whose replies are known because their weights say them."""

import asyncio
import itertools
import json
import subprocess
import sys
import time

import pytest

from lms.bigram import ASSISTANT, END, TEMPLATE, chain, write_bigram
from rlm import Message, Price, Request, Usage
from rlm.errors import ConfigError, LMRefusedError, LMReplyError
from rlm.lms.llamacpp import LlamaCpp

X = ord("x")
# That there is thinking, and between which tags, llama.cpp reads off the template.
THINKING = TEMPLATE.replace(
    "{{ message['content'] }}",
    "{% if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif %}{{ message.content }}",
)
THINK = dict(itertools.pairwise([ASSISTANT, *b"<think>"]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def hello(folder):
    """Always answers `helo wrd`."""
    return write_bigram(folder / "hello.gguf", chain("helo wrd"))


@pytest.fixture(scope="module")
def endless(folder):
    """Answers `xxx...`, and never ends by itself."""
    return write_bigram(folder / "endless.gguf", {ASSISTANT: X, X: X}, window=4096)


def model(path, **options):
    return LlamaCpp(path, **{"threads": 1, "temperature": 0, **options})


def ask(lm, *texts, **options):
    roles = ["user", "assistant"] * len(texts)
    messages = tuple(Message(role, text) for role, text in zip(roles, texts, strict=False))
    return lm.complete(Request(messages, **options))


def test_reply(hello):
    reply = asyncio.run(ask(model(hello), "hi"))
    assert (reply.text, reply.finish, reply.model, reply.retries) == ("helo wrd", "stop", "llamacpp/hello", 0)
    # <|user|> h i <|end|> <|assistant|>, and eight bytes with <|end|>
    assert (reply.usage.calls, reply.usage.input_tokens, reply.usage.output_tokens) == (1, 5, 9)
    assert reply.cost == 0.0


def test_cost_follows_the_price_that_a_caller_sets(hello):
    lm = model(hello)
    lm.price = Price(1e6, 2e6)
    assert asyncio.run(ask(lm, "hi")).cost == 5 + 2 * 9
    lm.price = None
    assert asyncio.run(ask(lm, "hi")).cost is None


def test_the_token_limit_of_the_request_ends_a_reply(endless):
    reply = asyncio.run(ask(model(endless), "hi", max_tokens=7))
    assert (reply.text, reply.finish, reply.usage.output_tokens) == ("xxxxxxx", "length", 7)


def test_the_window_ends_a_reply(folder):
    path = write_bigram(folder / "narrow.gguf", {ASSISTANT: X, X: X}, window=256)
    lm = model(path)
    reply = asyncio.run(ask(lm, "hi"))
    assert lm.window == 256
    assert (reply.finish, reply.usage.tokens) == ("length", 256)


def test_what_is_sent_and_the_request_has_the_last_word(hello):
    lm = model(hello, temperature=0.5, max_tokens=9, extra={"seed": 3})
    body = json.loads(lm._body(Request((Message("user", "hi"),))))
    assert body == {
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        "max_tokens": 9,
        "temperature": 0.5,
        "seed": 3,
    }
    body = json.loads(lm._body(Request((), max_tokens=5, temperature=0.0)))
    assert (body["temperature"], body["max_tokens"]) == (0.0, 5)
    assert "temperature" not in json.loads(model(hello, temperature=None)._body(Request(())))
    assert asyncio.run(ask(model(hello, max_tokens=4), "hi")).text == "helo"


def test_extra_can_not_set_what_is_ours(hello):
    with pytest.raises(ConfigError, match="extra can't set n, stream"):
        model(hello, extra={"stream": False, "n": 2, "seed": 1})


def test_a_growing_conversation_is_read_from_the_cache(hello):
    async def talk():
        lm = model(hello)
        question = "a question of its own"
        first = await ask(lm, question)
        return first, await ask(lm, question, first.text, "and then?")

    first, second = asyncio.run(talk())
    assert second.usage.cached_tokens >= first.usage.tokens - 1
    assert second.usage.input_tokens == first.usage.tokens + len("and then?") + 3


def test_a_conversation_outlasts_sub_calls_that_take_every_slot(endless):
    async def talk():
        lm = model(endless, slots=2)
        question = "what is left when others have come and gone? " * 4
        first = await ask(lm, question, max_tokens=4)
        await asyncio.gather(*(ask(lm, f"{i}" * 200, max_tokens=4) for i in range(6)))
        return first, await ask(lm, question, first.text, "more", max_tokens=4)

    first, second = asyncio.run(talk())
    assert second.usage.cached_tokens >= first.usage.input_tokens


def test_many_calls_at_once_get_each_its_own_reply(folder):
    follows = {ASSISTANT: X, X: X}
    lm = model(write_bigram(folder / "many.gguf", follows), slots=4)

    async def all_of_them():
        return await asyncio.gather(*(ask(lm, "q" * i, max_tokens=i) for i in range(1, 25)))

    replies = asyncio.run(all_of_them())
    assert [reply.text for reply in replies] == ["x" * i for i in range(1, 25)]
    assert [reply.usage.input_tokens for reply in replies] == [i + 3 for i in range(1, 25)]


def test_models_with_the_same_options_share_one_server(hello):
    from rlm.lms import llamacpp

    async def both():
        await ask(model(hello), "hi")
        before = len(llamacpp._servers)
        await ask(model(hello, name="another", temperature=1), "hi")
        return before, len(llamacpp._servers)

    before, after = asyncio.run(both())
    assert before == after


def test_a_prompt_that_does_not_fit_is_refused(hello):
    said = r"llamacpp/hello: request \(603 tokens\) exceeds .* \(512 tokens\).*: split the prompt, or send less"
    with pytest.raises(LMReplyError, match=said) as caught:
        asyncio.run(ask(model(hello), "y" * 600))
    assert (caught.value.fault, caught.value.usage) == ("too_long", None)


@pytest.mark.parametrize(
    ("extra", "message"),
    [({"top_p": "most"}, "'top_p'.* must be number"), ({"seed": [1]}, "'seed'.* must be number")],
)
def test_a_wrong_field_is_refused(hello, extra, message):
    with pytest.raises(LMRefusedError, match=message):
        asyncio.run(ask(model(hello, extra=extra), "hi"))


def test_an_empty_reply_is_an_error_that_tells_what_it_took(folder):
    path = write_bigram(folder / "mute.gguf", {ASSISTANT: END})
    with pytest.raises(LMReplyError, match="llamacpp/mute gave an empty reply") as caught:
        asyncio.run(ask(model(path), "hi"))
    assert (caught.value.fault, caught.value.usage) == ("empty", Usage(1, 5, 1))
    assert caught.value.cost == 0.0


def test_a_reply_whose_thinking_took_all_the_room_is_empty_and_cut_off(folder):
    follows = THINK | {ord(">"): X, X: X}
    path = write_bigram(folder / "thinking.gguf", follows, **{"tokenizer.chat_template": THINKING})
    reply = asyncio.run(ask(model(path), "hi", max_tokens=20))
    assert (reply.text, reply.finish, reply.usage.output_tokens) == ("", "length", 20)


def test_a_reply_comes_with_its_white_space(folder):
    path = write_bigram(folder / "spaced.gguf", chain("\n ok\t"))
    assert asyncio.run(ask(model(path), "hi")).text == "\n ok\t"


def test_a_reply_of_bytes_that_are_no_text(folder):
    path = write_bigram(folder / "bytes.gguf", {ASSISTANT: 0xFF, 0xFF: ord("!"), ord("!"): END})
    assert asyncio.run(ask(model(path), "hi")).text.endswith("!")


def test_a_prompt_with_a_lone_surrogate_is_answered(hello):
    assert asyncio.run(ask(model(hello), "caf\u00e9 \ud800")).text == "helo wrd"


def test_a_cancelled_call_frees_its_slot(endless):
    async def cancel_then_ask():
        lm = model(endless, slots=1)
        await ask(lm, "load", max_tokens=1)
        long = asyncio.create_task(ask(lm, "hi"))
        await asyncio.sleep(0.05)
        long.cancel()
        with pytest.raises(asyncio.CancelledError):
            await long
        began = time.perf_counter()
        await ask(lm, "hi", max_tokens=1)
        return time.perf_counter() - began

    assert asyncio.run(cancel_then_ask()) < 0.25  # 4,000 tokens take longer


INTERRUPTED = """
import asyncio, os, signal, sys, threading
from rlm import Message, Request
from rlm.lms.llamacpp import LlamaCpp

lm = LlamaCpp(sys.argv[1], threads=1)
asyncio.run(lm.complete(Request((Message("user", "hi"),), max_tokens=1)))
endless = lm.complete(Request((Message("user", "hi"),)))
threading.Thread(target=asyncio.run, args=(endless,), daemon=True).start()
while threading.active_count() < 3:
    pass
try:
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_process_can_be_interrupted_and_end_in_the_middle_of_a_reply(endless):
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED, endless], capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "interrupted\n", "")


FORKED = """
import asyncio, os, sys
from rlm import Message, Request
from rlm.lms.llamacpp import LlamaCpp

def ask():
    request = Request((Message("user", "hi"),))
    print(asyncio.run(LlamaCpp(sys.argv[1], threads=1).complete(request)).text, flush=True)

ask()
if (child := os.fork()) == 0:  # as multiprocessing does, and as it ends
    ask()
    os._exit(0)
os.waitpid(child, 0)
ask()
"""


def test_a_process_that_was_forked_loads_a_model_of_its_own(hello):
    command = [sys.executable, "-W", "ignore", "-c", FORKED, hello]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (ended.stdout, ended.stderr) == ("helo wrd\n" * 3, "")


LISTENING = """
import asyncio, os, socket, sys
from rlm import Message, Request
from rlm.lms.llamacpp import LlamaCpp

asyncio.run(LlamaCpp(sys.argv[1], threads=1).complete(Request((Message("user", "hi"),), max_tokens=1)))
for entry in os.listdir("/proc/self/fd"):
    try:
        other = socket.socket(fileno=os.dup(int(entry)))
    except OSError:
        continue
    with other:
        if other.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            name = other.getsockname()
            print(other.family.name, os.path.exists(name))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_nobody_can_connect_to_it(endless):
    ended = subprocess.run([sys.executable, "-c", LISTENING, endless], capture_output=True, text=True, timeout=120)
    assert (ended.stdout, ended.stderr) == ("AF_UNIX False\n", "")


def test_the_file_is_loaded_at_the_first_call(hello):
    code = "import sys\nfrom rlm.lms.llamacpp import LlamaCpp\nLlamaCpp(sys.argv[1])\nprint('xllamacpp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, hello], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"", "is not a GGUF model file: it ends within its header"),
        (b"PK\x03\x04 a zip", "is not a GGUF model file: it does not begin with the bytes GGUF"),
        (b"GGUF\x09\0\0\0", "is not a GGUF model file: its version is 9"),
        (b"GGUF\x03\0\0\0" + b"\xff" * 16, "is not a GGUF model file"),
        (b"GGUF\x03\0\0\0" + b"\0" * 16, "does not say the sizes of a language model"),
    ],
)
def test_a_file_that_is_no_model(tmp_path, head, message):
    path = tmp_path / "model.gguf"
    path.write_bytes(head)
    with pytest.raises(ConfigError, match=message):
        LlamaCpp(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"absent.gguf can't be read: No such file"):
        LlamaCpp(tmp_path / "absent.gguf")


def test_a_file_that_is_cut_off(hello, tmp_path):
    path = tmp_path / "cut.gguf"
    path.write_bytes(hello.read_bytes()[:200_000])
    with pytest.raises(LMRefusedError, match=r"llama.cpp can't load .*cut.gguf"):
        asyncio.run(ask(model(path), "hi"))


def test_the_window_by_default(folder):
    # One layer, keys and values of 320 each in two bytes: 1,280 bytes a token.
    long = write_bigram(folder / "long.gguf", chain("a"), window=10_000_000)
    assert LlamaCpp(long).window == 4 * 2**30 // 4 // 1280
    assert LlamaCpp(long, slots=1).window == 4 * 2**30 // 1280
    assert LlamaCpp(long, window=100_000).window == 100_000
    grouped = write_bigram(folder / "grouped.gguf", {}, window=10_000_000, **{"llama.attention.head_count_kv": 1})
    assert LlamaCpp(grouped).window == 4 * 2**30 // 4 // 320


@pytest.mark.parametrize("options", [{"window": 0}, {"slots": 0}, {"threads": 0}])
def test_options_are_at_least_one(hello, options):
    with pytest.raises(ConfigError, match="at least 1"):
        LlamaCpp(hello, **options)


def test_a_window_beyond_the_models_own_is_refused(hello):
    with pytest.raises(ConfigError, match=r"hello.gguf was trained for a window of 512 tokens; 513 is too much"):
        LlamaCpp(hello, window=513)
