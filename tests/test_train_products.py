"""Products of bfloat16 matrices where the processor has no units for them."""

import time
from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor
from torch.nn import functional

from course_lib.train import Settings, fit, products
from course_lib.train.products import RoundedProducts, fast_products, multiplies_bfloat16
from course_lib.vae import Architecture

ROUNDING = 2.0**-8  # bfloat16 keeps eight binary digits, so it rounds by at most this part


def draws(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed)).bfloat16()


A, B, C = draws(40, 300, seed=1), draws(300, 20, seed=2), draws(40, 20, seed=3)
PRODUCTS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "mm": lambda a, b, c: a @ b,
    "addmm": lambda a, b, c: torch.addmm(c, a, b, beta=-4.8, alpha=2.0),
    "bmm": lambda a, b, c: a[None] @ b[None],
    "baddbmm": lambda a, b, c: torch.baddbmm(c[None], a[None], b[None], beta=0.5),
    "linear": lambda a, b, c: functional.linear(a, b.T, c[0]),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_is_that_of_the_operands_rounded_once(name: str) -> None:
    """Against float64. What float32 loses in 300 terms is far below what bfloat16 loses."""
    product = PRODUCTS[name]
    with RoundedProducts():
        found = product(A, B, C)
    exact = product(A.double(), B.double(), C.double())
    size = product(A.double().abs(), B.double().abs(), C.double().abs()).abs()
    assert found.dtype == torch.bfloat16
    assert ((found - exact).abs() <= ROUNDING * exact.abs() + 1e-6 * size).all()


def test_gradients_under_autocast_are_rounded_where_autocast_rounds_them() -> None:
    """y = tanh(x Wᵀ + b) V, by hand in float64 with each product's operands and result rounded."""

    def rounded(value: Tensor) -> Tensor:
        return value.bfloat16().double()

    x, w = draws(64, 50, seed=4).float(), draws(30, 50, seed=5).float() / 8
    weight = torch.nn.Parameter(w)
    upper = torch.nn.Parameter(draws(10, 30, seed=6).float() / 5)
    with RoundedProducts():
        with torch.autocast("cpu", torch.bfloat16):
            hidden = functional.linear(x, weight)
            y = functional.linear(hidden.float().tanh(), upper)
        y.float().square().sum().backward()

    h = rounded(x.double() @ weight.double().T)
    activity = h.float().tanh().double()
    out = rounded(rounded(activity) @ upper.double().T)
    of_out = rounded(2 * out)
    of_activity = rounded(of_out @ upper.double())
    of_h = rounded(of_activity * (1 - activity**2))
    for found, exact in (
        (upper.grad, of_out.T @ rounded(activity)),
        (weight.grad, of_h.T @ x.double()),
    ):
        assert found is not None
        assert torch.equal(found.bfloat16().float(), found)  # it came from a bfloat16 product
        # Here and there a sum that lies near a border rounds to the other side.
        assert (found - exact).norm() < 2**-8 * exact.norm()


def test_other_products_are_left_alone() -> None:
    a, b = A.float(), B.float()
    with RoundedProducts():
        assert torch.equal(a @ b, a @ b)
        single = a @ b
        double = a.double() @ b.double()
    assert torch.equal(single, a @ b)
    assert torch.equal(double, a.double() @ b.double())


def test_only_a_processor_without_the_units_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for has_units in (True, False):
        monkeypatch.setattr(products, "multiplies_bfloat16", lambda has_units=has_units: has_units)
        of_cpu = fast_products(torch.device("cpu"))
        assert isinstance(of_cpu, RoundedProducts) is not has_units
        assert not isinstance(fast_products(torch.device("cuda")), RoundedProducts)


def test_both_ways_train_to_the_same_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """One model, one seed: what is left between them is the order of sums, and what it grows to."""
    data = (torch.rand(200, 20, generator=Generator().manual_seed(7)) < 0.3).float()
    settings = Settings(20, 50, 1e-2, optimiser="muon", precision="bfloat16")
    ends = []
    for has_units in (True, False):
        monkeypatch.setattr(products, "multiplies_bfloat16", lambda has_units=has_units: has_units)
        model = Architecture(20, (4,), ((16,),)).build(seed=0)
        ends.append(fit(model, data, settings, progress_bar=False)["elbo"])
    start = [history[0] for history in ends]
    assert start[0] == pytest.approx(start[1], rel=1e-3)
    assert ends[0][-1] == pytest.approx(ends[1][-1], abs=0.02 * (ends[0][-1] - start[0]))


@pytest.mark.parametrize(("optimiser", "most"), [("adam", 4), ("muon", 10)])
def test_bfloat16_is_nowhere_many_times_as_slow_as_float32(optimiser: str, most: float) -> None:
    """Without its units, torch's own way takes some 7 times as long with Adam, 26 with Muon."""
    data = (torch.rand(2000, 784, generator=Generator().manual_seed(8)) < 0.2).float()

    def seconds(settings: Settings) -> float:
        model = Architecture(784, (50,), ((200, 200),)).build(seed=0)
        start = time.process_time()
        fit(model, data, settings, progress_bar=False)
        return time.process_time() - start

    plain = Settings(1, 500, 1e-3)
    fast = Settings(1, 500, 1e-3, optimiser=optimiser, precision="bfloat16")
    seconds(plain), seconds(fast)
    ratios = [seconds(fast) / seconds(plain) for _ in range(3)]
    assert min(ratios) < most, f"on a processor with bfloat16 units: {multiplies_bfloat16()}"
