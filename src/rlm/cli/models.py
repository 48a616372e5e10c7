"""`rlm models`: what models can be asked, what they take and cost, and what is missing for them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlsplit

from rlm import config
from rlm.cli import exit_codes
from rlm.errors import ConfigError, RlmError
from rlm.lms import default_model, default_sub_model, options_of, price_of, providers, resolve
from rlm.lms.base import Price
from rlm.lms.providers import BOX, Provider
from rlm.terminal import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model, or one provider whose models have no common price.

    Attributes:
        model: As `--model` takes it; `PROVIDER/MODEL` for any of a provider's.
        use: `model` or `sub_model` where it is what is used when none is named; else empty.
        window: Tokens of prompt and answer together; None if unknown.
        input_usd: US dollars per million tokens of input; None if unknown.
        output_usd: Of output.
        key: The variable that the key was found in, or empty.
        missing: What has to be done before it can be asked; empty if nothing.
        note: What else there is to know.
    """

    model: str
    use: str = ""
    window: int | None = None
    input_usd: float | None = None
    output_usd: float | None = None
    key: str = ""
    missing: str = ""
    note: str = ""


def run(names: Sequence[str], *, as_json: bool) -> int:
    """Prints the models.

    Args:
        names: Models, or providers whose models are to be listed; without any, what is configured and who there is.
        as_json: Print one JSON object. No key is ever printed, nor a part of one.

    Raises:
        ConfigError: A name is none, or the config file can't be used.
    """
    rows = [row for name in names for row in _named(name)] if names else list(_overview())
    settings = config.read()
    if as_json:
        path = None if settings.path is None else str(settings.path)
        print(json.dumps({"config": path, "models": [asdict(row) for row in rows]}))
    else:
        _print(rows, settings)
    return exit_codes.DONE


def _overview() -> Iterator[Row]:
    """The models that are used or configured, and then every provider."""
    settings = config.read()
    uses = _uses()
    there = providers.known()
    configured = [spec for spec in (*settings.prices, *settings.options) if "/" in spec]
    for spec in dict.fromkeys((*uses, *configured, BOX)):
        yield _row(spec, uses.get(spec, ""))
    for name, provider in there.items():
        spec = f"{name}/{provider.default or 'MODEL'}"
        if spec not in uses and spec not in configured:
            yield _row(spec)


def _uses() -> dict[str, str]:
    """The models that are used where none is named, and as what."""
    uses = {default_model(): "model"}
    if sub_model := default_sub_model():
        uses.setdefault(sub_model, "sub_model")
    return uses


def _named(name: str) -> Iterator[Row]:
    """One model, or all that are known of a provider."""
    provider = providers.find(name)
    if "/" in name or name == BOX:
        if name != BOX and providers.find(name.partition("/")[0]) is None:
            raise providers.unknown(name)
        yield _row(name, _uses().get(name, ""))
        return
    if provider is None:
        raise providers.unknown(name)
    if provider.is_server:
        yield from _served(name)
        return
    from rlm.lms import listed

    uses = _uses()
    rows = [
        _row(spec := f"{name}/{model}", uses.get(spec, ""))
        for model in sorted(listed.models(provider.url) if provider.url else ())
    ]
    # What has no price for tokens is no language model.
    yield from [row for row in rows if row.input_usd is not None] or [_row(f"{name}/MODEL")]


def _row(spec: str, use: str = "") -> Row:
    """What is known of a model without asking anyone."""
    name, _, model = spec.partition("/")
    provider = providers.find(name)
    if spec == BOX or name == "llamacpp":
        return _file(spec, use)
    if provider is None:
        return Row(model=spec, use=use, missing="no such provider")
    window, price = _listed(spec, provider, model)
    return Row(
        model=spec,
        use=use,
        window=window,
        input_usd=price.input_mtok if price else None,
        output_usd=price.output_mtok if price else None,
        key=_key(provider, spec),
        missing=_missing(provider, spec),
        note=_note(provider, model, price),
    )


def _listed(spec: str, provider: Provider, model: str) -> tuple[int | None, Price | None]:
    """Window and price: the config file's, else what was learnt and what is listed."""
    from rlm.lms import window
    from rlm.lms.prices import listing

    settings = config.read()
    options = options_of(spec, settings)
    url = options.get("base_url") or provider.at
    known = listing(model, url) if url and model != "MODEL" else None
    tokens = (
        options.get("window")
        or window.learnt(window.known_as(spec, url, provider.url or url))
        or (known.window if known else None)
    )
    if given := settings.prices.get(spec):
        return tokens, price_of(spec, given)
    if provider.is_server and (not url or _is_here(url)):
        return tokens, Price(0.0, 0.0)
    return tokens, known.price if known else None


def _is_here(url: str) -> bool:
    from rlm.lms.wire import is_loopback

    return is_loopback(urlsplit(url).hostname or "")


def _key(provider: Provider, spec: str) -> str:
    """The variable whose key is found and would be sent: not to whoever else the config file names."""
    url = options_of(spec, config.read()).get("base_url")
    return "" if url and urlsplit(url).hostname != urlsplit(provider.at).hostname else provider.key


def _missing(provider: Provider, spec: str) -> str:
    if not provider.installed:
        return provider.install
    given = options_of(spec, config.read())
    url = given.get("base_url") or provider.at
    if not provider.keys or _key(provider, spec) or given.keys() & {"api_key", "headers"} or (url and _is_here(url)):
        return ""
    return "give its api_key" if provider.key else f"set {' or '.join(provider.keys)}"


def _note(provider: Provider, model: str, price: Price | None) -> str:
    from rlm.lms import listed

    if model == "MODEL":
        return provider.what
    if price is not None and price.over is not None:
        start, dearer = price.over
        return f"{_dollars(dearer.input_mtok)} and {_dollars(dearer.output_mtok)} for prompts over {start:,} tokens"
    near = listed.nearest(model, provider.url) if price is None else ""
    return f"not in the price list; meant {provider.name}/{near}?" if near else ""


def _file(spec: str, use: str) -> Row:
    """A model that is computed in this process: its file says its window."""
    if spec == "llamacpp/MODEL":
        return Row(model=spec, use=use, input_usd=0.0, output_usd=0.0, note=providers.builtin()["llamacpp"].what)
    note = "the one in the box" if spec == BOX else ""
    if "/hf:" in spec:
        return Row(model=spec, use=use, input_usd=0.0, output_usd=0.0, note="downloaded when it is used")
    try:
        window = resolve(spec).window
    except RlmError as error:
        return Row(model=spec, use=use, missing=str(error), note=note)
    return Row(model=spec, use=use, window=window, input_usd=0.0, output_usd=0.0, note=note)


def _served(name: str) -> list[Row]:
    """The models that a server of the user's has; the row that says why, where it does not answer."""
    from rlm.lms.presets import PRESETS, Local
    from rlm.lms.served import Server
    from rlm.lms.wire import host_of

    preset, options = PRESETS[name], options_of(name, config.read())
    assert isinstance(preset, Local)
    url = options.get("base_url") or preset.url
    key = preset.find_key(options.get("api_key"), host_of(url))
    headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **options.get("headers", {})}
    try:
        found = preset.look(Server(name, url, headers), "")
    except ConfigError as error:
        return [replace(_row(f"{name}/MODEL"), missing=str(error))]
    notes = {True: "loaded", False: ""}
    return [replace(_row(f"{name}/{one.name}"), window=one.window, note=notes[one.loaded]) for one in found]


def _print(rows: Sequence[Row], settings: config.Config) -> None:
    from rich.table import Table

    from rlm import run_view

    table = Table(box=None, padding=(0, 2, 0, 0))
    for title, justify in (("", "left"), ("model", "left"), ("window", "right"), ("$ in", "right"), ("$ out", "right")):
        table.add_column(title, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("")
    for row in rows:
        ready = f"key in {row.key}" if row.key else ""
        table.add_row(
            {"model": "*", "sub_model": "+"}.get(row.use, ""),
            visible(row.model),
            f"{row.window:,}" if row.window else "",
            _dollars(row.input_usd),
            _dollars(row.output_usd),
            visible("; ".join(filter(None, (row.missing or ready, row.note)))),
        )
    console = run_view.console(sys.stdout)
    console.print(table)
    if any(row.use for row in rows):
        print("\n* where no model is named; + for its sub-calls. $: US dollars per million tokens.")
        print(f"Config file: {settings.path or f'none ({config.default_path()})'}. More: rlm models PROVIDER")


def _dollars(rate: float | None) -> str:
    return "" if rate is None else "free" if rate == 0 else f"{rate:.3f}".rstrip("0").rstrip(".")
