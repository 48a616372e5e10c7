"""Messages that are well formed and not due: from the wrong side, unknown, repeated, or with too much in them."""

from __future__ import annotations

from rlm.sandbox.trials.prelude import Target, calls, cell_number, done, framed, query, send
from rlm.sandbox.trials.registry import attempt


@attempt("host")
def answer_a_call_that_was_not_made(t: Target) -> None:
    """`return` to the host, for a call that it never made."""
    send({"type": "return", "id": 1, "value": "here"})


@attempt("host")
def fail_a_call_that_was_not_made(t: Target) -> None:
    """`raise` to the host, for a call that it never made."""
    send({"type": "raise", "id": 1, "error": {"type": "LMError", "message": "here"}})


@attempt("host")
def have_the_host_run_code(t: Target) -> None:
    """`run` to the host."""
    send({"type": "run", "id": 1, "code": "open('/tmp/owned', 'w')"})


@attempt("host")
def greet_as_a_host(t: Target) -> None:
    """`hello` to the host, with tools of its own."""
    send({"type": "hello", "version": 3, "tools": [{"name": "shell", "signature": "()", "doc": ""}]})


@attempt("host")
def be_ready_again(t: Target) -> None:
    """`ready` once more, with all that it says that it enforces."""
    send({"type": "ready", "version": 3, "python": "3.13.0", "enforces": ["files", "network", "memory", "cpu"]})


@attempt("host")
def send_an_unknown_message(t: Target) -> None:
    """A type that nobody knows."""
    send({"type": "shutdown"})


@attempt("host")
def claim_usage_with_the_result(t: Target) -> None:
    """`done` with usage and cost, as if what calls cost were the worker's to say."""
    send(done(cell_number(), usage={"input_tokens": -1_000_000}, cost=-5.0))


@attempt("host")
def claim_usage_with_a_call(t: Target) -> None:
    """A call with usage and cost among its arguments."""
    send(query(900_001, args={"usage": {"calls": -1}, "cost": 0.0}))


@attempt("host")
def claim_to_be_paid(t: Target) -> None:
    """A call with fields beside its arguments."""
    send(query(900_002, usage={"calls": 0}, budget_usd=1e9))


@attempt("host")
def call_what_was_not_offered(t: Target) -> str | None:
    """`llm_query_batched`, which this cell was not given."""
    args = {"prompts": ["p"], "model": None, "temperature": None, "fresh": False, "origins": None}
    return f"answered: {calls().call('llm_query_batched', args)!r}"


@attempt("host")
def call_a_tool_that_was_not_offered(t: Target) -> str | None:
    """`tool`, by a name that a host may well have."""
    return f"answered: {calls().call('tool', {'name': 'shell', 'args': ['id'], 'kwargs': {}})!r}"


@attempt("host")
def call_the_hosts_own_functions(t: Target) -> None:
    """Calls by names that a careless host would look up on itself."""
    for name in ("__class__", "_on_call", "os.system", "eval"):
        send({"type": "call", "id": 900_003, "name": name, "args": {"self": None}})


@attempt("host")
def open_one_call_twice(t: Target) -> None:
    """The same number for two open calls."""
    send(framed(query(900_004)) + framed(query(900_004)))


@attempt("host")
def number_calls_wildly(t: Target) -> None:
    """Numbers that are negative, huge, true or text."""
    for number in (-1, 2**80, True, "1", 1.5, None):
        send(query(1) | {"id": number})


@attempt("host")
def flood_with_calls(t: Target) -> None:
    """3,000 calls at once, none of whose answers is read."""
    send(b"".join(framed(query(1_000_000 + number)) for number in range(3000)))


@attempt("host")
def claim_more_origins_than_prompts(t: Target) -> None:
    """A prompt that claims to be three pieces of the input."""
    send(query(900_005, args={"origins": [[0, 1, ""], [0, 2, ""], [0, 3, ""]]}))


@attempt("host")
def print_more_than_was_asked_for(t: Target) -> None:
    """`done` with 20 MB of output, where 10,000 characters were asked for."""
    send(done(cell_number(), output="x" * 20_000_000, output_size=1))


@attempt("host")
def raise_more_than_is_kept(t: Target) -> None:
    """`done` with an error of 20 MB."""
    send(done(cell_number(), error="x" * 20_000_000))


@attempt("host")
def print_less_than_nothing(t: Target) -> None:
    """Negative sizes and times."""
    send(done(cell_number(), output_size=-1, seconds=-(10**9)))


@attempt("host")
def answer_with_too_much(t: Target) -> None:
    """An answer of 20 million characters, nested as deep as Python goes."""
    deep: list[object] = ["x" * 20_000_000]
    for _ in range(500):
        deep = [deep]
    send(done(cell_number(), answer={"value": deep, "is_repr": False, "ready": True}))


@attempt("host")
def answer_in_an_odd_shape(t: Target) -> None:
    """An answer that is ready in a way of its own."""
    send(done(cell_number(), answer={"value": 1, "is_repr": 0, "ready": "yes"}))


@attempt("host")
def ask_for_a_piece_of_another_file(t: Target) -> str | None:
    """A child on a file that is no part of the input."""
    for name in (t.secret, "/etc/passwd", "../../etc/passwd"):
        args = {"prompt": "q", "context": {"piece": [0, 1000, name]}, "model": None}
        try:
            got = calls().call("rlm_query", args)
        except RuntimeError:
            continue
        if got not in "an input":
            return f"the child has {got!r}"
    return None


@attempt("host")
def ask_for_a_piece_beyond_the_end(t: Target) -> str | None:
    """A child on characters that the input does not have."""
    for start, end in ((0, 10**12), (10**9, 10**12), (2**53, 2**53)):
        args = {"prompt": "q", "context": {"piece": [start, end, ""]}, "model": None}
        try:
            got = calls().call("rlm_query", args)
        except RuntimeError:
            continue
        if got not in "an input":
            return f"the child has {got!r}"
    return None
