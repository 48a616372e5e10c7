"""Writes a GGUF file of a model whose next token depends on the last one alone, so that its replies are known.

One layer whose attention and feed-forward are zero: what leaves it is the last token's embedding, one-hot; and the
output matrix says which token follows which.
"""

import itertools
import struct
from pathlib import Path

import numpy as np

ASSISTANT, END = "<|assistant|>", "<|end|>"
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_SPECIAL = ["<|pad|>", "<|user|>", ASSISTANT, END]
_WIDTH, _HIDDEN = 320, 32
_UINT32, _FLOAT32, _BOOL, _STRING, _ARRAY, _INT32 = 4, 6, 7, 8, 9, 5


def write_bigram(path, follows, *, window=512, **fields):
    """Writes a model in which `follows` maps a token (a special one, or a byte as an int) to the next one."""
    tokens = _SPECIAL + [_visible(byte) for byte in range(256)]
    place = {token: i for i, token in enumerate(_SPECIAL)} | {byte: 4 + byte for byte in range(256)}
    embed = np.eye(len(tokens), _WIDTH, dtype=np.float32)
    output = np.zeros_like(embed)
    for before, after in follows.items():
        output[place[after], place[before]] = 10
    _write(path, _fields(tokens, window) | fields, _tensors(embed, output))
    return path


def chain(text):
    """The `follows` of a model that always answers `text`, whose bytes must all be different."""
    steps = [ASSISTANT, *text.encode(), END]
    assert len(set(steps)) == len(steps)
    return dict(itertools.pairwise(steps))


def _visible(byte):
    """How a byte-level vocabulary writes a byte."""
    unseen = [*range(33), *range(127, 161), 173]
    return chr(256 + unseen.index(byte)) if byte in unseen else chr(byte)


def _fields(tokens, window):
    return {
        "general.architecture": "llama",
        "llama.context_length": window,
        "llama.embedding_length": _WIDTH,
        "llama.block_count": 1,
        "llama.feed_forward_length": _HIDDEN,
        "llama.attention.head_count": 4,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": _WIDTH // 4,
        "llama.vocab_size": len(tokens),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3] * len(_SPECIAL) + [1] * 256,
        "tokenizer.ggml.merges": ["q j"],
        "tokenizer.ggml.eos_token_id": 3,
        "tokenizer.ggml.bos_token_id": 0,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": TEMPLATE,
    }


def _tensors(embed, output):
    square, ones = np.zeros((_WIDTH, _WIDTH), np.float32), np.ones(_WIDTH, np.float32)
    wide = np.zeros((_HIDDEN, _WIDTH), np.float32)
    layer = {"attn_norm": ones, "ffn_norm": ones, "ffn_gate": wide, "ffn_up": wide, "ffn_down": wide.T}
    layer |= {f"attn_{name}": square for name in ("q", "k", "v", "output")}
    return {
        "token_embd.weight": embed,
        "output.weight": output,
        "output_norm.weight": ones,
        **{f"blk.0.{name}.weight": tensor for name, tensor in layer.items()},
    }


def _write(path, fields, tensors):
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(fields))
    head += b"".join(_string(key) + _value(value) for key, value in fields.items())
    data = b""
    for name, tensor in tensors.items():
        head += _string(name) + struct.pack(f"<I{tensor.ndim}Q", tensor.ndim, *reversed(tensor.shape))
        head += struct.pack("<IQ", 0, len(data))
        data += tensor.tobytes()
    Path(path).write_bytes(head + b"\0" * (-len(head) % 32) + data)  # every tensor is a multiple of 32 bytes long


def _string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value):
    match value:
        case bool():
            return struct.pack("<I?", _BOOL, value)
        case int():
            return struct.pack("<II", _UINT32, value)
        case float():
            return struct.pack("<If", _FLOAT32, value)
        case str():
            return struct.pack("<I", _STRING) + _string(value)
        case [str(), *_]:
            return struct.pack("<IIQ", _ARRAY, _STRING, len(value)) + b"".join(map(_string, value))
    return struct.pack(f"<IIQ{len(value)}i", _ARRAY, _INT32, len(value), *value)
