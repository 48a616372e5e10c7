"""What users hold: an `RLM`, which turns names and options into the parts of a run, and starts runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from rlm import conflict
from rlm.approval import Approve, Confirm
from rlm.errors import ConfigError
from rlm.execution import Execution
from rlm.ledger import check_limits
from rlm.lms import default_model, default_sub_model, nearest, resolve
from rlm.lms.base import LM, Price, priced
from rlm.prompts import profiles
from rlm.prompts.profiles import Profile
from rlm.replies import Folder
from rlm.route import ROUTES, Route
from rlm.run import Run
from rlm.sandbox.launchers import find_launcher
from rlm.sandbox.launchers.base import Launcher
from rlm.sandbox.options import PROPERTIES, Sandbox
from rlm.setup import Setup, check_question, only_in_cells, retention, tracer
from rlm.sitting import Sitting
from rlm.tools import Tool, ToolSource, toolset
from rlm.trace.runs import Retention
from rlm.trace.store import home
from rlm.types import Completion, Limits

_NAME = re.compile(r"[A-Za-z0-9][\w./:@-]{0,79}", re.ASCII)


class RLM:
    """A recursive language model: answers questions about inputs of any length.

    Args:
        model: The root model: `"provider/name"` or an object with `complete`. Default: `$RLM_MODEL`, a model whose
            key is found, or the one in the box.
        sub_model: The model that cells call. Default: `$RLM_SUB_MODEL` or the config file's, where no `model` is named
            either; else the root's.
        sub_models: More models that cells may call by these names, `llm_query(prompt, model="fast")`. The root is told
            which there are, with their windows and prices.
        model_options: Options of the root's client where it is named, such as `{"temperature": 0}`.
        sub_model_options: Of the sub-model's client; without a `sub_model`, it is the root's model with these options.
        sandbox: The launcher's name, a `Sandbox` of options, or a launcher.
        limits: What one run may use.
        require: What the sandbox must enforce (of files, network, memory, time, cpu, processes, disk); by default what
            the launcher is meant to.
        route: Whether an input goes to the model in one plain call: `auto` where it fits comfortably into a window that
            is known, `always`, or `never`. The completion says why.
        prices: What models cost, by name, in place of what is listed; what a provider reports goes before both.
        trace: False keeps nothing on disk; a `Path` is the folder for runs' folders.
        redact: Given each string of the trace before it is written, shown, streamed or exported; gives what may be
            (docs/trace-format.md). Models and cells still see what there is, and so does the completion.
        keep: How long traces in the folder are kept. By default what `$RLM_KEEP_DAYS`, `$RLM_KEEP_GB` or the config
            file's `[trace]` says, else 90 days and 10 GB; in a folder of your own, for ever.
        otel: Tell the run to OpenTelemetry, as spans (docs/opentelemetry.md); needs the extra `otel`.
        verbose: Show a live tree on stderr, if that is a terminal.
        once: Whether equal sub-calls are asked once in a run: those of `llm_map`, and those at temperature 0.
        cache: Keep the answers to such calls on disk for later runs: True in `$RLM_HOME/replies`, or in the `Path`
            given. Only for models that tell their `settings`.
        approve: Asked with an `Estimate` before each batch of sub-calls is sent, a single call being a batch of one;
            says `"allow"`, `"deny"` or `"ask"`, or awaits to say it. A plain function must answer at once: the run
            waits. A no reaches the cell as a `LimitError`; what the function itself raises ends the run.
        confirm: Asked where `approve` says `"ask"`: True lets the batch go. A plain function runs in a thread, so it
            may wait for a person. Without it, `"ask"` is a no.
        profile: How the root model is spoken to: the name of a profile, or the folder of one of yours
            (docs/profiles.md). By default the one whose patterns match the model's name.
        tools: Functions that cells may call, each a function, a `Tool`, or an `MCPServer` (docs/tools.md). They run
            here, not in the sandbox; models are told their signatures and docstrings.
        values: More names that cells find, and their values: any that JSON can carry.

    Raises:
        ConfigError: An option can't be right, a model is unknown, its key is missing, or a money limit is set and
            its price is unknown.
    """

    def __init__(
        self,
        *,
        model: str | LM | None = None,
        sub_model: str | LM | None = None,
        sub_models: Mapping[str, str | LM] | None = None,
        model_options: Mapping[str, Any] | None = None,
        sub_model_options: Mapping[str, Any] | None = None,
        sandbox: str | Sandbox | Launcher = "local",
        limits: Limits | None = None,
        require: Collection[str] | None = None,
        route: Route = "auto",
        prices: Mapping[str, Price] | None = None,
        trace: bool | Path = True,
        verbose: bool = False,
        once: bool = True,
        cache: bool | Path = False,
        approve: Approve | None = None,
        confirm: Confirm | None = None,
        profile: str | Path | Profile | None = None,
        tools: Iterable[Tool | ToolSource | Callable[..., Any]] = (),
        values: Mapping[str, Any] | None = None,
        redact: Callable[[str], str] | None = None,
        keep: Retention | None = None,
        otel: bool = False,
    ) -> None:
        conflict.check()
        _check_kinds(trace, cache, keep, sub_models, prices, profile, values)
        _check_functions(approve=approve, confirm=confirm, redact=redact)
        limits = limits or Limits()
        check_limits(limits)
        if route not in ROUTES:
            raise ConfigError(f"route is one of {', '.join(ROUTES)}: not {route!r}")
        if model is None:
            model, sub_model = default_model(), sub_model if sub_model is not None else default_sub_model()
        own = _Prices(prices or {})
        root = sub = own.resolved(model, model_options or {})
        if sub_model is not None or sub_model_options:
            sub = own.resolved(model if sub_model is None else sub_model, sub_model_options or {})
        pool = {name: own.resolved(spec, {}) for name, spec in (sub_models or {}).items()}
        own.check()
        given = toolset(tools, values)
        _check_names(pool, root, sub)
        _check_prices([root, sub, *pool.values()], limits)
        self.setup = Setup(
            model=root,
            sub_model=sub,
            sub_models=pool,
            launcher=find_launcher(sandbox),
            require=None if require is None else _properties(require),
            limits=limits,
            route=route,
            trace=trace,
            verbose=verbose,
            once=once,
            kept=_folder(sub, once, cache),
            approve=approve,
            confirm=confirm,
            profile=profiles.find(profile) if isinstance(profile, str | Path) else profile,
            sandbox=sandbox if isinstance(sandbox, Sandbox) else None,
            tools=given,
            redact=redact,
            keep=keep if keep is not None or trace is not True else retention(),
            tracer=tracer() if otel else None,
        )
        if route == "always" and (more := only_in_cells(self.setup)):
            raise ConfigError(f"the route 'always' is a plain call, which has no {more}: leave it out")

    def completion(self, prompt: str | object, *, context: object = None) -> Completion:
        """Answers `prompt`, and waits for it.

        Args:
            prompt: The question about `context`; without a context, the whole request, as long as it likes.
            context: str, any JSON value, a `Path` to a file or folder, or a list of paths.

        Raises:
            RlmError: Nothing could be run: the prompt is empty, the input can't be read, the sandbox can't hold, the
                model's provider never answered. What fails later is told by the completion's `status`.
        """
        with self._started(prompt, context, events=False) as run:
            return run.result()

    async def acompletion(self, prompt: str | object, *, context: object = None) -> Completion:
        """`completion`, for async callers; cancelling it ends the run and leaves nothing behind."""
        return await self._started(prompt, context, events=False).aresult()

    def stream(self, prompt: str | object, *, context: object = None) -> Run:
        """Starts a run and returns at once: iterate over it for its events, `result()` waits for its end."""
        return self._started(prompt, context, events=True)

    def session(self, context: object, *, limits: Limits | None = None) -> Sitting:
        """Several questions over one loaded input and one REPL: `with RLM(...).session(context) as s: s.ask(...)`.

        Args:
            context: The input, as `completion` takes it.
            limits: What all questions together may use, of `usd`, `tokens`, `seconds` and `sub_calls`; those of the
                engine are each question's own.

        Raises:
            ConfigError: A limit can't be right, or the engine makes plain calls.
        """
        return Sitting(self.setup, context, limits)

    def _started(self, prompt: object, context: object, *, events: bool) -> Run:
        check_question(prompt)
        question, value = (str(prompt), context) if context is not None else (profiles.task(), prompt)
        return Run(lambda run: Execution(self.setup, run, question).main(value), events=events)


def _check_kinds(
    trace: object,
    cache: object,
    keep: object,
    sub_models: object,
    prices: Mapping[str, object] | None,
    profile: object,
    values: object,
) -> None:
    """Refuses what would be taken for something else: a str for a folder, say, which would be another one.

    Raises:
        ConfigError: One is of another kind.
    """
    folder = "True, False or the Path of a folder"
    kinds: list[tuple[str, object, Any, str]] = [
        ("trace", trace, bool | Path, folder),
        ("cache", cache, bool | Path, folder),
        ("keep", keep, Retention | None, "a Retention(...)"),
        ("sub_models", sub_models, Mapping | None, "a dict of models by name"),
        ("prices", prices, Mapping | None, "a dict of Price(...) by model"),
        ("profile", profile, str | Path | Profile | None, "a profile's name, or the folder of one"),
        ("values", values, Mapping | None, "a dict of values by name"),
    ]
    if isinstance(prices, Mapping):
        kinds += [(f"prices[{name!r}]", price, Price, "a Price(...)") for name, price in prices.items()]
    for name, value, kind, meant in kinds:
        if not isinstance(value, kind):
            raise ConfigError(f"{name} is {meant}, not {value!r}")


def _check_functions(**given: object) -> None:
    """Refuses what can't be called: it would end a run after its first calls are paid for.

    Raises:
        ConfigError: One can't be.
    """
    for name, function in given.items():
        if function is not None and not callable(function):
            raise ConfigError(f"{name} is a function, not {function!r}")


def _properties(require: Collection[str]) -> frozenset[str]:
    """What a sandbox has to enforce, checked.

    Raises:
        ConfigError: It is no list, or has what no sandbox enforces.
    """
    if isinstance(require, str) or not isinstance(require, Collection):
        raise ConfigError(f"require takes a list of what the sandbox has to enforce, not {require!r}")
    for one in require:
        if one not in PROPERTIES:
            raise ConfigError(f"require has {one!r}, which is none of {', '.join(PROPERTIES)}")
    return frozenset(require)


def _check_names(pool: Mapping[str, LM], root: LM, sub: LM) -> None:
    """Refuses names of sub-models that a prompt can't show, or that another model of the run has.

    Raises:
        ConfigError: One is such a name.
    """
    for name, lm in pool.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigError(f"a name in sub_models is up to 80 letters, digits and ./:@_-, like 'fast': not {name!r}")
        if any(name == other.name and other is not lm for other in (root, sub)):
            raise ConfigError(f"sub_models: {name!r} is the name of another model of the run")


def _check_prices(models: Iterable[LM], limits: Limits) -> None:
    """Refuses a limit of money on a model that nobody knows the price of.

    Raises:
        ConfigError: It is one.
    """
    lm = None if limits.usd is None else next((lm for lm in models if lm.price is None), None)
    if lm is None:
        return
    meant = f" (meant {near}?)" if (near := nearest(lm.name)) else ""
    raise ConfigError(
        f"the price of {lm.name} is not known{meant}, so a limit of ${limits.usd:g} can't be kept: "
        f"give its worst-case price, prices={{{lm.name!r}: Price(input_mtok=..., output_mtok=...)}} "
        "or, on the command line, --price IN/OUT"
    )


class _Prices:
    """The prices that a caller gave, by the name of a model or by what it was asked for as."""

    def __init__(self, prices: Mapping[str, Price]) -> None:
        self._prices = prices
        self._models: dict[str, None] = {}
        self._used: set[str] = set()

    def resolved(self, spec: str | LM, options: Mapping[str, Any]) -> LM:
        """The model that `spec` names, at the caller's price if there is one."""
        lm = resolve(spec, **options)
        self._models[lm.name] = None
        named = [name for name in (lm.name, spec) if isinstance(name, str) and name in self._prices]
        self._used.update(named)
        return priced(lm, self._prices[named[0]]) if named else lm

    def check(self) -> None:
        """Refuses a price that is nobody's: a slip in a name would leave a model at another price than was meant.

        Raises:
            ConfigError: There is one.
        """
        if odd := sorted(self._prices.keys() - self._used):
            raise ConfigError(f"a price is given for {', '.join(odd)}, and the run has {', '.join(self._models)}")


def _folder(sub: LM, once: bool, cache: bool | Path) -> Folder | None:
    """Where answers are kept across runs."""
    if cache is False:
        return None
    if getattr(sub, "settings", None) is None:
        raise ConfigError(f"cache= can't keep answers of {sub.name}: it has no `settings` that say what they depend on")
    if not once:
        raise ConfigError("cache= keeps answers of calls that are asked once, and once=False asks all: choose one")
    return Folder(cache if isinstance(cache, Path) else home() / "replies")
