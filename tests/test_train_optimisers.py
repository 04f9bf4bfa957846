"""The optimiser that is called with less around it: torch's own is its oracle, to the last bit."""

import copy

import torch
from torch import Generator, Tensor, nn

from course_lib.train.optimisers import FusedAdam


def weights() -> list[nn.Parameter]:
    g = Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=g)) for shape in ((7, 5), (7,), (), (33, 2))]


def slope(weight: Tensor, step: int, place: int) -> Tensor:
    return torch.randn(weight.shape, generator=Generator().manual_seed(100 * step + place))


def test_it_moves_weights_as_torchs_own_does_whichever_have_a_gradient() -> None:
    """Also the moments and the counts; at steps 0, 4 and 5 one weight has no gradient."""
    ours, theirs = weights(), weights()
    adam = FusedAdam(ours, 0.1)
    oracle = torch.optim.Adam(theirs, lr=0.1, fused=True)
    for step in range(9):
        for of, optimiser in ((ours, adam), (theirs, oracle)):
            optimiser.param_groups[0]["lr"] = 0.1 / (step + 1)
            for place, weight in enumerate(of):
                absent = (step, place) in {(0, 1), (4, 2), (5, 3)}
                weight.grad = None if absent else slope(weight, step, place)
            optimiser.step()
        if step == 6:  # as a training that is resumed: other weights, the state from a dictionary
            ours = [nn.Parameter(weight.detach().clone()) for weight in ours]
            state = copy.deepcopy(adam.state_dict())
            adam = FusedAdam(ours, 0.1)
            adam.load_state_dict(state)
        for mine, its in zip(ours, theirs, strict=True):
            assert torch.equal(mine, its)
    for mine, its in zip(ours, theirs, strict=True):
        for name in ("step", "exp_avg", "exp_avg_sq"):
            assert torch.equal(adam.state[mine][name], oracle.state[its][name])
    assert [int(adam.state[weight]["step"]) for weight in ours] == [9, 8, 8, 8]


def test_weights_of_two_precisions_are_left_to_torch() -> None:
    ours, theirs = ([*weights(), nn.Parameter(torch.ones(3).double())] for _ in range(2))
    adam, oracle = FusedAdam(ours, 0.1), torch.optim.Adam(theirs, lr=0.1, fused=True)
    for step in range(3):
        for of, optimiser in ((ours, adam), (theirs, oracle)):
            for place, weight in enumerate(of):
                weight.grad = slope(weight, step, place).to(weight)
            optimiser.step()
    assert all(torch.equal(mine, its) for mine, its in zip(ours, theirs, strict=True))
