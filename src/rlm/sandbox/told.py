"""What models are told of the names that an environment has beside the input."""

from __future__ import annotations

from collections.abc import Mapping

from rlm.types import JSON

_LISTED = 30  # of each
_LINE = 160  # characters


def told(names: Mapping[str, JSON]) -> list[str]:
    """A text for each name of `Environment.names` that there is to say something about."""
    texts = []
    files, notebook, packages = names.get("files"), names.get("notebook"), names.get("packages")
    if isinstance(files, dict):
        listed = _listed([f"files[{name!r}]" for name in files])
        texts.append(f"`files`: the paths of files and folders that you can read, by `open` and the like: {listed}")
    if "output_folder" in names:
        texts.append("`output_folder`: the path of a folder; the files that you write into it are given to the user")
    if isinstance(packages, list):
        listed = _listed([str(one) for one in packages])
        texts.append(f"`packages`: what was installed for you to import, beside the standard library: {listed}")
    if "one_thread" in names:
        texts.append(
            "`one_thread`: this Python has one thread, and pure Python alone: no numpy; "
            "to ask many prompts at once, use a batch and not threads"
        )
    if isinstance(notebook, dict):
        listed = _listed([f"{name} ({told})" for name, told in notebook.items()])
        texts.append(f"the variables of the user's notebook, whose types and sizes `notebook` tells: {listed}")
    return texts


def _listed(items: list[str]) -> str:
    shown = [" ".join(item.split())[:_LINE] for item in items[:_LISTED]]
    return ", ".join(shown) + (f", and {len(items) - _LISTED} more" if len(items) > _LISTED else "")
