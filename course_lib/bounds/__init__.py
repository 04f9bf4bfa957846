"""The evidence lower bound, its terms, its importance-weighted kin, and its gap, in nats.

A latent model is anything with a `prior` and a `decoder`: the exact worlds, the VAEs, or your own
two-line class. Samples lead: z (*samples, *batch, d) and x (*batch, D) give (*samples, *batch).
Per example, too; every bound goes up when it improves.

    >>> import torch
    >>> from course_lib.bounds import importance_weighted_bound
    >>> importance_weighted_bound(torch.tensor([1.0, 3.0]).log())  # log 2, the log of the mean
    tensor(0.6931)
"""

from course_lib.bounds.evidence import bits_per_dimension, candidate_log_evidence, gap
from course_lib.bounds.lower_bound import (
    ElboTerms,
    LatentModel,
    elbo,
    log_weights,
    naive_log_evidence,
    terms,
)
from course_lib.bounds.weights import (
    effective_sample_size,
    importance_weighted_bound,
    self_normalised_expectation,
)

__all__ = [
    "ElboTerms",
    "LatentModel",
    "bits_per_dimension",
    "candidate_log_evidence",
    "effective_sample_size",
    "elbo",
    "gap",
    "importance_weighted_bound",
    "log_weights",
    "naive_log_evidence",
    "self_normalised_expectation",
    "terms",
]
