"""Each check lets good arguments through untouched and says what is wrong with bad ones."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from course_lib import arguments as A


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


GOOD: list[Callable[[Tensor], Tensor]] = [
    lambda x: A.as_double("x", x),
    lambda x: A.require_floating("x", x),
    lambda x: A.require_finite("x", x),
    lambda x: A.require_no_nan("x", x),
    lambda x: A.require_log("x", x),
    lambda x: A.require_positive("x", x),
    lambda x: A.require_between("x", x, 0.5, 2.0, "between ½ and 2"),
    lambda x: A.require_event("x", x, 2),
    lambda x: A.require_nonempty("x", x),
    lambda x: A.require_all("x", x, x > 0, "positive"),
    lambda x: A.require_like("x", x, x.detach()),
]


@pytest.mark.parametrize("check", GOOD)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_good_argument_comes_back_itself(
    check: Callable[[Tensor], Tensor], dtype: torch.dtype
) -> None:
    x = torch.tensor([0.5, 2.0], dtype=dtype, requires_grad=True)
    assert check(x) is x


BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: A.as_double("x", torch.tensor([1])), r"x must be a tensor of floats.*int64.*double"),
    (lambda: A.as_double("x", "two"), r"x must be numbers or a tensor of floats, got 'two'"),  # type: ignore[arg-type]
    (lambda: A.as_double("x", [[1.0], [1.0, 2.0]]), r"x must be numbers"),
    (lambda: A.require_floating("x", 1.0), r"x must be a tensor of floats, got float"),  # type: ignore[arg-type]
    (lambda: A.require_integers("k", doubles(1)), r"k must be a tensor of integers.*float64"),
    (lambda: A.require_integers("k", torch.tensor([True])), r"k must be.*torch.bool"),
    (lambda: A.require_integers("k", 3), r"k must be a tensor of integers, got int"),  # type: ignore[arg-type]
    (lambda: A.require_index("x", doubles(1), 2), r"x must be a tensor of integers.*float64"),
    (lambda: A.require_index("x", torch.tensor([1, 3]), 3), r"from 0 to 2, got 3 at index \(1,\)"),
    (lambda: A.require_index("x", torch.tensor(-1), 3), r"x must be from 0 to 2, got -1$"),
    (lambda: A.require_finite("x", doubles(1, math.nan)), r"x must be finite, got nan at.*\(1,\)"),
    (lambda: A.require_finite("x", doubles(-math.inf, math.inf)), r"got -inf at index \(0,\)"),
    (lambda: A.require_finite("x", torch.tensor(math.inf)), r"x must be finite, got inf$"),
    (lambda: A.require_no_nan("x", doubles(math.inf, math.nan)), r"a number, got nan at.*\(1,\)"),
    (lambda: A.require_log("l", doubles(-math.inf, math.nan)), r"l must be .*got nan at.*\(1,\)"),
    (lambda: A.require_log("l", doubles(-math.inf, math.inf)), r"l must be .*got inf at.*\(1,\)"),
    (lambda: A.require_positive("s", doubles(1, 0)), r"s must be positive, got 0 at index \(1,\)"),
    (lambda: A.require_positive("s", doubles(math.nan)), r"s must be finite, got nan"),
    (lambda: A.require_between("p", doubles(1.5), 0, 1, "in [0, 1]"), r"\[0, 1\], got 1.5"),
    (lambda: A.require_between("p", doubles(math.nan), 0, 1, "in [0, 1]"), r"got nan"),
    (lambda: A.require_between("p", doubles(1 + 1e-10), 0, 1, "in"), r"got 1\.0000000001 at"),
    (lambda: A.require_between("p", doubles(3 + 1e-9), 0, 1, "in"), r"got 3\.000000001 at"),
    (lambda: A.require_between("p", torch.tensor(1.1), 0, 1, "in"), r"got 1\.1$"),
    (lambda: A.require_between("p", torch.tensor(1 + 2**-23), 0, 1, "in"), r"got 1\.0000001$"),
    (lambda: A.require_index("x", torch.tensor(123456789012), 3), r"to 2, got 123456789012$"),
    (lambda: A.require_event("x", doubles(1, 2), 3), r"x must have 3 entries.*\(2,\)"),
    (lambda: A.require_event("x", torch.tensor(1.0), 1), r"x must have 1 entries.*\(\)"),
    (lambda: A.require_nonempty("x", doubles()), r"x must not be empty, got shape \(0,\)"),
    (
        lambda: A.require_same_dtype("a", doubles(1), "b", torch.ones(1)),
        r"a \(torch.float64\) and b \(torch.float32\) must have one dtype",
    ),
    (
        lambda: A.require_broadcastable("a", torch.Size([2]), "b", torch.Size([3])),
        r"a \(2,\) and b \(3,\) do not broadcast",
    ),
    (lambda: A.require_like("x", [1.0], doubles(1)), r"x must be a tensor of floats, got list"),  # type: ignore[arg-type]
    (lambda: A.require_like("x", torch.ones(1), doubles(1)), r"x must be torch.float64.*float32"),
    (lambda: A.require_number("x", doubles(1)), r"x must be one number, got tensor"),  # type: ignore[arg-type]
    (lambda: A.require_number("x", "1"), r"x must be one number, got '1'"),  # type: ignore[arg-type]
    (lambda: A.require_number("x", True), r"x must be one number, got True"),
    (lambda: A.require_number("x", math.inf), r"x must be finite, got inf"),
    (lambda: A.require_number("x", 0, positive=True), r"x must be positive, got 0"),
    (
        lambda: A.require_seed("s", 2**64),
        r"s must be a whole number.*got 18446744073709551616",
    ),
    (lambda: A.require_seed("s", False), r"s must be a whole number.*got False"),
    (lambda: A.require_count("n", 0), r"n must be a whole number of at least 1, got 0"),
    (lambda: A.require_count("n", 2.0), r"n must be a whole number.*2.0"),  # type: ignore[arg-type]
    (lambda: A.require_count("n", True), r"n must be a whole number.*True"),
    (lambda: A.require_generator(None), r"torch.Generator.*got None"),  # type: ignore[arg-type]
    (lambda: A.require_shape("shape", 3), r"shape must be a tuple such as \(5,\), got 3"),  # type: ignore[arg-type]
    (lambda: A.require_shape("shape", (-1,)), r"an entry of shape.*at least 0, got -1"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_a_bad_argument_is_named_with_its_value(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda x: A.require_finite("x", x), A.NotFiniteError),
        (lambda x: A.require_no_nan("x", x), A.NotFiniteError),
        (lambda x: A.require_log("x", x), A.NotFiniteError),
        (lambda x: A.require_positive("x", x), A.NotFiniteError),
        (lambda x: A.require_between("x", x, 0, 1, "in [0, 1]"), A.NotFiniteError),
        (lambda x: A.require_positive("x", x.nan_to_num(-1.0)), ValueError),
        (lambda x: A.require_between("x", x.nan_to_num(2.0), 0, 1, "in [0, 1]"), ValueError),
        (lambda x: A.require_event("x", x, 3), ValueError),
    ],
)
def test_what_is_not_finite_has_a_class_of_its_own(
    call: Callable[[Tensor], object], kind: type[ValueError]
) -> None:
    with pytest.raises(ValueError, match="x must") as caught:
        call(doubles(0.5, math.nan))
    assert type(caught.value) is kind


def test_numbers_become_float64_and_tensors_keep_their_precision() -> None:
    assert A.as_double("x", 2).dtype == torch.float64
    assert A.as_double("x", [[1.0, 2.0]]).shape == (1, 2)
    assert A.as_double("x", torch.ones(1)).dtype == torch.float32


def test_large_finite_numbers_pass_although_their_sum_overflows() -> None:
    x = torch.full((4,), 3e38)
    assert math.isinf(x.sum().item())
    assert A.require_finite("x", x) is x
    assert A.require_no_nan("x", x) is x


def test_infinities_of_both_signs_are_no_nan_although_their_sum_is() -> None:
    x = doubles(math.inf, -math.inf)
    assert A.require_no_nan("x", x) is x


def test_an_empty_tensor_has_nothing_out_of_range() -> None:
    x = torch.ones(0, 3)
    assert A.require_between("x", x, 0, 1, "in [0, 1]") is x


def test_shapes_broadcast_as_torch_has_it() -> None:
    shape = A.require_broadcastable("a", torch.Size([3, 1]), "b", torch.Size([2]))
    assert shape == torch.Size([3, 2])
    assert A.require_shape("shape", [2, 0]) == torch.Size([2, 0])


def test_the_log_of_zero_is_a_log() -> None:
    for values in ((-math.inf, 1.0), (1e308, 1e308)):  # the second pair's sum overflows
        assert torch.equal(A.require_log("l", doubles(*values)), doubles(*values))
