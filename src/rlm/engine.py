"""What users hold: an `RLM`, which turns names and options into the parts of a run, and starts runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from rlm import conflict
from rlm.errors import ConfigError
from rlm.execution import Execution, Setup
from rlm.ledger import check_limits
from rlm.lms import default_model, resolve
from rlm.lms.base import LM, Price, Priced
from rlm.prompts import profiles
from rlm.route import ROUTES, Route
from rlm.run import Run
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.launchers.base import Launcher
from rlm.types import Completion, Limits


class RLM:
    """A recursive language model: answers questions about inputs of any length.

    Args:
        model: The root model: `"provider/name"` or an object with `complete`. Default: `$RLM_MODEL`, a model whose
            key is found, or the one in the box.
        sub_model: The model that cells call; the root's by default.
        sandbox: The launcher's name, or a launcher.
        limits: What one run may use.
        require: What the sandbox must enforce (of files, network, memory, cpu, processes, disk); by default what
            the launcher is meant to.
        route: Whether an input goes to the model in one plain call: `auto` where it fits comfortably into a window that
            is known, `always`, or `never`. The completion says why.
        prices: Worst-case prices for models whose price is not known, by name.
        trace: False keeps nothing on disk; a `Path` is the folder for runs' folders.
        verbose: Show a live tree on stderr, if that is a terminal.

    Raises:
        ConfigError: An option can't be right, a model is unknown, its key is missing, or a money limit is set and
            its price is unknown.
    """

    def __init__(
        self,
        *,
        model: str | LM | None = None,
        sub_model: str | LM | None = None,
        sandbox: str | Launcher = "local",
        limits: Limits | None = None,
        require: Collection[str] | None = None,
        route: Route = "auto",
        prices: Mapping[str, Price] | None = None,
        trace: bool | Path = True,
        verbose: bool = False,
    ) -> None:
        conflict.check()
        limits = limits or Limits()
        check_limits(limits)
        if route not in ROUTES:
            raise ConfigError(f"route is one of {', '.join(ROUTES)}: not {route!r}")
        root = _priced(resolve(model if model is not None else default_model()), prices)
        sub = _priced(resolve(sub_model), prices) if sub_model is not None else root
        for lm in (root, sub):
            if limits.usd is not None and lm.price is None:
                raise ConfigError(
                    f"the price of {lm.name} is not known, so a limit of ${limits.usd:g} can't be kept: "
                    f"give its worst-case price, prices={{{lm.name!r}: Price(input_mtok=..., output_mtok=...)}} "
                    "or, on the command line, --price IN/OUT"
                )
        self.setup = Setup(
            model=root,
            sub_model=sub,
            launcher=find_launcher(sandbox) if isinstance(sandbox, str) else sandbox,
            require=None if require is None else frozenset(require),
            limits=limits,
            route=route,
            trace=trace,
            verbose=verbose,
        )

    def completion(self, prompt: str | object, *, context: object = None) -> Completion:
        """Answers `prompt`, and waits for it.

        Args:
            prompt: The question about `context`; without a context, the whole request, as long as it likes.
            context: str, any JSON value, a `Path` to a file or folder, or a list of paths.

        Raises:
            RlmError: Nothing could be run: the input can't be read, the sandbox can't hold, the model's provider
                never answered. What fails later is told by the completion's `status`.
        """
        with self._started(prompt, context, events=False) as run:
            return run.result()

    async def acompletion(self, prompt: str | object, *, context: object = None) -> Completion:
        """`completion`, for async callers; cancelling it ends the run and leaves nothing behind."""
        return await self._started(prompt, context, events=False).aresult()

    def stream(self, prompt: str | object, *, context: object = None) -> Run:
        """Starts a run and returns at once: iterate over it for its events, `result()` waits for its end."""
        return self._started(prompt, context, events=True)

    def _started(self, prompt: object, context: object, *, events: bool) -> Run:
        question, value = (str(prompt), context) if context is not None else (profiles.task(), prompt)
        return Run(lambda run: Execution(self.setup, run, question).main(value), events=events)


def _priced(lm: LM, prices: Mapping[str, Price] | None) -> LM:
    """The model, at the price that the caller gave for it, if any."""
    return Priced(lm, prices[lm.name]) if prices and lm.name in prices else lm
