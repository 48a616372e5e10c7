"""GGUF files of a Hugging Face repository, downloaded by huggingface_hub into its own cache."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rlm.errors import ConfigError, LMUnavailableError

# Taken where none is named: a quarter of the size of f16 at little loss, and what most repositories have.
PREFERRED = "Q4_K_M"
_SECONDS = 10.0
_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
# Parts that a language model can't run from: image projectors, and the statistics that quantising used.
_NO_MODELS = ("mmproj", "imatrix")


def fetch(spec: str) -> Path:
    """The file that `owner/repo[:file-or-quant]` names, downloaded unless the cache has it.

    Where no file or quantisation is named, it is Q4_K_M, or the only one that there is. A model in several files is
    downloaded whole, and its first file is returned, as llama.cpp wants it. On a terminal there is a progress bar.
    Without a network, what the cache has is used. Takes as long as the download.

    Raises:
        ConfigError: The name is not one, huggingface_hub is not installed, there is no such repository, it is not open
            to the user, or it has no such file, or several of which one must be named.
        LMUnavailableError: The hub can't be reached and the cache has no such file, or the download failed.
    """
    repo, _, wanted = spec.partition(":")
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", repo, re.ASCII):
        raise ConfigError(f"hf:{spec} must look like hf:owner/repo, hf:owner/repo:Q5_K_M or hf:owner/repo:file.gguf")
    try:
        import huggingface_hub
    except ImportError:
        raise ConfigError("hf: models need huggingface_hub: pip install 'rlm-engine[hub]'") from None
    names, offline = _names(huggingface_hub, repo)
    parts = _pick(repo, wanted, names, "the cache" if offline else "the repository")
    first, *_ = [_download(huggingface_hub, repo, part, offline) for part in parts]
    return first


def _names(hub: Any, repo: str) -> tuple[list[str], bool]:
    """The GGUF files of a repository, and whether only those of the cache are known: the hub can't be reached."""
    import httpx

    try:
        found = hub.HfApi().model_info(repo, timeout=_SECONDS)
    except hub.errors.GatedRepoError:
        raise ConfigError(f"{repo} is open only to those who asked: do so on its page, then set HF_TOKEN") from None
    except hub.errors.HFValidationError as error:
        raise ConfigError(f"hf:{repo} names no repository: {_first_line(error)}") from None
    except hub.errors.RepositoryNotFoundError:
        raise ConfigError(f"there is no repository {repo}, or it is private and HF_TOKEN is not set") from None
    except (httpx.HTTPError, hub.errors.OfflineModeIsEnabled) as error:
        if names := _cached(hub, repo):
            return names, True
        if isinstance(error, httpx.TransportError):
            why = f"there is no connection to {hub.constants.ENDPOINT} ({_first_line(error)})"
        else:
            why = _first_line(error)
        raise LMUnavailableError(f"huggingface_hub's cache has nothing of {repo}, and {why}") from error
    return [name for file in found.siblings or [] if (name := str(file.rfilename)).endswith(".gguf")], False


def _cached(hub: Any, repo: str) -> list[str]:
    """The GGUF files of a repository that the cache has, in the newest version of it that was seen."""
    try:
        folder = Path(hub.snapshot_download(repo, allow_patterns="*.gguf", local_files_only=True))
    except hub.errors.IncompleteSnapshotError as error:
        folder = Path(error.snapshot_path)
    except hub.errors.LocalEntryNotFoundError:
        return []
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.gguf") if file.exists())


def _pick(repo: str, wanted: str, names: list[str], where: str) -> list[str]:
    """The files of the one model that is meant, in their order.

    Raises:
        ConfigError: There is none, or more than one.
    """
    split = {name: _SPLIT.search(name) for name in sorted(names)}
    models = [name for name, part in split.items() if _is_model(name) and (part is None or int(part[1]) == 1)]
    if wanted.endswith(".gguf"):
        fit = [name for name in models if name == wanted]
    elif wanted:
        fit = [name for name in models if _has_quant(name, wanted)]
    else:
        fit = [name for name in models if _has_quant(name, PREFERRED)] or models
    if len(fit) != 1:
        there = "\n".join(f"  hf:{repo}:{name}" for name in fit or models) or "  nothing"
        said = (
            f"{len(fit)} files for hf:{repo}{':' if wanted else ''}{wanted}; name one"
            if fit
            else (f"no GGUF file {wanted or 'of a model'} of {repo}")
        )
        raise ConfigError(f"{where} has {said}. There is:\n{there}")
    first = split[fit[0]]
    if first is None:
        return fit
    stem = fit[0][: first.start()]
    parts = [f"{stem}-{number:05}-of-{first[2]}.gguf" for number in range(1, int(first[2]) + 1)]
    if missing := [part for part in parts if part not in split]:
        raise ConfigError(f"{where} lacks a part of the model: {', '.join(missing)}")
    return parts


def _is_model(name: str) -> bool:
    return not any(part in name.rpartition("/")[2].lower() for part in _NO_MODELS)


def _has_quant(name: str, quant: str) -> bool:
    """Whether a file or its folder is named after a quantisation: `Q4_K` is not `Q4_K_M`, nor `Q4_XS` `IQ4_XS`."""
    return re.search(rf"(?<![a-z0-9_]){re.escape(quant)}(?![a-z0-9_])", name, re.IGNORECASE) is not None


def _download(hub: Any, repo: str, name: str, offline: bool) -> Path:
    import httpx

    try:
        return Path(hub.hf_hub_download(repo, name, local_files_only=offline))
    except (httpx.HTTPError, hub.errors.EntryNotFoundError, OSError) as error:
        raise LMUnavailableError(f"the download of {name} of {repo} failed: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
