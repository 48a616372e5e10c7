"""Trains the network on shards of dialogues, for a given time, on two CPU cores; can be stopped and started again."""

from __future__ import annotations

import argparse
import os
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
import wording
from model import STRIDE, Decoder, Shape, rope_table
from muon import Optimizer
from renaming import Renaming
from shards import LONGEST, invented, save
from spans import UNASKED, Spans
from tokenizers import Tokenizer
from torch import Tensor

# Length of a batch's rows -> how many rows, and how many places of each are asked for (of more, the last): every batch
# has one of these shapes, so that each is compiled once.
ROWS = {48: (112, 36), 64: (90, 44), 80: (72, 56), 96: (58, 64), 120: (48, 64), 144: (40, 56), 176: (34, 60),
        224: (28, 80), 352: (17, 80), LONGEST: (13, 80)}  # fmt: skip
STEP_TOKENS = 10_000
Row = tuple[np.ndarray, np.ndarray]  # token ids, supervised positions
# ids [rows, length]; at [rows, most]; target likewise, -1 where unused; how many of each row are the assistant's,
# and how many of those are of its first cell; and of each place [rows, length] whether the next token is of the value.
Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]
# Places left over are filled with tokens that repeat an earlier pair: what copying can be learnt from, at no cost.
# Once it is learnt they would drown what is left to learn, so their weight falls after so many tokens.
ECHO_WEIGHT, ECHO_AFTER, ECHO_TOKENS = 0.2, 0.01, 6_000_000
SPAN_WEIGHT = 0.05  # of a place where it is asked whether the next token is of the value (`spans.py`)
# A dialogue is trained on where the network still doubts some token, which a forward pass tells at a third of the cost:
# from so many nats on, and of the others such a share, lest they be forgotten. Of 318 million tokens in, 18 in 100 were
# of dialogues in doubt.
DOUBT, CERTAIN = 0.1, 0.08


def rows_of(path: Path) -> Iterator[Row]:
    """The dialogues of a shard: token ids and supervised positions."""
    with np.load(path) as shard:
        ids, ask, ends = shard["ids"], shard["ask"], shard["ends"]
    first, asked = 0, 0
    for end, stop in ends:
        yield ids[first:end], ask[asked:stop]
        first, asked = end, stop


def echoes(tokens: np.ndarray, ask: np.ndarray, room: int, rng: random.Random) -> list[int]:
    """Some positions, not the assistant's, whose token and the next stand together earlier in the dialogue."""
    seen: set[tuple[int, int]] = set()
    found = []
    taken = set(ask.tolist())
    told = tokens.tolist()
    for place in range(len(told) - 1):
        pair = (told[place], told[place + 1])
        if pair in seen and place not in taken:
            found.append(place)
        seen.add(pair)
    return sorted(rng.sample(found, min(room, len(found))))


def pack(rows: list[Row], length: int, rng: random.Random, spans: Spans) -> Batch:
    """Rows of one bucket as a batch; missing rows stay empty."""
    count, most = ROWS[length]
    ids = torch.zeros(count, length, dtype=torch.long)
    at = torch.zeros(count, most, dtype=torch.long)
    target = torch.full((count, most), -1, dtype=torch.long)
    asked = torch.zeros(count, dtype=torch.long)
    first = torch.zeros(count, dtype=torch.long)
    values = torch.full((count, length), UNASKED, dtype=torch.long)
    for place, (tokens, all_asked) in enumerate(rows):
        ask = all_asked[-most:]
        ids[place, : len(tokens)] = torch.from_numpy(tokens.astype(np.int64))
        values[place, : len(tokens)] = torch.from_numpy(spans(tokens))
        where = np.array([*ask.tolist(), *echoes(tokens, ask, most - len(ask), rng)], np.int64)
        at[place, : len(where)] = torch.from_numpy(where)
        target[place, : len(where)] = torch.from_numpy(tokens[where + 1].astype(np.int64))
        asked[place] = len(ask)
        gaps = np.flatnonzero(np.diff(ask.astype(np.int64)) > 1)
        first[place] = int(gaps[-1]) + 1 if len(gaps) else len(ask)
    return ids, at, target, asked, first, values


def batches(paths: list[Path], rng: random.Random, spans: Spans, renaming: Renaming | None = None) -> list[Batch]:
    """The dialogues of some shards as batches by length, in random order; some of their words exchanged."""
    buckets: dict[int, list[Row]] = defaultdict(list)
    for path in paths:
        for row in rows_of(path):
            if len(row[0]) > LONGEST:
                continue
            if renaming:
                row = renaming(*row, rng), row[1]
            buckets[next(length for length in ROWS if len(row[0]) <= length)].append(row)
    found = []
    for length, rows in buckets.items():
        rng.shuffle(rows)
        count, _ = ROWS[length]
        found += [pack(rows[k : k + count], length, rng, spans) for k in range(0, len(rows), count)]
    rng.shuffle(found)
    return found


class Runner:
    """The network, compiled once per shape, and what it needs besides ids."""

    def __init__(self, net: Decoder, compiled: bool = True) -> None:
        self.net = net
        torch._dynamo.config.recompile_limit = 2 * len(ROWS)  # one compilation for each shape of a batch
        self.summed = torch.compile(self._summed, dynamic=False) if compiled else self._summed
        self.doubted = torch.compile(self._doubted, dynamic=False) if compiled else self._doubted
        cos, sin = rope_table(net.shape, LONGEST)
        self.cos, self.sin = cos.bfloat16(), sin.bfloat16()
        self.mask = torch.full((STRIDE, STRIDE), float("-inf"), dtype=torch.bfloat16).triu(1)

    def logits(self, ids: Tensor, at: Tensor) -> Tensor:
        """fp32 logits [rows, asked, vocabulary]."""
        length = ids.shape[1]
        return self._logits(ids, at, self.cos[:length], self.sin[:length])[0]

    def losses(self, ids: Tensor, at: Tensor, target: Tensor, weight: Tensor, spans: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of the nats of each target [rows, asked], by its weight, and of each span [rows, length]."""
        length = ids.shape[1]
        return self.summed(ids, at, target, weight, spans, self.cos[:length], self.sin[:length])

    @torch.no_grad()
    def doubts(self, batch: Batch) -> Tensor:
        """The nats of each row's least likely token of the assistant's [rows]; -1 for empty rows."""
        ids, at, target, asked, *_ = batch
        length = ids.shape[1]
        return self.doubted(ids, at, target, asked, self.cos[:length], self.sin[:length])

    def _doubted(self, ids: Tensor, at: Tensor, target: Tensor, asked: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        logits, _ = self._logits(ids, at, cos, sin)
        each = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-1, reduction="none").view(at.shape)
        return each.masked_fill(torch.arange(at.shape[1]) >= asked[:, None], -1.0).amax(1)

    def _logits(self, ids: Tensor, at: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
        states, spans = self.net(ids, at, cos, sin, self.mask)
        return F.linear(states, self.net.embed).float(), spans.float()

    def _summed(self, ids: Tensor, at: Tensor, target: Tensor, weight: Tensor, spans: Tensor, cos: Tensor,
                sin: Tensor) -> tuple[Tensor, Tensor]:  # fmt: skip
        logits, told = self._logits(ids, at, cos, sin)
        each = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-1, reduction="none")
        found = F.cross_entropy(told.flatten(0, 1), spans.flatten(), ignore_index=UNASKED, reduction="sum")
        return (each * weight.flatten()).sum(), found


@torch.no_grad()
def exact(runner: Runner, told: list[Batch]) -> tuple[float, float]:
    """Shares of first and of last cells that greedy decoding would write without a fault.

    Decoding is right to the last token if and only if each token is the likeliest after the right ones before it.
    """
    first, last = [], []
    for ids, at, target, asked, cut, _ in told:
        right = runner.logits(ids, at).argmax(-1) == target
        for row, (count, middle) in enumerate(zip(asked.tolist(), cut.tolist(), strict=True)):
            if count:
                first.append(bool(right[row, :middle].all()))
            if count > middle:
                last.append(bool(right[row, middle:count].all()))
    return float(np.mean(first)), float(np.mean(last)) if last else float("nan")


class Sieve:
    """Lets through what the network still doubts, and a few of the rest, in batches as full as those that come in."""

    def __init__(self, runner: Runner, rng: random.Random) -> None:
        self.runner = runner
        self.chance = torch.Generator().manual_seed(rng.randrange(2**31))
        self.waiting: dict[int, Batch] = {}  # length of rows -> rows that do not fill a batch yet
        self.read = 0  # tokens

    def __call__(self, told: list[Batch]) -> Iterator[Batch]:
        """Full batches; the rows that are left over wait for the next call."""
        for batch in told:
            length = batch[0].shape[1]
            count, _ = ROWS[length]
            doubts = self.runner.doubts(batch)
            self.read += int((batch[0] != 0).sum())
            kept = (doubts > DOUBT) | ((doubts >= 0) & (torch.rand(len(doubts), generator=self.chance) < CERTAIN))
            rows = tuple(part[kept] for part in batch)
            if length in self.waiting:
                rows = tuple(torch.cat(parts) for parts in zip(self.waiting[length], rows, strict=True))
            if len(rows[0]) >= count:
                yield tuple(part[:count] for part in rows)
                rows = tuple(part[count:] for part in rows)
            self.waiting[length] = rows


def rate_at(done: float, steps: int) -> float:
    """Learning rate, as a share of the full one, when `done` of the time is spent: flat, then falling."""
    return min(1.0, (steps + 1) / 60) * min(1.0, max(0.01, (1 - done) / 0.7))


class Training:
    """One training run: everything that a checkpoint keeps."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.tokenizer = Tokenizer.from_file(str(options.tokenizer))
        self.shape = Shape(vocab=self.tokenizer.get_vocab_size(), layers=options.layers, hidden=options.hidden)
        net = Decoder(self.shape)
        net.init(options.seed)
        self.runner = Runner(net.bfloat16())
        self.optimizer = Optimizer(net)
        self.rng = random.Random(options.seed)
        self.spent = 0.0
        self.tokens = 0  # read
        self.trained = 0  # of those since the start of this process, those trained on
        self.found = torch.zeros(2)  # a running mean of a batch's nats for spans, and of how many were asked
        self.checkpoint = options.out / "checkpoint.pt"
        self.rate = options.rate
        if self.checkpoint.exists():
            self.restore()
        if options.more:
            self.spent = 0.0

    def restore(self) -> None:
        """Goes on from the checkpoint."""
        kept = torch.load(self.checkpoint, weights_only=True)
        self.spent, self.tokens = kept["spent"], kept["tokens"]
        self.optimizer.state, self.optimizer.steps = kept["state"], kept["steps"]
        with torch.no_grad():
            for name, weight in self.runner.net.named_parameters():
                weight.copy_(kept["state"][name]["master"])
        self.rng = random.Random(kept["steps"])

    def save(self) -> None:
        """Writes the checkpoint, whole or not at all."""
        part = self.checkpoint.with_suffix(".part")
        kept = {"spent": self.spent, "tokens": self.tokens, "state": self.optimizer.state}
        torch.save({**kept, "steps": self.optimizer.steps, "shape": asdict(self.shape)}, part)
        os.replace(part, self.checkpoint)

    def step(self, told: list[Batch]) -> float:
        """One optimizer step over some batches; the loss, that of the echoes with it, for each supervised token."""
        total, count = 0.0, 0
        echo = ECHO_WEIGHT if self.tokens < ECHO_TOKENS else ECHO_AFTER
        for ids, at, target, asked, _, spans in told:
            self.trained += int((ids != 0).sum())
            weight = torch.where(torch.arange(at.shape[1]) < asked[:, None], 1.0, echo)
            loss, found = self.runner.losses(ids, at, target, weight, spans)
            ((loss + SPAN_WEIGHT * found) / 1000).backward()
            self.found.lerp_(torch.stack([found.detach(), (spans != UNASKED).sum().float()]), 0.01)
            total += float(loss.detach())
            count += int(asked.sum())
        done = self.spent / (self.options.minutes * 60)
        self.optimizer.step(self.rate * rate_at(done, self.optimizer.steps), 1000 / count)
        return total / count

    def evaluate(self, dev: dict[str, list[Batch]]) -> str:
        """Exact cells by kind, over held-out wordings and names, with the averaged weights."""
        net = self.runner.net
        with torch.no_grad():
            for name, weight in net.named_parameters():
                weight.copy_(self.optimizer.state[name]["mean"])
            plain = Runner(net, compiled=False)
            scores = {kind: exact(plain, told) for kind, told in dev.items()}
            for name, weight in net.named_parameters():
                weight.copy_(self.optimizer.state[name]["master"])
        return "  ".join(f"{kind} {a:.3f}" + (f"/{b:.3f}" if b == b else "") for kind, (a, b) in scores.items())

    def run(self) -> None:
        """Trains until the time is spent."""
        dev = dev_set(self.options, self.tokenizer)
        spans, renaming = Spans.of(self.tokenizer), Renaming.of(self.tokenizer)
        sieve = Sieve(self.runner, self.rng)
        began = last_save = time.monotonic()
        seen: set[Path] = set()
        before = self.tokens
        while True:
            for told in steps(self.options.shards, seen, self.rng, spans, renaming, sieve):
                loss = self.step(told)
                self.tokens = before + sieve.read
                if (took := time.monotonic() - began) < 30:  # compiling, and being stopped, is not training
                    self.spent += took
                if self.optimizer.steps % 50 == 0:
                    spans_loss = self.found[0] / self.found[1]
                    print(f"{self.optimizer.steps} {self.spent / 60:.1f} min {self.tokens / 1e6:.2f}M tokens "
                          f"{self.trained / sieve.read:.3f} of them trained on, "
                          f"loss {loss:.4f} spans {spans_loss:.4f}", flush=True)  # fmt: skip
                ended = self.spent >= self.options.minutes * 60
                if ended or time.monotonic() - last_save > 600:
                    self.save()
                    print(self.evaluate(dev), flush=True)
                    last_save = time.monotonic()
                if ended:
                    return
                began = time.monotonic()


def steps(folder: Path, seen: set[Path], rng: random.Random, spans: Spans, renaming: Renaming,
          sieve: Sieve) -> Iterator[list[Batch]]:  # fmt: skip
    """One pass over two of the shards that were not seen yet, in groups of batches for one step each."""
    paths = set(folder.glob("*.npz"))
    if len(paths - seen) < 2:  # all of them anew; one that was left over is drawn as likely as the others
        seen.clear()
    chosen = rng.sample(sorted(paths - seen), min(2, len(paths)))
    seen.update(chosen)
    group: list[Batch] = []
    for batch in sieve(batches(chosen, rng, spans, renaming)):
        group.append(batch)
        if sum(ids.numel() for ids, *_ in group) >= STEP_TOKENS:
            yield group
            group = []


def dev_set(options: argparse.Namespace, tokenizer: Tokenizer) -> dict[str, list[Batch]]:
    """Batches by kind, out of templates, names and texts that training never sees."""
    found = {}
    for kind, count in {"find": 300, "short": 100, "count": 60, "mention": 60, "define": 60, "other": 60}.items():
        path = options.out / f"dev-{kind}.npz"
        if not path.exists():
            world = wording.World(random.Random(5), options.books, held_out=True)
            save(path, tokenizer, invented(world, count, {kind: 1.0}))
        found[kind] = batches([path], random.Random(0), Spans.of(tokenizer))
    return found


def main() -> None:
    """Trains."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--books", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--minutes", type=float, default=70)
    parser.add_argument("--rate", type=float, default=1.0, help="learning rate at first, as a share of the full one")
    parser.add_argument("--more", action="store_true", help="train the checkpoint for all of the minutes once more")
    parser.add_argument("--layers", type=int, default=Shape.layers)
    parser.add_argument("--hidden", type=int, default=Shape.hidden, help="units of a block's feed-forward")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    Training(options).run()


if __name__ == "__main__":
    main()
