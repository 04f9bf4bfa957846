"""The exercise on an encoder for a curved chain of two layers, at one x."""

from collections.abc import Sequence
from typing import Any

import torch

from course_lib.arguments import DOUBLE
from course_lib.checks import Design
from course_lib.checks.answers import Refused
from course_lib.exact import AffineGaussian, ScalarChain

CURVED = ScalarChain([(3.0, 0.5, 0.0, 0.4), (2.0, 3.0, 0.7, 0.3)])


def chain_gap(encoder: Any, x: float) -> float:
    """log p(x) − ELBO of the curved chain, by quadrature over (z_1, z_2); nats.

    Raises Refused unless the encoder is two AffineGaussians over single numbers.
    """
    if not isinstance(encoder, Sequence) or len(encoder) != 2:
        given = len(encoder) if isinstance(encoder, Sequence) else type(encoder).__name__
        raise Refused(f"an encoder of two layers is wanted, a list of two, got {given}")
    for arrow in encoder:
        if not isinstance(arrow, AffineGaussian) or arrow.slope.numel() != 1:
            raise Refused(
                "each layer of the encoder must be an AffineGaussian(slope, offset, σ) of one "
                f"latent, got {type(arrow).__name__}"
            )
    seen = torch.tensor([x], **DOUBLE)
    return float(CURVED.log_evidence(seen) - CURVED.elbo(list(encoder), seen))


def curved_encoder(name: str, x: float, most: float) -> Design:
    """An encoder with linear means, at most so many nats short at x."""
    return Design(
        name,
        lambda encoder: chain_gap(encoder, x),
        most,
        f"the gap at x = {x:g}",
        hints=(
            "`fit_encoder` maximises the mean of what `to_maximise` returns. Which number at a "
            "draw is log p(x) if q is the posterior, and lower on average for any other q? See "
            "(12.3).",
            "Every log p once, which is curved.log_joint(x_1, [z_1, z_2]), less every log q once: "
            "q_1.log_prob(z_1) and q_2.log_prob(z_2).",
        ),
    )
