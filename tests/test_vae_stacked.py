"""The batched sweep against the same models trained one after another."""

from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from course_lib.bounds import terms
from course_lib.evaluate import rate_distortion
from course_lib.nets import GaussianNet
from course_lib.train import Objective, Settings, fit, weighted_elbo
from course_lib.vae import HVAE, VAE, Architecture, active_units
from course_lib.vae.stacked import StackedLinear, stack, unstack

ARCHITECTURE = Architecture(6, (2,), ((5,),), "binomial", 4)
BETAS = torch.tensor([0.25, 1.0, 3.0])


def counts(generator: Generator) -> Tensor:
    return torch.randint(0, 5, (40, 6), generator=generator).float()


def models(architecture: Architecture = ARCHITECTURE) -> list[HVAE]:
    return [architecture.build(seed=seed).double() for seed in range(3)]


def alone(index: int) -> Objective:
    """β-ELBO of one model, by the functions of bounds, with the noise of its place in the stack."""

    def bound(model: Any, x: Tensor, *, generator: Generator, progress: float) -> Any:
        noise = torch.randn(3, len(x), 2, dtype=x.dtype, generator=generator)[index]
        q = model.encoder(x)
        found = terms(model, q, x, (q.mean + q.std * noise).unsqueeze(0))
        return found.reconstruction - BETAS[index] * found.kl, {"cost": found.kl}

    return bound


def test_the_betas_are_those_that_were_given_though_made_in_inference_mode_or_changed_later(
    generator: Generator,
) -> None:
    data, weights = counts(generator), []
    for spoil in (False, True):
        together = stack([model.float() for model in models()])
        with torch.inference_mode(spoil):
            betas = BETAS.clone()
            objective = weighted_elbo(betas)
            betas.mul_(0 if spoil else 1)
        fit(together, data, Settings(1, 16, 1e-2), objective=objective, progress_bar=False)
        weights.append([parameter.detach() for parameter in together.parameters()])
    assert all(map(torch.equal, *weights))


@pytest.mark.equation("5.2")
def test_three_at_once_are_three_one_by_one(generator: Generator) -> None:
    """Same weights, same noise, 15 epochs: in float64 only the order of sums differs."""
    data = counts(generator).double()
    settings = Settings(15, 16, 1e-2)
    together = stack(models())
    history = fit(together, data, settings, objective=weighted_elbo(BETAS), progress_bar=False)
    kls = []
    for index, single in enumerate(models()):
        start = [parameter.clone() for parameter in single.parameters()]
        kls.append(fit(single, data, settings, objective=alone(index), progress_bar=False)["cost"])
        for (name, a), b, c in zip(
            unstack(together, index).named_parameters(), single.parameters(), start, strict=True
        ):
            assert a.shape == b.shape, name
            # Adam divides by the root of a mean square, which can magnify rounding near zero
            torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-9)
            assert (b - c).abs().max() > 1e-3  # it did learn something
    means = torch.tensor(kls, dtype=torch.float64).mean(0)
    torch.testing.assert_close(
        torch.tensor(history["cost"], dtype=torch.float64), means, rtol=1e-9, atol=0
    )


@pytest.mark.parametrize("latents", [(2,), (3, 2)])
def test_a_stacked_chain_computes_what_its_models_compute(
    latents: tuple[int, ...], generator: Generator
) -> None:
    singles = models(Architecture(6, latents, ((5,), (4,))[: len(latents)]))
    together = stack(singles)
    x = (torch.rand(7, 6, generator=generator) < 0.4).double()
    z = [torch.randn(2, 3, 7, size, generator=generator).double() for size in latents]
    joint = together.log_joint(x, z)  # (samples, models, batch)
    for index, single in enumerate(singles):
        alone = single.log_joint(x, [level[:, index] for level in z])
        torch.testing.assert_close(joint[:, index], alone, rtol=1e-12, atol=1e-12)
        q, p = together.mean_factors(x)[0], single.mean_factors(x)[0]
        torch.testing.assert_close(q.mean[index], p.mean)
        torch.testing.assert_close(q.log_std[index], p.log_std)
        again = unstack(together, index)
        torch.testing.assert_close(again.log_joint(x, [level[:, index] for level in z]), alone)
    assert together.log_weights(x, 4, generator=generator).shape == (4, 3, 7)
    assert rate_distortion(together, x, generator=generator).rate.shape == (3, 7)
    assert together.sample(5, generator=generator).shape == (3, 5, 6)


def fixed(std: float) -> VAE:
    """A model whose decoder has a spread that is not learned."""
    g = Generator().manual_seed(0)
    return VAE(GaussianNet(3, (4,), 2, generator=g), GaussianNet(2, (4,), 3, generator=g, std=std))


def digits(likelihood: str) -> HVAE:
    return Architecture(64, (2,), ((4,),), likelihood).build(seed=0)


def two_layers(direction: str) -> HVAE:
    return Architecture(4, (2, 1), ((2,), (2,)), direction=direction).build(seed=0)


def with_bends(bend: torch.nn.Module) -> HVAE:
    """Where the others have tanh."""
    model = digits("bernoulli")
    for name, module in list(model.named_modules()):
        if isinstance(module, torch.nn.Tanh):
            model.set_submodule(name, bend)
    return model


def test_models_with_equal_fixtures_stack() -> None:
    """What is not learned is the same in all, and stays."""
    decoder: Any = stack([fixed(0.1), fixed(0.1)]).decoder
    assert decoder.log_std.exp().item() == pytest.approx(0.1)
    stack([digits("binomial"), digits("binomial")])


def test_stacking_copies(generator: Generator) -> None:
    singles = models()
    together = stack(singles)
    with torch.no_grad():
        for module in together.modules():
            if isinstance(module, StackedLinear):
                module.weight.zero_()
    assert all(p.abs().max() > 0 for p in singles[0].parameters() if p.ndim == 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stack([]), "at least one model, got none"),
        (lambda: stack([fixed(0.1), fixed(2.0)]), "decoders.0.log_std"),
        (lambda: stack([digits("bernoulli"), digits("binomial")]), "differ in encoders.0.scale"),
        (
            lambda: stack([digits("bernoulli"), digits("continuous_bernoulli")]),
            r"differ in decoders.0\S*.family, which is not learned: .*Bernoulli.* and .*Continuous",
        ),
        (
            lambda: stack([two_layers("bottom-up"), two_layers("top-down")]),
            "differ in the class of the model, .*: MarkovHVAE and TopDownHVAE",
        ),
        (
            lambda: stack([digits("bernoulli"), with_bends(torch.nn.ReLU())]),
            r"differ in the class of encoders\S+, .*: Tanh and ReLU",
        ),
        (
            lambda: stack([with_bends(torch.nn.LeakyReLU(slope)) for slope in (0.01, 0.9)]),
            r"LeakyReLU\(negative_slope=0.01\) and LeakyReLU\(negative_slope=0.9\)",
        ),
        (
            lambda: stack(
                [ARCHITECTURE.build(seed=0), Architecture(6, (3,), ((5,),)).build(seed=0)]
            ),
            "same layers",
        ),
        (
            lambda: stack([Architecture(6, (2,), ((5,),), learned_prior=True).build(seed=0)]),
            "only layers of weights and biases can be stacked",
        ),
        (lambda: unstack(stack(models()), 3), r"index must lie in 0\.\.2, got 3"),
        (lambda: weighted_elbo(torch.tensor([1.0, -1.0])), "betas must be positive, got -1"),
        (lambda: weighted_elbo(torch.zeros(0)), "betas must not be empty"),
    ],
)
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_batch_that_is_no_batch_of_each_model_is_refused(generator: Generator) -> None:
    """(D,) would be given to each model's weights with every model's biases."""
    several = stack([Architecture(3, (2,), ((4,),)).build(seed=seed) for seed in range(4)])
    for shape in ((3,), (2, 5, 3)):
        with pytest.raises(ValueError, match=rf"for 4 stacked models, got shape \({shape[0]},"):
            several.elbo(torch.ones(shape), generator=generator)
    with pytest.raises(ValueError, match="one model, got several at once; take one with unstack"):
        active_units(several, torch.ones(5, 3), generator=generator)
