"""Muon for the matrices and Adam for the rest, over fp32 masters of bf16 weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def orthogonal(update: Tensor, steps: int = 5) -> Tensor:
    """The nearest orthogonal matrix, roughly, of each [n, rows, columns]: Newton and Schulz's iteration in bf16."""
    x = update.bfloat16()
    flip = x.shape[-2] > x.shape[-1]
    if flip:
        x = x.transpose(-1, -2)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.transpose(-1, -2)
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return (x.transpose(-1, -2) if flip else x).float()


class Optimizer:
    """Steps a network whose weights are bf16; the masters, the moments and an average of the weights are fp32.

    Fused products are taken apart for Muon: query, key and value are three matrices, gate and up are two.
    """

    PARTS = {"qkv": 3, "gate_up": 2}  # noqa: RUF012

    def __init__(self, net: nn.Module, average: float = 0.995) -> None:
        self.weights = dict(net.named_parameters())
        self.average = average
        self.state = {
            name: {"master": w.detach().float().clone(), "mean": w.detach().float().clone(), "m": torch.zeros(w.shape)}
            for name, w in self.weights.items()
        }
        for name in self.weights:
            if not self.is_matrix(name):
                self.state[name]["v"] = torch.zeros(self.weights[name].shape)
        self.steps = 0

    def is_matrix(self, name: str) -> bool:
        """Whether Muon steps this weight."""
        return self.weights[name].dim() == 2 and name not in ("embed", "spans")

    @torch.no_grad()
    def step(self, rate: float, scale: float) -> None:
        """One step. rate: from 0 to 1 of the full learning rates. scale: what the gradients are multiplied by."""
        self.steps += 1
        keep = min(self.average, self.steps / (self.steps + 10))
        for name, weight in self.weights.items():
            if weight.grad is None:
                continue
            state = self.state[name]
            grad = weight.grad.float() * scale
            change = self._muon(name, grad, state) if self.is_matrix(name) else self._adam(grad, state)
            state["master"].add_(change, alpha=-rate)
            weight.copy_(state["master"])
            state["mean"].lerp_(state["master"], 1 - keep)
            weight.grad = None

    def _muon(self, name: str, grad: Tensor, state: dict[str, Tensor]) -> Tensor:
        momentum = state["m"].lerp_(grad, 0.05)
        update = grad.lerp(momentum, 0.95)
        parts = self.PARTS.get(name.rpartition(".")[2], 1)
        update = orthogonal(update.view(parts, -1, update.shape[1]))
        size = 0.02 * max(1.0, update.shape[1] / update.shape[2]) ** 0.5
        return size * (update.reshape(grad.shape) + 0.02 * state["master"])

    def _adam(self, grad: Tensor, state: dict[str, Tensor]) -> Tensor:
        first, second = state["m"].lerp_(grad, 0.1), state["v"].lerp_(grad.square(), 0.05)
        a, b = 1 - 0.9**self.steps, 1 - 0.95**self.steps
        return 0.003 * (first / a) / ((second / b).sqrt() + 1e-8)
