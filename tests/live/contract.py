"""Runs what every launcher is held to against a real account or cluster: `make live NAME=modal`.

Not part of the tests: it needs credentials, the network, some minutes, and costs a few cents. `NAME` is that of any
sandbox; its credentials are in the environment, as its page in docs/launchers says. Prints a line a case, and fails
where one does not hold. What must not work there is `rlm sandbox test NAME`.
"""

from __future__ import annotations

import asyncio
import sys

from rlm import RLM, Limits
from rlm.errors import ConfigError
from rlm.lms.scripted import Scripted
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.options import Sandbox
from rlm.sandbox.trials.contract import Case, Result, run_contract

_CELL = "```repl\nFINAL(llm_query('hello') + ' ' + rlm_query('how long?', chunks(1_000_000)[0]))\n```"
_CHILD = "```repl\nFINAL(str(len(context)))\n```"
_INPUT = "a line\n" * 20_000
_ANSWER = f"HELLO {len(_INPUT)}"


def main(name: str) -> int:
    """Runs the contract and one whole run in that sandbox; the exit status."""
    sandbox = Sandbox(name)
    try:
        launcher = find_launcher(sandbox)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    if (why_not := launcher.why_not()) is not None:
        print(why_not, file=sys.stderr)
        return 2
    print(f"{name} says that it enforces: {', '.join(sorted(launcher.enforces())) or 'nothing'}")
    results = asyncio.run(run_contract(launcher, sandbox, on_result=_show))
    failed = [case for case, result in results.items() if result.fault]
    answer = _whole_run(sandbox)
    print(f"a whole run: {'holds' if answer == _ANSWER else f'answered {answer!r}'}")
    print(f"{len(results) - len(failed)} of {len(results)} cases hold")
    return 1 if failed or answer != _ANSWER else 0


def _whole_run(sandbox: Sandbox) -> str:
    sub = Scripted(lambda asked: "HELLO" if asked.messages[-1].content == "hello" else _CHILD)
    rlm = RLM(
        model=Scripted([_CELL]), sub_model=sub, sandbox=sandbox, limits=Limits(depth=2), route="never", require=()
    )
    return rlm.completion("What is it?", context=_INPUT).response


def _show(case: Case, result: Result) -> None:
    how = result.fault or (f"refused: {result.refused}" if result.refused else "holds")
    print(f"{case.group + '.' + case.name:44} {result.seconds:6.1f} s  {how}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("make live NAME=e2b | modal | daytona | prime | kubernetes | ...")
    sys.exit(main(sys.argv[1]))
