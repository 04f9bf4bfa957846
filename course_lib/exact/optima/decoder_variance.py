"""The best variance of a Gaussian decoder, and the β that a variance chosen by hand amounts to."""

import torch
from torch import Tensor

from course_lib.arguments import (
    Numbers,
    as_double,
    require_all,
    require_broadcastable,
    require_nonempty,
    require_positive,
)


def best_decoder_variance(squared_errors: Tensor, *, per_dimension: bool = False) -> Tensor:
    """σ² = mean of E_q (x_i − μ_i(z))²: what maximises E_q log N(x; μ(z), σ² I) over σ².

    squared_errors: (*samples, D) of (x − μ(z))², z ~ q(z|x), over any draws and data. One number,
    or one for each coordinate, (D,), if per_dimension; in the square of x's unit.
    Raises ValueError if an entry is negative or NaN, or if all are zero, of one coordinate if
    per_dimension: the likelihood then grows without bound.
    Source: Rybkin, Daniilidis & Levine 2021, section 3.3.
    """
    errors = require_nonempty("squared_errors", as_double("squared_errors", squared_errors))
    require_all(
        "squared_errors", errors, (errors >= 0) & errors.isfinite(), "at least 0 and finite"
    )
    flat = errors.reshape(-1, errors.shape[-1]) if errors.ndim else errors.reshape(1, 1)
    return require_positive(
        "the mean squared error", flat.mean(0) if per_dimension else flat.mean()
    )


def equivalent_beta(fixed_variance: Numbers, variance: Numbers) -> Tensor:
    """β = σ_f²/σ²: a decoder held at N(x; μ, σ_f² I) trains as one of variance σ² with this β.

    −|x − μ|²/2σ_f² − KL = (1/β) (−|x − μ|²/2σ² − β KL): the same maximum over μ and q. A loss
    |x − μ|² + KL has σ_f² = ½; the mean over D numbers plus KL has σ_f² = D/2. Shapes broadcast.
    Raises ValueError unless both are positive and their shapes broadcast.
    Source: Lucas, Tucker, Grosse & Norouzi 2019; Rybkin, Daniilidis & Levine 2021.
    """
    fixed = require_positive("fixed_variance", as_double("fixed_variance", fixed_variance))
    best = require_positive("variance", as_double("variance", variance))
    require_broadcastable("fixed_variance", fixed.shape, "variance", best.shape)
    return torch.true_divide(fixed, best)
