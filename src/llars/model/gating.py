"""The gate that selects experts of every kind: noisy top-k (Shazeer et al., 2017)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["Gate", "balance_loss"]


class Gate(nn.Module):
    """Maps the condition vector to weights of the experts, of which ``top_k`` are not zero."""

    def __init__(self, condition_features: int, experts: int, top_k: int) -> None:
        super().__init__()
        self.top_k = top_k
        self.clean = nn.Linear(condition_features, experts)
        self.noise = nn.Linear(condition_features, experts)
        nn.init.zeros_(self.noise.weight)
        nn.init.constant_(self.noise.bias, -2.0)

    def forward(self, condition: Float[Tensor, "batch feature"]) -> Float[Tensor, "batch expert"]:
        """Non-negative weights that sum to 1; noise is added in training mode only."""
        logits = self.clean(condition).float()
        if self.training:
            logits = logits + torch.randn_like(logits) * nn.functional.softplus(self.noise(condition).float())
        kept = logits.topk(self.top_k, dim=-1)
        closed = torch.full_like(logits, -torch.inf)
        return closed.scatter(-1, kept.indices, kept.values).softmax(-1)


def balance_loss(gates: list[Float[Tensor, "batch expert"]]) -> Float[Tensor, ""]:
    """Mean squared coefficient of variation of the experts' importance: 0 when all are used equally."""
    importance = torch.stack(gates).sum(1)
    return (importance.var(-1, correction=0) / importance.mean(-1).square()).mean()
