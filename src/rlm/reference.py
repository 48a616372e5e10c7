"""The names of the reference system (`alexzhang13/rlm`), translated into ours; nothing else here knows of them.

    RLM(backend="openai", backend_kwargs={"model_name": "gpt-5-nano"}, verbose=True).completion("...").response

`backend` and `backend_kwargs` name the model, `environment` the sandbox, and `max_depth`, `max_iterations`,
`max_budget` (US dollars), `max_timeout` (seconds) and `max_tokens` become `Limits`. The prompt is the input, as
there, and never takes the short way of a plain call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rlm import engine
from rlm.errors import ConfigError
from rlm.lms import resolve
from rlm.lms.base import LM
from rlm.logger import RLMLogger
from rlm.run import Run
from rlm.types import JSON, Completion, Limits, Usage

# The backends there that speak the OpenAI wire, and where each is found by default.
_OPENAI_WIRE = {
    "openai": None,
    "vllm": None,
    "openrouter": "https://openrouter.ai/api/v1",
    "vercel": "https://ai-gateway.vercel.sh/v1",
    "portkey": "https://api.portkey.ai/v1",
}
_LIMITS = {
    "max_depth": "depth",
    "max_iterations": "turns",
    "max_budget": "usd",
    "max_timeout": "seconds",
    "max_tokens": "tokens",
}
_NAMES = {"backend", "backend_kwargs", "environment", "environment_kwargs", "logger", *_LIMITS}


@dataclass(frozen=True, slots=True)
class UsageSummary:
    """A completion's usage, as the reference system has it."""

    total_calls: int
    total_input_tokens: int
    total_output_tokens: int
    total_cost: float | None


@dataclass(frozen=True, slots=True)
class RLMChatCompletion(Completion):
    """A completion with the reference system's fields beside ours.

    Attributes:
        root_model: The model's name.
        prompt: What was asked.
        usage_summary: Totals of the run.
        execution_time: Seconds.
        metadata: The trajectory, where a logger captured it.
    """

    root_model: str = ""
    prompt: object = None
    usage_summary: UsageSummary = UsageSummary(0, 0, 0, None)
    execution_time: float = 0.0
    metadata: dict[str, JSON] | None = None


class RLM(engine.RLM):
    """`rlm.engine.RLM`, which also takes the reference system's options; its own are the ones to use.

    Args:
        backend: The model's provider; an option of the reference system, as are `backend_kwargs` (`model_name`,
            `api_key`, `base_url`), `environment`, `max_depth`, `max_iterations`, `max_budget`, `max_timeout`,
            `max_tokens` and `logger`.
        options: Our own options: `model`, `sub_model`, `sandbox`, `limits`, ... (see `rlm.engine.RLM`).

    Raises:
        ConfigError: An option is unknown, or stands in both forms.
    """

    def __init__(self, backend: str | None = None, backend_kwargs: Mapping[str, Any] | None = None, **options: Any):
        given = {"backend": backend, "backend_kwargs": backend_kwargs, **options}
        named = {name: value for name, value in given.items() if name in _NAMES and value is not None}
        own = {name: value for name, value in options.items() if name not in _NAMES}
        self._logger: RLMLogger | None = named.get("logger")
        self._as_reference = bool(named)
        super().__init__(**(_translated(named, own) if named else own))

    def completion(self, prompt: object, root_prompt: str | None = None, *, context: object = None) -> Completion:
        """`rlm.engine.RLM.completion`; with `root_prompt`, that is the question and `prompt` the input."""
        with self._started(prompt, root_prompt, context) as run:
            if self._logger is not None:
                for event in run:
                    self._logger.take(event)
            return self._finished(run.result(), prompt)

    async def acompletion(
        self, prompt: object, root_prompt: str | None = None, *, context: object = None
    ) -> Completion:
        """`completion`, for async callers."""
        run = self._started(prompt, root_prompt, context)
        completion = await run.aresult()
        if self._logger is not None:
            for event in run:
                self._logger.take(event)
        return self._finished(completion, prompt)

    def _started(self, prompt: object, root_prompt: str | None, context: object) -> Run:
        if self._logger is not None:
            setup = self.setup
            self._logger.begin(
                {
                    "root_model": setup.model.name,
                    "max_depth": setup.limits.depth,
                    "max_iterations": setup.limits.turns,
                    "backend": setup.model.name.partition("/")[0],
                    "backend_kwargs": {"model_name": setup.model.name.partition("/")[2]},
                    "environment_type": setup.launcher.name,
                    "environment_kwargs": {},
                    "other_backends": None,
                }
            )
        return self.stream(root_prompt, context=prompt) if root_prompt else self.stream(prompt, context=context)

    def _finished(self, completion: Completion, prompt: object) -> Completion:
        if not self._as_reference:
            return completion
        trajectory = None
        if self._logger is not None:
            self._logger.end()
            trajectory = self._logger.get_trajectory()
        ours = {**asdict(completion), "usage": completion.usage}
        return RLMChatCompletion(
            **ours,
            root_model=self.setup.model.name.partition("/")[2] or self.setup.model.name,
            prompt=prompt,
            usage_summary=_summary(completion.usage, completion.cost),
            execution_time=completion.seconds,
            metadata=trajectory,
        )


def _translated(named: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Our options for the reference's."""
    clashes = sorted({"model", "sandbox", "limits", "route"} & own.keys())
    if clashes:
        raise ConfigError(f"{', '.join(clashes)}: not together with {', '.join(sorted(named))}; use one form of both")
    unknown = sorted(own.keys() - {"verbose", "trace", "require", "prices", "sub_model"})
    if unknown:
        raise ConfigError(f"not supported: {', '.join(unknown)}; there is: {', '.join(sorted(_NAMES))}, verbose")
    if named.get("environment_kwargs"):
        raise ConfigError("environment_kwargs is not supported; limits are given with limits=Limits(...)")
    limits = Limits(**{ours: named[theirs] for theirs, ours in _LIMITS.items() if theirs in named})
    model = _model(named.get("backend", "openai"), named.get("backend_kwargs", {}))
    return {**own, "model": model, "sandbox": named.get("environment", "local"), "limits": limits, "route": "rlm"}


def _model(backend: str, kwargs: Mapping[str, Any]) -> LM:
    options = dict(kwargs)
    name = options.pop("model_name", None)
    if not name:
        raise ConfigError("backend_kwargs needs model_name")
    if backend not in _OPENAI_WIRE:
        raise ConfigError(f"unknown backend {backend!r}; there is: {', '.join(_OPENAI_WIRE)}")
    if _OPENAI_WIRE[backend] and not options.get("base_url"):
        options["base_url"] = _OPENAI_WIRE[backend]
    return resolve(f"openai/{name}", **options)


def _summary(usage: Usage, cost: float | None) -> UsageSummary:
    return UsageSummary(usage.calls, usage.input_tokens, usage.output_tokens, cost)
