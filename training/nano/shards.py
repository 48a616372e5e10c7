"""Writes shards of training data: token ids of many dialogues, and where the assistant speaks."""

from __future__ import annotations

import argparse
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scenes
import wording
from dialogue import MARK, Dialogue, drills, encode, imitate
from tokenizers import Tokenizer

LONGEST = 480  # tokens of a dialogue; longer ones are left out
MOST_ASKED = 80  # supervised tokens of a dialogue; of longer ones, some of the first cell's are left out
DRILLED = 0.95  # of the look-ups, those that are cut into drills
FIRSTS = 0.9  # of the drills of first cells, those that are kept: they are learnt sooner than the second
HEAD = 42  # tokens of a first cell that never are: what the question decides stands there


def invented(world: wording.World, count: int, kinds: dict[str, float], drilled: float = 0.0) -> Iterator[Dialogue]:
    """That many dialogues over fresh scenes."""
    while count:
        scene = scenes.scene(world, kinds)
        if (dialogue := imitate(scene)) is None:
            continue
        count -= 1
        if len(dialogue) > 2 and world.rng.random() < drilled:
            for drill in drills(dialogue):
                if drill[-1][1].endswith(MARK) or world.rng.random() < FIRSTS:
                    yield drill
        else:
            yield dialogue


def recorded(path: Path) -> Iterator[Dialogue]:
    """The dialogues that `record.py` wrote."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield [(role, content) for role, content in json.loads(line)]


def thinned(ask: list[int], rng: random.Random) -> list[int]:
    """At most MOST_ASKED of the supervised positions: a long first cell says much that is always the same."""
    if len(ask) <= MOST_ASKED:
        return ask
    cut = max((place for place in range(1, len(ask)) if ask[place] - ask[place - 1] > 1), default=0)
    if not cut:
        return ask[:HEAD] + sorted(rng.sample(ask[HEAD:], MOST_ASKED - HEAD))
    last = ask[cut:][: MOST_ASKED - HEAD - 1]
    middle = rng.sample(ask[HEAD : cut - 1], MOST_ASKED - HEAD - len(last) - 1) if len(last) < MOST_ASKED - HEAD else []
    return ask[:HEAD] + sorted(middle) + [ask[cut - 1]] + last


def save(path: Path, tokenizer: Tokenizer, dialogues: Iterator[Dialogue]) -> int:
    """Writes one shard, whole or not at all; how many dialogues fitted."""
    ids: list[int] = []
    ask: list[int] = []
    ends: list[tuple[int, int]] = []
    rng = random.Random(str(path))
    for dialogue in dialogues:
        tokens, positions = encode(tokenizer, dialogue)
        positions = thinned(positions, rng)
        if positions and len(tokens) <= LONGEST:
            ids += tokens
            ask += positions
            ends.append((len(ids), len(ask)))
    part = path.with_suffix(".part.npz")
    np.savez(part, ids=np.array(ids, np.uint16), ask=np.array(ask, np.uint16), ends=np.array(ends, np.int64))
    os.replace(part, path)
    return len(ends)


def main() -> None:
    """Writes shards until there are as many as wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--books", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--recorded", type=Path, help="dialogues of record.py, as a shard of their own")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--size", type=int, default=6000)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(options.tokenizer))
    options.out.mkdir(parents=True, exist_ok=True)
    if options.recorded:
        save(options.out / "recorded.npz", tokenizer, recorded(options.recorded))
    for place in range(options.first, options.first + options.count):
        path = options.out / f"shard-{place:04d}.npz"
        if not path.exists():
            world = wording.World(random.Random(1000 + place), options.books, simple=0.1)
            told = invented(world, options.size, scenes.SHARES, DRILLED)
            print(path.name, save(path, tokenizer, told), flush=True)


if __name__ == "__main__":
    main()
