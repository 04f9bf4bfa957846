"""What a trained model is worth: log p(x) by two kinds of sampling, codes, gaps, posteriors.

From the command line, `python -m course_lib.evaluate MODEL` evaluates a model, and `--table` prints
what is known of every recipe.

    >>> from course_lib.distributions import DiagonalGaussian
    >>> from course_lib.evaluate import best_prior
    >>> codes = DiagonalGaussian.from_std([[-1.0], [1.0]], [[1.0], [1.0]])  # of two images
    >>> best_prior(codes).mean, best_prior(codes).variance  # as wide as both together
    (tensor([0.], dtype=torch.float64), tensor([2.], dtype=torch.float64))
"""

from course_lib.evaluate.annealed import annealed_log_evidence
from course_lib.evaluate.codes import (
    RateDistortion,
    Surgery,
    best_prior,
    log_aggregate,
    rate_distortion,
    surgery,
)
from course_lib.evaluate.fitted import fitted_log_evidence, fitted_posterior
from course_lib.evaluate.gaps import InferenceGap, inference_gap, local_posterior
from course_lib.evaluate.likelihood import LogEvidence, SampledLogEvidence, sampled_log_evidence
from course_lib.evaluate.pairs import log_probs_of_pairs
from course_lib.evaluate.plane import (
    LatentPlane,
    PlaneCells,
    PlaneEvidence,
    PlanePosterior,
    expected_log_likelihood,
    plane_log_evidence,
    posterior_on_grid,
)

__all__ = [
    "InferenceGap",
    "LatentPlane",
    "LogEvidence",
    "PlaneCells",
    "PlaneEvidence",
    "PlanePosterior",
    "RateDistortion",
    "SampledLogEvidence",
    "Surgery",
    "annealed_log_evidence",
    "best_prior",
    "expected_log_likelihood",
    "fitted_log_evidence",
    "fitted_posterior",
    "inference_gap",
    "local_posterior",
    "log_aggregate",
    "log_probs_of_pairs",
    "plane_log_evidence",
    "posterior_on_grid",
    "rate_distortion",
    "sampled_log_evidence",
    "surgery",
]
