"""Writes the network and its tokenizer as one GGUF file, and checks that llama.cpp reads text the same way."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
import torch
from dialogue import ASSISTANT, END, PAD, USER
from model import Shape
from tokenizers import Tokenizer
from torch import Tensor

TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def interleaved(weight: Tensor, heads: int) -> Tensor:
    """Rows of a query or key product, from rotary halves to the rotary pairs that llama.cpp takes a Llama to have."""
    rows, columns = weight.shape
    return weight.view(heads, 2, rows // heads // 2, columns).transpose(1, 2).reshape(rows, columns)


def tensors(weights: dict[str, Tensor], shape: Shape) -> dict[str, Tensor]:
    """llama.cpp's names -> weights."""
    found = {"token_embd.weight": weights["embed"], "output_norm.weight": weights["norm"]}
    for place in range(shape.layers):
        mine, theirs = f"blocks.{place}.", f"blk.{place}."
        q, k, v = weights[mine + "qkv"].chunk(3)
        gate, up = weights[mine + "gate_up"].chunk(2)
        found |= {
            theirs + "attn_norm.weight": weights[mine + "attn_norm"],
            theirs + "attn_q.weight": interleaved(q, shape.heads),
            theirs + "attn_k.weight": interleaved(k, shape.heads),
            theirs + "attn_v.weight": v,
            theirs + "attn_output.weight": weights[mine + "out"],
            theirs + "ffn_norm.weight": weights[mine + "ffn_norm"],
            theirs + "ffn_gate.weight": gate,
            theirs + "ffn_up.weight": up,
            theirs + "ffn_down.weight": weights[mine + "down"],
        }
    return found


def write(path: Path, weights: dict[str, Tensor], shape: Shape, tokenizer: Tokenizer) -> None:
    """Writes the file: matrices in f16, norms in f32."""
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("rlm-nano")
    writer.add_license("mit")
    writer.add_context_length(shape.window)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(shape.norm_eps)
    writer.add_vocab_size(shape.vocab)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    model = json.loads(tokenizer.to_str())["model"]
    words = sorted(model["vocab"], key=model["vocab"].get)
    special = {PAD, USER, ASSISTANT, END}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(words)
    writer.add_token_types([gguf.TokenType.CONTROL if word in special else gguf.TokenType.NORMAL for word in words])
    writer.add_token_merges([" ".join(merge) for merge in model["merges"]])
    writer.add_eos_token_id(model["vocab"][END])
    writer.add_pad_token_id(model["vocab"][PAD])
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    for name, weight in tensors(weights, shape).items():
        kind = np.float16 if weight.dim() == 2 else np.float32
        writer.add_tensor(name, weight.float().numpy().astype(kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    """Exports the averaged weights of a checkpoint, or the mean of those of several."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True, help="of several, the mean is taken")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--weights", choices=("mean", "master"), default="mean")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    every = [torch.load(path, weights_only=True) for path in options.checkpoint]
    kept = every[-1]
    weights = {
        name: torch.stack([one["state"][name][options.weights] for one in every]).mean(0) for name in kept["state"]
    }
    write(options.out, weights, Shape(**kept["shape"]), Tokenizer.from_file(str(options.tokenizer)))
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB, after {kept['tokens'] / 1e6:.1f}M tokens")


if __name__ == "__main__":
    main()
