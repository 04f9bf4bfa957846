"""What notebook 12 says of the results of the shipped models, and what its explorer shows."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Generator

from course_lib.data import binarise, load_mnist
from course_lib.explorers.hvae_elbo import ChainBound
from course_lib.shipped import all_runs, load_model, results, routes

CHAINS = ("mnist_hvae_2", "mnist_iwae_2", "mnist_hvae_3", "mnist_hvae_3_warm")


@pytest.fixture(scope="module")
def rows() -> dict[str, Any]:
    return results()


def test_depth_and_what_came_with_it(rows: dict[str, Any]) -> None:
    one, two, three = (rows[f"mnist_hvae_{T}"]["nll"] for T in (1, 2, 3))
    assert 2.3 < one - two < 2.7
    assert abs(two - three) < 0.1
    assert 0.4 < three - rows["mnist_hvae_3_warm"]["nll"] < 0.7
    for recipe in ("mnist_hvae_1", "mnist_hvae_2"):
        same = [
            row["nll"] for row in all_runs() if row["recipe"] == recipe and row["epochs"] == 300
        ]
        assert len(same) >= 3
        assert max(same) - min(same) < 0.15


def net(sizes: list[int], heads: int) -> int:
    """Weights and biases of hidden layers and of `heads` output layers of the last size."""
    hidden = sum((a + 1) * b for a, b in pairwise(sizes[:-1]))
    return hidden + heads * (sizes[-2] + 1) * sizes[-1]


def test_the_second_layer_came_with_a_larger_model(rows: dict[str, Any]) -> None:
    """Counted layer by layer; an encoder and an upper decoder put out means and log-stds."""
    flat = net([784, 200, 200, 50], 2) + net([50, 200, 200, 784], 1)
    lower = net([784, 200, 200, 100], 2) + net([100, 200, 200, 784], 1)
    upper = net([100, 100, 100, 50], 2) + net([50, 100, 100, 100], 2)
    assert (flat, lower + upper) == (425_284, 521_084)
    for name, count in (("mnist_hvae_1", flat), ("mnist_hvae_2", lower + upper)):
        assert sum(p.numel() for p in load_model(name).parameters()) == count


def test_training_on_l_5_lowers_the_nll_and_the_elbo(rows: dict[str, Any]) -> None:
    for T in (1, 2):
        aim, other = rows[f"mnist_iwae_{T}"], rows[f"mnist_hvae_{T}"]
        assert aim["nll"] < other["nll"] - 0.4
        assert aim["elbo"] < other["elbo"]
    ours = [
        rows[n]["nll"] for n in ("mnist_hvae_1", "mnist_iwae_1", "mnist_hvae_2", "mnist_iwae_2")
    ]
    assert ours == sorted(ours, reverse=True)
    for row in rows.values():
        assert row["nll"] < min(row.get("published") or math.inf, -row["elbo"])
        assert row["monte_carlo_error"] < 0.01
    plane = rows["mnist_vae_2d"]
    assert plane["nll"] > plane["exact_nll"] + 4
    assert plane["nll"] - plane["exact_nll"] > 1000 * plane["monte_carlo_error"]
    assert -plane["elbo"] - plane["exact_nll"] == pytest.approx(8.4, abs=0.05)
    assert -plane["elbo"] - plane["nll"] == pytest.approx(4.1, abs=0.05)


def test_the_top_layer_uses_the_smallest_share_of_the_fewest_units(rows: dict[str, Any]) -> None:
    for name in CHAINS:
        active, offered = rows[name]["active_units"], load_model(name).sizes[1:]
        shares = [a / d for a, d in zip(active, offered, strict=True)]
        assert offered == sorted(offered, reverse=True)  # confounded: the top is the narrowest
        assert active == sorted(active, reverse=True)
        assert shares == sorted(shares, reverse=True)


def test_three_routes_to_one_number() -> None:
    found = routes()["mnist_vae"]
    (encoder, error), (fitted, one), (annealed, other) = (
        found[name] for name in ("encoder", "fitted", "annealed")
    )
    assert abs(annealed - fitted) < 2 * math.hypot(one, other) < 0.1
    assert 0.55 < encoder - annealed < 0.65
    assert (encoder - annealed) / error == pytest.approx(20, abs=2)


def test_the_printed_formula_passes_the_elbo_of_digits_by_33_nats() -> None:
    """By the entropy of the top layer given the one below, (12.6), over a thousand test images."""
    model, generator = load_model("mnist_hvae_3").requires_grad_(False), Generator().manual_seed(1)
    x = binarise(load_mnist("test").images[:1000].flatten(1), generator=generator)
    top = model.encode(x, (4,), generator=generator)[0][-1]
    entropies = torch.distributions.Normal(top.mean, top.std).entropy().sum(-1)
    assert entropies.mean().item() == pytest.approx(33, abs=0.5)


def test_the_explorer_shows_what_is_to_be_tried() -> None:
    tried = ChainBound()
    widths = [r / 20 for r in range(6, 41)]
    spoilt = [tried.at(formula="correct", ratio=r, shift=s) for r in widths for s in (0, 0.7)]
    assert abs(max(drawn["value"] - drawn["log_evidence"] for drawn in spoilt)) < 1e-12
    wider = [tried.at(formula="conditional KL", ratio=r, shift=0.0) for r in widths]
    assert wider[0]["again"] < 0 < wider[1]["again"]
    best = max(range(len(widths)), key=lambda i: wider[i]["value"])
    assert widths[best] == 1.4
    assert round(tried.at(formula="conditional KL", ratio=1.0)["top_kl"], 3) == -0.253
    assert round(tried.at(formula="marginal KL")["error"], 3) == 1.275
    assert tried.at(formula="sum to T−1", ratio=0.7)["value"] > tried.at(ratio=1.0)["value"]
    boxes = [tried.at(ratio=1.0, depth=T)["error"] for T in (5, 4, 3)]
    assert [round(error, 3) for error in boxes] == [0.255, 0.235, 0.203]
