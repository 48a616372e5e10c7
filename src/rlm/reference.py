"""The names of the reference system (`alexzhang13/rlm`), translated into ours; nothing else here knows of them.

    RLM(backend="openai", backend_kwargs={"model_name": "gpt-5-nano"}, verbose=True).completion("...").response

`backend` and `backend_kwargs` name the model, `sampling_args` are options of it; the first of `other_backends` (with
`other_backend_kwargs` and `sub_sampling_args`) is the model that cells call, and further ones they may name.
`environment` is the sandbox, and `max_depth`, `max_iterations`, `max_budget` (US dollars), `max_timeout` (seconds) and
`max_tokens` become `Limits`. `custom_tools` are tools and values, `custom_sub_tools` those of children; the functions
run here and not in the REPL's process, so what they give has to be JSON. The prompt is the input, as there, and never
takes the short way of a plain call. `persistent=True` is a session, to which further prompts are added as contexts.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, overload

from rlm import backends, engine
from rlm.approval import Approve, Confirm
from rlm.errors import ConfigError
from rlm.lms.base import LM, Price
from rlm.logger import RLMLogger
from rlm.prompts import profiles
from rlm.prompts.profiles import Profile
from rlm.route import Route
from rlm.run import Run
from rlm.sandbox.launchers.base import Launcher
from rlm.sandbox.options import Sandbox
from rlm.setup import Setup, check_question
from rlm.sitting import Sitting
from rlm.tools import Tool, Toolset, ToolSource, toolset
from rlm.trace.runs import Retention
from rlm.types import JSON, Completion, Limits

# Our options that go with the reference's.
_EITHER_FORM = {"verbose", "trace", "require", "prices", "sub_model", "sub_models", "once", "cache"}
_EITHER_FORM |= {"approve", "confirm", "profile", "tools", "values"}
_LIMITS = {
    "max_depth": "depth",
    "max_iterations": "turns",
    "max_budget": "usd",
    "max_timeout": "seconds",
    "max_tokens": "tokens",
}
_ENVIRONMENT = {"image": "image", "docker_image": "image", "template": "image", "cpu": "cpus", "cpu_cores": "cpus"}
_GIGABYTES = {"memory": "memory_mb", "memory_gb": "memory_mb", "disk": "disk_mb", "disk_size_gb": "disk_mb"}
# There, a string that is code becomes a function in the environments that are no process of the host's own.
_CODE, _IN_PROCESS = ("def ", "class ", "lambda"), {"local", "unconfined", "bubblewrap"}
_OTHERS = {"other_backends", "other_backend_kwargs", "sub_sampling_args"}
_NAMES = {"backend", "backend_kwargs", "environment", "environment_kwargs", "logger", "sampling_args"}
_NAMES |= _LIMITS.keys() | _OTHERS | {"custom_tools", "custom_sub_tools"}


@dataclass(frozen=True, slots=True)
class ModelUsageSummary:
    """What one model consumed, as the reference system has it."""

    total_calls: int
    total_input_tokens: int
    total_output_tokens: int
    total_cost: float | None = None

    def to_dict(self) -> dict[str, JSON]:
        """As JSON; a cost that is unknown is left out."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class UsageSummary:
    """A completion's usage by model, as the reference system has it; two models of one run are one entry."""

    model_usage_summaries: dict[str, ModelUsageSummary]

    @property
    def total_cost(self) -> float | None:
        """US dollars; None if unknown."""
        costs = [summary.total_cost for summary in self.model_usage_summaries.values()]
        return sum(cost for cost in costs if cost is not None) if any(cost is not None for cost in costs) else None

    @property
    def total_input_tokens(self) -> int:
        """Tokens of all prompts."""
        return sum(summary.total_input_tokens for summary in self.model_usage_summaries.values())

    @property
    def total_output_tokens(self) -> int:
        """Tokens of all replies."""
        return sum(summary.total_output_tokens for summary in self.model_usage_summaries.values())

    def to_dict(self) -> dict[str, JSON]:
        """As JSON."""
        models: dict[str, JSON] = {name: one.to_dict() for name, one in self.model_usage_summaries.items()}
        cost = self.total_cost
        return {"model_usage_summaries": models, **({"total_cost": cost} if cost is not None else {})}


@dataclass(frozen=True, slots=True)
class RLMChatCompletion(Completion):
    """A completion with the reference system's fields beside ours.

    Attributes:
        root_model: The model's name.
        prompt: What was asked.
        usage_summary: The run's usage.
        execution_time: Seconds.
        metadata: The trajectory, where a logger captured it.
        error: Why there is no answer, where there is none.
    """

    root_model: str = ""
    prompt: object = None
    usage_summary: UsageSummary = UsageSummary({})
    execution_time: float = 0.0
    metadata: dict[str, JSON] | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, object]:
        """The reference's fields, as JSON where the prompt is."""
        shown: dict[str, object] = {
            "root_model": self.root_model,
            "prompt": self.prompt,
            "response": self.response,
            "usage_summary": self.usage_summary.to_dict(),
            "execution_time": self.execution_time,
        }
        shown |= {"metadata": self.metadata} if self.metadata is not None else {}
        return shown | ({"error": self.error} if self.error is not None else {})


class RLM(engine.RLM):
    """`rlm.engine.RLM`, which also takes the reference system's options; its own are the ones to use.

    Args:
        backend: The model's provider; an option of the reference system, as are `backend_kwargs` (`model_name`,
            `api_key`, `base_url`, `timeout`, `max_retries`, `default_headers`, `sampling_args`, ...), `other_backends`,
            `other_backend_kwargs`, `sampling_args`, `sub_sampling_args`, `environment`, `max_depth`, `max_iterations`,
            `max_budget`, `max_timeout`, `max_tokens`, `custom_tools`, `custom_sub_tools`, `persistent` and `logger`.
        backend_kwargs: Options of the model.
        options: Our own options: `model`, `sub_model`, `sandbox`, `limits`, ... (see `rlm.engine.RLM`).

    Raises:
        ConfigError: An option is unknown, or stands in both forms.
        MissingKeyError: The backend needs a key that is not set.
    """

    # What `help` and editors show, and type checkers hold callers to: our options, or the reference's.
    __signature__ = inspect.signature(engine.RLM)

    @overload
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
    ) -> None: ...
    @overload
    def __init__(self, backend: str, backend_kwargs: Mapping[str, Any] | None = None, **options: Any) -> None: ...
    def __init__(
        self, backend: str | None = None, backend_kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        persistent = bool(options.pop("persistent", False))
        given = {"backend": backend, "backend_kwargs": backend_kwargs, **options}
        named = {name: value for name, value in given.items() if name in _NAMES and value is not None}
        own = {name: value for name, value in options.items() if name not in _NAMES}
        self.persistent = persistent
        self._sitting: Sitting | None = None
        self._logger: RLMLogger | None = named.get("logger")
        self._as_reference = bool(named)
        super().__init__(**(_translated(named, own) if named else own))
        self.setup = _with_tools(self.setup, named)
        if self._logger is not None:
            self._logger.log_metadata(self._metadata(named))

    def completion(self, prompt: object, root_prompt: str | None = None, *, context: object = None) -> Completion:
        """`rlm.engine.RLM.completion`; with `root_prompt`, that is the question and `prompt` the input."""
        with self._run(prompt, root_prompt, context) as run:
            self._log(run)
            return self._finished(run.result(), prompt)

    async def acompletion(
        self, prompt: object, root_prompt: str | None = None, *, context: object = None
    ) -> Completion:
        """`completion`, for async callers; a logger gets its rows at the end."""
        run = self._run(prompt, root_prompt, context)
        try:
            completion = await run.aresult()
        finally:
            self._log(run)
        return self._finished(completion, prompt)

    def close(self) -> None:
        """Ends what `persistent=True` keeps open; the next completion opens it anew.

        Raises:
            SandboxError: What cells wrote did not come back, or something was not removed.
        """
        sitting, self._sitting = self._sitting, None
        if sitting is not None:
            sitting.close()

    def __enter__(self) -> RLM:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _started(self, prompt: object, context: object, *, events: bool) -> Run:
        """A run; with `persistent=True` one of a sitting, to which every further input is a further context."""
        if not self.persistent or self.setup.route == "always":
            return super()._started(prompt, context, events=events)
        check_question(prompt)
        question, value = (str(prompt), context) if context is not None else (profiles.task(), prompt)
        if self._sitting is None:
            self._sitting = self.session(value)
        else:
            name = self._sitting.add(value)
            question = question if context is not None else question.replace("`context`", f"`{name}`")
        return self._sitting.started(question, events=events)

    def _run(self, prompt: object, root_prompt: str | None, context: object) -> Run:
        if self._logger is not None:
            self._logger.clear_iterations()
        question, value = (root_prompt, prompt) if root_prompt else (prompt, context)
        return self._started(question, value, events=self._logger is not None)

    def _log(self, run: Run) -> None:
        if self._logger is not None:
            for event in run:
                self._logger.take(event)
            self._logger.end()

    def _metadata(self, named: Mapping[str, Any]) -> dict[str, JSON]:
        """What a log begins with; of the model's options only its name, for a URL may hold a key too."""
        setup = self.setup
        kwargs = named.get("backend_kwargs", {})
        return {
            "root_model": _short_name(setup.model),
            "max_depth": setup.limits.depth,
            "max_iterations": setup.limits.turns,
            "backend": named.get("backend", "openai"),
            "backend_kwargs": {"model_name": kwargs.get("model_name")},
            "environment_type": setup.launcher.name,
            "environment_kwargs": {},
            "other_backends": list(named["other_backends"]) if named.get("other_backends") else None,
        }

    def _finished(self, completion: Completion, prompt: object) -> Completion:
        if not self._as_reference:
            return completion
        usage = completion.usage
        spent = ModelUsageSummary(usage.calls, usage.input_tokens, usage.output_tokens, completion.cost)
        models = dict.fromkeys((_short_name(self.setup.model), _short_name(self.setup.sub_model)))
        return RLMChatCompletion(
            **{field.name: getattr(completion, field.name) for field in fields(completion)},
            root_model=_short_name(self.setup.model),
            prompt=prompt,
            usage_summary=UsageSummary({" + ".join(models): spent}),
            execution_time=completion.seconds,
            metadata=self._logger.get_trajectory() if self._logger is not None else None,
            error=completion.reason if completion.status == "failed" else None,
        )


def _short_name(lm: LM) -> str:
    """The model without our provider's name."""
    return lm.name.partition("/")[2] or lm.name


def _translated(named: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Our options for the reference's."""
    ours = {"model", "sandbox", "limits", "route", "model_options", "sub_model_options"}
    clashes = sorted((ours | ({"sub_model", "sub_models"} if _OTHERS & named.keys() else set())) & own.keys())
    if clashes:
        raise ConfigError(f"{', '.join(clashes)}: not together with {', '.join(sorted(named))}; use one form of both")
    unknown = sorted(own.keys() - _EITHER_FORM)
    if unknown:
        raise ConfigError(f"not supported: {', '.join(unknown)}; there is: {', '.join(sorted(_NAMES))}, verbose")
    limits = Limits(**{ours: named[theirs] for theirs, ours in _LIMITS.items() if theirs in named})
    sandbox, limits = _sandbox(named.get("environment", "local"), named.get("environment_kwargs") or {}, limits)
    backend = named.get("backend", "openai")
    kwargs = backends.sampled(named.get("backend_kwargs", {}), named.get("sampling_args"))
    models: dict[str, Any] = {"model": backends.model_of(backend, kwargs)}
    if _OTHERS & named.keys():
        models["sub_model"], models["sub_models"] = backends.others_of(backend, kwargs, named)
    # Where no depth is left, an RLM is a plain call there.
    route = "always" if limits.depth == 0 else "never"
    return {**own, **models, "sandbox": sandbox, "limits": limits, "route": route}


def _sandbox(name: str, kwargs: Mapping[str, Any], limits: Limits) -> tuple[str | Sandbox, Limits]:
    """Our sandbox and limits for the reference's environment."""
    if unknown := sorted(kwargs.keys() - _ENVIRONMENT.keys() - _GIGABYTES.keys()):
        known = ", ".join(sorted(_ENVIRONMENT.keys() | _GIGABYTES.keys()))
        raise ConfigError(
            f"environment_kwargs: {', '.join(unknown)} is not supported; there is {known}, and sandbox=Sandbox(...)"
        )
    options: dict[str, Any] = {_ENVIRONMENT[key]: value for key, value in kwargs.items() if key in _ENVIRONMENT}
    options |= {_GIGABYTES[key]: int(value * 1024) for key, value in kwargs.items() if key in _GIGABYTES}
    if (memory := options.pop("memory_mb", None)) is not None:
        limits = replace(limits, memory_mb=memory)
    return (Sandbox(name, **options) if options else name), limits


def _with_tools(setup: Setup, named: Mapping[str, Any]) -> Setup:
    """A setup with the reference's tools; children have those of the root unless they are given their own."""
    if named.get("custom_tools") is None and named.get("custom_sub_tools") is None:
        return setup
    if setup.tools:
        raise ConfigError("tools and values: not together with custom_tools; use one form of both")
    own = _toolset("custom_tools", named.get("custom_tools") or {}, setup)
    subs = named.get("custom_sub_tools")
    return replace(setup, tools=own, sub_tools=None if subs is None else _toolset("custom_sub_tools", subs, setup))


def _toolset(option: str, given: Any, setup: Setup) -> Toolset:
    """Functions and values by name, each as it is or as `{"tool": ..., "description": ...}`."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"{option} is a dict of names and functions or values, not {type(given).__name__}")
    tools, values, about = [], {}, {}
    for name, entry in given.items():
        described = isinstance(entry, Mapping) and "tool" in entry
        value, text = (entry["tool"], entry.get("description")) if described else (entry, None)
        text = text if isinstance(text, str) else ""
        if callable(value):
            tools.append(Tool(value, name, text))
        elif isinstance(value, str) and value.lstrip().startswith(_CODE) and setup.launcher.name not in _IN_PROCESS:
            raise ConfigError(f"{option}: {name} is code in a string; give the function itself, which runs here")
        else:
            values[name], about[name] = value, text
    return toolset(tools, values, about)
