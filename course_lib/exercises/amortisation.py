"""Exercises on μ and σ as outputs: one σ for all latents, an encoder that is no function of its
image, gaps to be read, and an encoder to be trained.
"""

from typing import Any

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.bounds import gap
from course_lib.checks import Blank, Blanks, Design, Exercise, Mistake
from course_lib.checks.answers import Refused
from course_lib.distributions import DiagonalGaussian
from course_lib.exact import tanh_world
from course_lib.exercises.log_of_gaps import paid_for
from course_lib.exercises.registry import register


def encode(images: Tensor, mean_image: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """μ and σ of each image alone, stacked: images (N, D) → (2, N, d)."""
    hidden = torch.tanh((images - mean_image) @ A)
    return torch.stack([hidden @ B, (hidden @ C).exp()])


def _centred(images: Tensor, centre: Tensor, weights: tuple[Tensor, ...]) -> Tensor:
    """What the encoder puts out if `centre` is taken off."""
    return encode(images, centre, *weights)


def _without_exp(images: Tensor, mean_image: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """The encoder that takes its log σ for σ."""
    hidden = torch.tanh((images - mean_image) @ A)
    return torch.stack([hidden @ B, hidden @ C])


THREE_IMAGES = torch.tensor([[0.2, 0.9, 0.4], [0.7, 0.1, 0.5], [0.3, 0.6, 1.0]], **DOUBLE)
MEAN_IMAGE = torch.tensor([0.35, 0.55, 0.45], **DOUBLE)
WEIGHTS = (
    torch.tensor([[0.8, -0.5, 0.3, 1.1], [-0.6, 0.9, 1.2, 0.4], [0.5, 0.7, -0.9, -0.3]], **DOUBLE),
    torch.tensor([[1.3, -0.4], [0.6, 0.8], [-0.7, 1.1], [0.9, 0.2]], **DOUBLE),
    torch.tensor([[-0.5, 0.3], [0.4, -0.8], [0.2, 0.6], [-0.9, 0.1]], **DOUBLE),
)

FAR = 4.5  # sixteen decades below its summit is p(x) of the tanh world out there
ENDS = 181  # points of the trapezoidal sum over x


def missed(encoder: Any) -> float:
    """E_p(x) KL(q(z|x) ‖ p(z|x)) in the tanh world, by a trapezoidal sum over x; nats.

    Raises Refused unless the answer gives a Gaussian of one latent for each of (N, 1) numbers.
    """
    world = tanh_world(a=2.0, b=1.0, c=0.0, s=0.5)
    x = torch.linspace(-FAR, FAR, ENDS, **DOUBLE).unsqueeze(-1)  # (N, 1)
    if not callable(encoder):
        raise Refused(f"an encoder is wanted, a net or a function, got {type(encoder).__name__}")
    q = encoder(x)  # with gradients: it may climb to each q where it is asked
    if not isinstance(q, DiagonalGaussian) or q.mean.shape != x.shape:
        given = tuple(q.mean.shape) if isinstance(q, DiagonalGaussian) else type(q).__name__
        raise Refused(
            f"of x {tuple(x.shape)} the encoder must make a DiagonalGaussian {tuple(x.shape)}, "
            f"got {given}"
        )
    q = DiagonalGaussian(q.mean.detach().double(), q.log_std.detach().double())
    weight = world.log_evidence(x).exp()  # (N,)
    return float((weight * gap(q, world.posterior(x))).sum() / weight.sum())


register(
    Blanks(
        "6.a",
        [
            Blank(
                "σ² tr Λ",
                {
                    "σ² tr Σ": "The KL averages (z − m)ᵀΛ(z − m) over q: q's own variance stands "
                    "beside the posterior's precision Λ, not beside its variance.",
                    "σ² det Λ": "A sum of squares, each with its weight Λ_ii, is averaged; no "
                    "determinant comes of that.",
                    "d σ²": "That would be so if every Λ_ii were 1.",
                },
            ),
            Blank(
                "d / σ²",
                {
                    "1 / σ²": "The logarithm stands there once for each of the d latents.",
                    "d / σ": "You have differentiated by σ² on one side and by σ on the other.",
                    "2d / σ²": "−d log σ² has the slope −d/σ² in σ²; a 2 belongs to a slope in σ.",
                },
            ),
            Blank(
                "d / tr Λ",
                {
                    "tr Σ / d": "That is the mean of the variances. It is the answer to another "
                    "question, KL(posterior ‖ q); here the precisions are averaged.",
                    "tr Λ / d": "A large precision is a small variance: turn it round.",
                    "1 / tr Λ": "Check it where Λ is the unit matrix: then σ must be 1.",
                },
            ),
            Blank(
                "harmonic",
                {
                    "arithmetic": "d / ΣΛ_ii adds the precisions, not the variances 1/Λ_ii.",
                    "geometric": "That would be a root of a product. Here reciprocals are added.",
                },
            ),
        ],
        hints=(
            "In the KL to the posterior, only Σ_i σ_i²Λ_ii and Σ_i log σ_i² depend on the σ_i. Put "
            "one σ for every σ_i, and collect what multiplies σ².",
            "Σ_i σ²Λ_ii is σ² times the sum of Λ's diagonal, its trace; Σ_i log σ² has d equal "
            "terms. Set the derivative in σ², not in σ, to zero.",
        ),
    ),
    Exercise(
        "6.b",
        lambda: encode,
        [
            Mistake(
                lambda images, mean_image, *weights: _centred(images, images.mean(0), weights),
                "That is the program as it was: the other images of the batch still decide what "
                "is taken off this one.",
            ),
            Mistake(
                lambda images, mean_image, *weights: _centred(images, images.mean(), weights),
                "One number in place of many, but it is still the batch's: the neighbours still "
                "have a say.",
            ),
            Mistake(
                lambda images, mean_image, *weights: _centred(
                    images, images.mean(1, keepdim=True), weights
                ),
                "Now each image is alone, but what is taken off is its own brightness. The weights "
                "were trained with mean_image taken off.",
            ),
            Mistake(
                lambda images, mean_image, *weights: _centred(
                    images, torch.zeros_like(mean_image), weights
                ),
                "Now it is a function of each image, but not the one that was trained: A, B and C "
                "have only seen images with mean_image taken off.",
            ),
            Mistake(
                _without_exp,
                "The mean of each q is right, and its σ is not: @ C puts out log σ, any number "
                "below zero included. `.exp()` makes a width of it.",
            ),
            Mistake(
                lambda images, mean_image, *weights: _centred(images, -mean_image, weights),
                "mean_image is taken off in training; you have added it.",
            ),
            Mistake(
                lambda images, mean_image, *weights: _centred(images, mean_image.mean(), weights),
                "mean_image has a number for each pixel; you have made one of them.",
            ),
        ],
        cases=[
            (THREE_IMAGES, MEAN_IMAGE, *WEIGHTS),
            (THREE_IMAGES[:1] - 0.1, MEAN_IMAGE, *WEIGHTS),
        ],
        tolerance=1e-10,
        unit="",
        hints=(
            "Feed it one image alone, then the same image beside two others. Which line sees the "
            "neighbours?",
            "images.mean(0) is the mean of whatever batch happens to be there: of one image alone "
            "it is the image itself. Which of the arguments is never used?",
        ),
    ),
    paid_for("6.c", (0.8, 3.0, 7.0), (0.9, 1.0, 10.6)),
    Design(
        "6.d",
        missed,
        0.06,
        "the mean gap over x",
        hints=(
            "Pairs (z, x) teach the posterior's own mean and width. Is the q with the highest ELBO "
            "wider, or narrower? (6.3) has another divergence in it than likelihood on pairs.",
            "Draw z from the net's own q with rsample, and climb the mean of "
            "world.log_joint(x, z) − q.log_prob(z) in the net's weights: one draw for each x, "
            "Adam at 0.01, a thousand steps. Start from a new net or from the trained one.",
        ),
    ),
)
