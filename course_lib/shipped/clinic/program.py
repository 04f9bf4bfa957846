"""The program whose logs the clinic keeps: a hierarchy of two layers in plain PyTorch, healthy.

784-20-10, encoded from below. Each of its faults, in `faults`, is one line of it written wrongly.
It is written as one writes it in a notebook, without the course's own models.
"""

import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits

PIXELS, UNITS, HIDDEN = 784, (20, 10), 100
BATCH, EPOCHS = 100, 20
COUNTED = 1000  # images on which active units are counted
ACTIVE = 0.01  # the variance of a mean from which its unit is active


def net(inputs: int, outputs: int) -> nn.Sequential:
    """One hidden layer of tanh."""
    return nn.Sequential(nn.Linear(inputs, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, outputs))


def gaussian(outputs: Tensor) -> Normal:
    """N(mean, variance) from a net's outputs: the means, then the log-variances."""
    mean, log_variance = outputs.chunk(2, -1)
    return Normal(mean, (log_variance / 2).exp())


class Hierarchy(nn.Module):
    """p(x|z_1) p(z_1|z_2) p(z_2) and q(z_1|x) q(z_2|z_1): what a healthy program computes."""

    rate = 3e-3  # of Adam

    def __init__(self, mean: Tensor) -> None:
        """mean: of the data, (784,) in 0..1, where the decoder's probabilities begin."""
        super().__init__()
        first, second = UNITS
        self.up_1, self.up_2 = net(PIXELS, 2 * first), net(first, 2 * second)
        self.down_2, self.down_1 = net(second, 2 * first), net(first, PIXELS)
        self.down_1[-1].bias.data = mean.clamp(0.001, 0.999).logit()

    def prepare(self, pixels: Tensor) -> Tensor:
        """Grey levels 0..255 to black and white, at random and anew at every visit."""
        return torch.bernoulli(pixels / 255)

    def draw(self, q: Normal) -> Tensor:
        """One draw through which the gradient passes."""
        return q.rsample()

    def cost_of_top(self, q_2: Normal, z_2: Tensor) -> Tensor:
        """KL(q(z_2|z_1) ‖ p(z_2)) of each unit; the draw z_2 is not needed."""
        return kl_divergence(q_2, Normal(0.0, 1.0))

    def reduce(self, cost: Tensor) -> Tensor:
        """What a layer costs, from (images, units): a sum over units, a mean over images."""
        return cost.sum(-1).mean()

    def terms(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The reconstruction E_q[log p(x|z_1)] and the costs of z_1 and z_2, means over images."""
        q_1 = gaussian(self.up_1(x))
        z_1 = self.draw(q_1)
        q_2 = gaussian(self.up_2(z_1))
        z_2 = self.draw(q_2)
        cost_1 = q_1.log_prob(z_1) - gaussian(self.down_2(z_2)).log_prob(z_1)
        log_p = -binary_cross_entropy_with_logits(self.down_1(z_1), x, reduction="none")
        cost_2 = self.cost_of_top(q_2, z_2)
        return log_p.sum(-1).mean(), self.reduce(cost_1), self.reduce(cost_2)


def train(program: Hierarchy, pixels: Tensor, *, epochs: int = EPOCHS) -> list[dict[str, float]]:
    """Trains by Adam on batches of 100 and returns a row an epoch, as the program prints it.

    pixels: (N, 784) grey levels 0..255. A row has epoch, elbo, reconstruction, cost_1, cost_2, all
    means over the epoch's images in nats, and active_1, active_2.
    """
    optimiser = torch.optim.Adam(program.parameters(), program.rate)
    watched = program.prepare(pixels[:COUNTED])
    rows = []
    for epoch in range(1, epochs + 1):
        seen = []
        for batch in torch.randperm(len(pixels), device="cpu").split(BATCH):
            terms = program.terms(program.prepare(pixels[batch]))
            reconstruction, cost_1, cost_2 = terms
            elbo = reconstruction - cost_1 - cost_2
            optimiser.zero_grad()
            (-elbo).backward()
            optimiser.step()
            seen.append(torch.stack([elbo, *terms]).detach())
        means = torch.stack(seen).double().mean(0).tolist()
        named = dict(zip(("elbo", "reconstruction", "cost_1", "cost_2"), means, strict=True))
        rows.append({"epoch": epoch, **named, **active_units(program, watched)})
    return rows


@torch.no_grad()
def active_units(program: Hierarchy, x: Tensor) -> dict[str, float]:
    """How many units of each layer have a mean under q that varies over x by more than 0.01.

    For z_2 the encoder is given the means of z_1 in place of draws.
    """
    mean_1 = gaussian(program.up_1(x)).mean
    mean_2 = gaussian(program.up_2(mean_1)).mean
    counts = [int((mean.var(0) > ACTIVE).sum()) for mean in (mean_1, mean_2)]
    return {f"active_{layer}": count for layer, count in enumerate(counts, start=1)}
