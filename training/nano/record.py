"""Records dialogues: scripted experts in the real loop, their cells in real workers.

Each line of the output is one dialogue, [[role, content], ...]. Along the way the imitation that mass-produces
training data is held against the real thing: where a dialogue differs in one character, the run fails.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from pathlib import Path

import scenes
import wording
from dialogue import Dialogue, fence, imitate, last_cell

from rlm.engine import RLM
from rlm.lms.scripted import Scripted
from rlm.types import Limits, Request


class Expert:
    """Answers the requests of one scene after the other; remembers the conversation."""

    def __init__(self) -> None:
        self.scene: scenes.Scene | None = None
        self.told: Dialogue = []

    def reply(self, request: Request) -> str:
        """The expert's next cell."""
        scene = self.scene
        if scene is None:
            raise RuntimeError("no scene to play")
        messages = [(message.role, message.content) for message in request.messages]
        cell: str | None = scene.cell
        if len(messages) > 1:
            cell = last_cell(scene, messages[-1][1])
        reply = fence(cell or 'FINAL("")')
        self.told = [*messages, ("assistant", reply)] if cell else []
        return reply


def give(folder: Path, scene: scenes.Scene) -> str | Path:
    """The scene's input as a user would give it: text, or a folder."""
    if isinstance(scene.context, str):
        return scene.context
    place = folder / "input"
    place.mkdir()
    for name, text in scene.context.items():
        (place / name).write_text(text, encoding="utf-8")
    return place


def main() -> None:
    """Records."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--books", type=Path, required=True)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    world = wording.World(random.Random(options.seed), options.books)
    expert = Expert()
    engine = RLM(model=Scripted(expert.reply, name="nano"), limits=Limits(turns=2), trace=False)
    written = missed = 0
    with options.out.open("w", encoding="utf-8") as out:
        while written < options.count:
            expert.scene = scene = scenes.scene(world, scenes.SHARES)
            with tempfile.TemporaryDirectory() as folder:
                result = engine.completion(scene.question, context=give(Path(folder), scene))
            if result.status != "done":
                raise SystemExit(f"{scene.question!r} ended as {result.status}: {result.reason}")
            if not expert.told:
                missed += 1
                continue
            if imitate(scene) != expert.told:
                raise SystemExit(f"the imitation differs from the loop:\n{imitate(scene)}\n{expert.told}")
            out.write(json.dumps(expert.told, ensure_ascii=False) + "\n")
            written += 1
    print(f"{written} dialogues; in {missed} scenes the search missed the fact")


if __name__ == "__main__":
    main()
