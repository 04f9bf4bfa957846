"""What moves the weights: fused Adam, or Muon on the matrices of weights and Adam on the rest."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

OPTIMISERS = ("adam", "muon")
# What torch.optim.Adam has for its own, under the names of the kernel.
OF_ADAM: dict[str, Any] = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}
OF_ADAM |= {"amsgrad": False, "maximize": False}


def optimisers_of(model: nn.Module, kind: str, learning_rate: float) -> list[torch.optim.Optimizer]:
    """The optimisers of all its weights; kind is one of OPTIMISERS.

    Raises ValueError if there is no matrix for "muon".
    """
    parameters = list(model.parameters())
    if kind == "adam":
        return [FusedAdam(parameters, learning_rate)]
    matrices = [p for p in parameters if p.ndim == 2]
    rest = [p for p in parameters if p.ndim != 2]
    if not matrices:
        raise ValueError(
            'the model has no matrices of weights for optimiser="muon"; use optimiser="adam"'
        )
    # These steps of Newton and Schulz cost a third less than the default five, and learn as fast.
    muon = torch.optim.Muon(
        matrices,
        lr=learning_rate,
        weight_decay=0.0,
        adjust_lr_fn="match_rms_adamw",
        ns_steps=4,
    )
    return [muon, *([FusedAdam(rest, learning_rate)] if rest else [])]


class FusedAdam(torch.optim.Adam):
    """torch's fused Adam, to the last bit, with less around its one kernel.

    torch's own step gathers all tensors anew each time, and counts the steps of every weight in a
    tensor of its own, which for a small model takes as long as a layer. Here they are gathered
    once, and the counts are one tensor of which each weight sees its entry. A step in which some
    weight has no gradient is torch's own.
    """

    def __init__(self, parameters: list[nn.Parameter], learning_rate: float) -> None:
        super().__init__(parameters, lr=learning_rate, fused=True)
        self._gathered: tuple[list[Tensor], list[Tensor], list[Tensor], Tensor] | None = None

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As torch's; what was gathered is forgotten."""
        super().load_state_dict(state_dict)
        self._gathered = None

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step of every weight down its gradient."""
        (group,) = self.param_groups
        gradients = [weight.grad for weight in group["params"] if weight.grad is not None]
        whole = closure is None and len(gradients) == len(group["params"])
        if self._gathered is None or not whole:
            super().step(closure)
            self._gather(group["params"])
            return
        first, second, counts, count = self._gathered
        count += 1
        torch._fused_adam_(
            group["params"],
            gradients,
            first,
            second,
            [],
            counts,
            lr=group["lr"],
            **OF_ADAM,
        )

    def _gather(self, weights: list[Tensor]) -> None:
        """The moments and the counts of all weights, if all have them and are of one kind."""
        states = [self.state[weight] for weight in weights if weight in self.state]
        kinds = {(weight.dtype, weight.device) for weight in weights}
        if self._gathered is not None or len(states) < len(weights) or len(kinds) > 1:
            return
        count = torch.stack([state["step"] for state in states])
        for state, own in zip(states, count.unbind(), strict=True):
            state["step"] = own
        first, second, counts = (
            [state[name] for state in states] for name in ("exp_avg", "exp_avg_sq", "step")
        )
        self._gathered = first, second, counts, count
