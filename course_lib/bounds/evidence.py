"""What a bound leaves out, log p(x) from one point of the posterior, and bits per dimension."""

import math

from torch import Tensor

from course_lib.arguments import (
    Numbers,
    as_double,
    require_broadcastable,
    require_count,
    require_finite,
    require_log,
    require_nonempty,
)
from course_lib.distributions import Distribution, Gaussian, expectation, kl_divergence
from course_lib.distributions.base import require_distribution
from course_lib.distributions.kl import has_kl_divergence


def gap(q: Distribution, posterior: Distribution) -> Tensor:
    """KL(q ‖ p(z|x)), which is log p(x) − ELBO(q) exactly where it is finite.  (Eq. 4.2)

    If the KL or the ELBO is finite, so is the other. Where q has mass that the posterior has not,
    or tails so much heavier as a Cauchy's are beside a Gaussian's, the KL is +∞, the ELBO −∞, and
    their sum says nothing. Closed form where there is one, else quadrature over a one-dimensional
    Gaussian q. Returns (*batch,) nats, ≥ 0. Raises ValueError if neither is possible, or the
    batches do not broadcast.
    """
    require_distribution("q", q)
    require_distribution("posterior", posterior)
    if has_kl_divergence(q, posterior) or not isinstance(q, Gaussian) or q.event_shape != (1,):
        return kl_divergence(q, posterior)
    batch = getattr(posterior, "batch_shape", q.batch_shape)  # one of the reader's may have none
    wide = q.expand(require_broadcastable("q's batch", q.batch_shape, "posterior's batch", batch))
    return expectation(wide, lambda z: wide.log_prob(z) - posterior.log_prob(z))


def candidate_log_evidence(log_joint: Numbers, log_posterior: Numbers) -> Tensor:
    """log p(x) = log p(x, z) − log p(z|x): the same number at every z.  (Eq. 2.3)

    Knowing the posterior's density at one point is knowing the evidence. Shapes broadcast; nats.
    Raises ValueError if they do not, on NaN and +∞, and where the posterior's density is zero.
    Source: Chib 1995, who calls it the basic marginal likelihood identity.
    """
    joint = require_log("log_joint", as_double("log_joint", log_joint))
    posterior = require_finite("log_posterior", as_double("log_posterior", log_posterior))
    require_broadcastable("log_joint", joint.shape, "log_posterior", posterior.shape)
    return require_nonempty("log_joint - log_posterior", joint - posterior)


def bits_per_dimension(log_evidence: Numbers, dimensions: int, *, levels: int = 1) -> Tensor:
    """−log p(x) / (D log 2), and log₂ of the levels more: nats per image into bits per number.

    log_evidence: log p(x) or a bound on it, any shape, nats. dimensions: D, the numbers in one x.
    levels: how many values a number had before it was scaled to [0, 1], 256 for bytes; then the
    density, of x scaled and dequantised, is turned into the probability of the original bytes.
    Leave it at 1 for a log-probability, as of black and white pixels. Returns that shape.
    Raises ValueError if an entry is not finite or a count below 1.
    Source: Theis, van den Oord & Bethge 2016, section 3.1.
    """
    value = require_finite("log_evidence", as_double("log_evidence", log_evidence))
    scale = require_count("dimensions", dimensions) * math.log(2)
    return math.log2(require_count("levels", levels)) - value / scale
