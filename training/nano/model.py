"""The network: a Llama-shaped decoder, laid out for bf16 products on CPU cores.

The products run in bf16 with fp32 master weights kept by the optimizer. Query, key and value are one product, and so
are gate and up. Rotary pairs are the two halves of a head (contiguous slices are faster than interleaved pairs);
`export.py` permutes them to what llama.cpp expects of a Llama.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """The sizes of the network."""

    vocab: int = 4096
    width: int = 256
    layers: int = 8
    heads: int = 4
    hidden: int = 1024
    window: int = 2048
    rope_base: float = 10000.0
    norm_eps: float = 1e-5


def rope_table(shape: Shape, length: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each [length, head width / 2], fp32."""
    half = shape.width // shape.heads // 2
    rate = shape.rope_base ** (-torch.arange(half, dtype=torch.float32) / half)
    angle = torch.arange(length, dtype=torch.float32)[:, None] * rate
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding of x [batch, heads, length, head width]."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


class Block(nn.Module):
    """Attention and a gated feed-forward, each behind a norm and a residual."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.eps = shape.norm_eps
        self.attn_norm = nn.Parameter(torch.ones(shape.width))
        self.ffn_norm = nn.Parameter(torch.ones(shape.width))
        self.qkv = nn.Parameter(torch.empty(3 * shape.width, shape.width))
        self.out = nn.Parameter(torch.empty(shape.width, shape.width))
        self.gate_up = nn.Parameter(torch.empty(2 * shape.hidden, shape.width))
        self.down = nn.Parameter(torch.empty(shape.width, shape.hidden))

    def split(self, x: Tensor) -> Tensor:
        """[batch, length, n * width] as [batch, n * heads, length, head width]."""
        return x.view(*x.shape[:2], -1, self.out.shape[0] // self.heads).transpose(1, 2)

    def finish(self, x: Tensor, mixed: Tensor) -> Tensor:
        """Adds the attention's output, and then the feed-forward's, to the residual x [batch, length, width]."""
        width = x.shape[-1]
        x = x + F.linear(mixed.transpose(1, 2).reshape(x.shape), self.out)
        normed = F.rms_norm(x, (width,), self.ffn_norm, self.eps)
        gate, up = F.linear(normed, self.gate_up).chunk(2, dim=-1)
        return x + F.linear(F.silu(gate) * up, self.down)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        """X [batch, length, width]; mask [STRIDE, STRIDE], -inf above the diagonal."""
        normed = F.rms_norm(x, (x.shape[-1],), self.attn_norm, self.eps)
        q, k, v = self.split(F.linear(normed, self.qkv)).chunk(3, dim=1)
        return self.finish(x, attend(rotate(q, cos, sin), rotate(k, cos, sin), v, mask))

    def forward_at(self, x: Tensor, at: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """The same, only for the positions `at` [batch, asked]: what a last layer is wanted for."""
        width, length = x.shape[-1], x.shape[1]
        normed = F.rms_norm(x, (width,), self.attn_norm, self.eps)
        k, v = self.split(F.linear(normed, self.qkv[width:])).chunk(2, dim=1)
        where = at[:, :, None].expand(-1, -1, width)
        q = self.split(F.linear(normed.gather(1, where), self.qkv[:width]))
        q = rotate(q, cos[at][:, None], sin[at][:, None]) * (q.shape[-1] ** -0.5)
        scores = q @ rotate(k, cos, sin).transpose(-1, -2)
        later = torch.arange(length) > at[:, None, :, None]
        mixed = torch.softmax(scores.masked_fill(later, float("-inf")), dim=-1) @ v
        return self.finish(x.gather(1, where), mixed)


STRIDE = 128


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Causal attention in strides of queries, each over the keys up to its end.

    Plain products: on these cores twice as fast as the fused kernel at these lengths, and the strides spare most of
    the half that a mask would throw away. All arguments [batch, heads, length, head width].
    """
    q = q * (q.shape[-1] ** -0.5)
    mixed = []
    for start in range(0, q.shape[2], STRIDE):
        end = min(start + STRIDE, q.shape[2])
        near = q[:, :, start:end] @ k[:, :, :end].transpose(-1, -2)
        hidden = F.pad(mask[: end - start, : end - start], (start, 0))
        mixed.append(torch.softmax(near + hidden, dim=-1) @ v[:, :, :end])
    return torch.cat(mixed, dim=2)


class Decoder(nn.Module):
    """Token ids in; hidden states out, ready for the product with the (tied) embedding."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Parameter(torch.empty(shape.vocab, shape.width))
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.Parameter(torch.ones(shape.width))
        self.spans = nn.Parameter(torch.zeros(3, shape.width))

    def init(self, seed: int) -> None:
        """Draws every weight anew; the products that write into the residual start smaller."""
        generator = torch.Generator().manual_seed(seed)
        for name, weight in self.named_parameters():
            if weight.dim() < 2 or name == "spans":
                continue
            std = 0.02 if name == "embed" else weight.shape[1] ** -0.5
            if name.endswith((".out", ".down")):
                std *= (2 * self.shape.layers) ** -0.5
            weight.data.copy_(torch.randn(weight.shape, generator=generator) * std)

    def forward(self, ids: Tensor, at: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states [batch, asked, width] at the positions `at` [batch, asked] of ids [batch, length].

        And, of every position, the logits [batch, length, 3] of whether the next token is of the value: not, its first,
        another. They are read two layers before the last, so that those may use what was found; only training asks.

        cos, sin [length, head width / 2] and mask [STRIDE, STRIDE] are in the weights' type.
        """
        x = F.embedding(ids, self.embed)
        for block in self.blocks[:-2]:
            x = block(x, cos, sin, mask)
        spans = F.linear(F.rms_norm(x, (self.shape.width,), None, self.shape.norm_eps), self.spans)
        x = self.blocks[-2](x, cos, sin, mask)
        x = self.blocks[-1].forward_at(x, at, cos, sin)
        return F.rms_norm(x, (self.shape.width,), self.norm, self.shape.norm_eps), spans
