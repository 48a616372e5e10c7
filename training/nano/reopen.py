"""The way back from the GGUF file: its tokenizer, and a checkpoint that training goes on from, with fresh moments.

The network can be made deeper and wider on the way: a block, or a hidden unit, that adds nothing yet says what the
smaller one said.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path

import gguf
import numpy as np
import torch
from dialogue import ASSISTANT, END, PAD, USER
from model import Decoder, Shape
from muon import Optimizer
from tokenizer import as_llama_cpp
from tokenizers import Tokenizer, models
from torch import Tensor


def listed(reader: gguf.GGUFReader, key: str) -> list[str]:
    """A list of strings of the file."""
    field = reader.fields[key]
    return [bytes(field.parts[place]).decode() for place in field.data]


def tokenizer(reader: gguf.GGUFReader) -> Tokenizer:
    """The tokenizer, as `tokenizer.py` made it."""
    vocabulary = {word: place for place, word in enumerate(listed(reader, "tokenizer.ggml.tokens"))}
    merges = [tuple(merge.split(" ")) for merge in listed(reader, "tokenizer.ggml.merges")]
    found = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    found.add_special_tokens([PAD, USER, ASSISTANT, END])
    return as_llama_cpp(found)


def halves(weight: Tensor, heads: int) -> Tensor:
    """Rows of a query or key product, back from rotary pairs to the halves of a head (`export.interleaved`)."""
    rows, columns = weight.shape
    return weight.view(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)


def weights(reader: gguf.GGUFReader, shape: Shape) -> dict[str, Tensor]:
    """The network's names -> weights, fp32."""
    told = {one.name: torch.from_numpy(np.array(one.data).astype(np.float32)) for one in reader.tensors}
    found = {"embed": told["token_embd.weight"], "norm": told["output_norm.weight"]}
    for place in range(shape.layers):
        mine, theirs = f"blocks.{place}.", f"blk.{place}."
        q, k = (halves(told[f"{theirs}attn_{which}.weight"], shape.heads) for which in "qk")
        found |= {
            mine + "attn_norm": told[theirs + "attn_norm.weight"],
            mine + "ffn_norm": told[theirs + "ffn_norm.weight"],
            mine + "qkv": torch.cat([q, k, told[theirs + "attn_v.weight"]]),
            mine + "out": told[theirs + "attn_output.weight"],
            mine + "gate_up": torch.cat([told[theirs + "ffn_gate.weight"], told[theirs + "ffn_up.weight"]]),
            mine + "down": told[theirs + "ffn_down.weight"],
        }
    return found


def deeper(told: dict[str, Tensor], layers: int, behind: list[int]) -> dict[str, Tensor]:
    """The same with one more block behind some of the `layers`: a copy that writes nothing into the residual yet."""
    found = {name: weight for name, weight in told.items() if not name.startswith("blocks.")}
    order = sorted([(place, False) for place in range(layers)] + [(place, True) for place in behind])
    for place, (old, added) in enumerate(order):
        for name, weight in told.items():
            start, _, part = name.rpartition(".")
            if start == f"blocks.{old}":
                silent = added and part in ("out", "down")
                found[f"blocks.{place}.{part}"] = torch.zeros_like(weight) if silent else weight
    return found


def wider(told: dict[str, Tensor], hidden: int, seed: int = 1) -> dict[str, Tensor]:
    """The same with so many hidden units in every block: the new ones read at random and write nothing yet."""
    generator = torch.Generator().manual_seed(seed)
    found = dict(told)
    for name, weight in told.items():
        if name.endswith(".down"):
            found[name] = torch.cat([weight, torch.zeros(len(weight), hidden - weight.shape[1])], dim=1)
        elif name.endswith(".gate_up"):
            width = weight.shape[1]
            new = torch.randn(2, hidden - len(weight) // 2, width, generator=generator) * width**-0.5
            found[name] = torch.cat([torch.cat(pair) for pair in zip(weight.chunk(2), new, strict=True)])
    return found


def main() -> None:
    """Writes tokenizer.json and checkpoint.pt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="a GGUF file that export.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    parser.add_argument("--behind", type=int, nargs="*", default=[], help="blocks that get another behind them")
    parser.add_argument("--hidden", type=int, help="of a block's feed-forward: more than it has")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    reader = gguf.GGUFReader(str(options.weights))
    tokens = tokenizer(reader)
    tokens.save(str(options.out / "tokenizer.json"))
    layers = int(reader.fields["llama.block_count"].contents())
    hidden = int(reader.fields["llama.feed_forward_length"].contents())
    was = Shape(vocab=tokens.get_vocab_size(), layers=layers, hidden=hidden)
    shape = replace(was, layers=layers + len(options.behind), hidden=options.hidden or hidden)
    state = Optimizer(Decoder(shape)).state
    for name, weight in wider(deeper(weights(reader, was), layers, options.behind), shape.hidden).items():
        state[name]["master"], state[name]["mean"] = weight.clone(), weight.clone()
    kept = {"spent": 0.0, "tokens": 0, "state": state, "steps": 0, "shape": asdict(shape)}
    torch.save(kept, options.out / "checkpoint.pt")


if __name__ == "__main__":
    main()
