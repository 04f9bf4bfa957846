"""What the functions of this room take: a model whose weights can be used, and data that fit it."""

from torch import Tensor

from course_lib.arguments import require_event, require_like
from course_lib.vae import HVAE


def require_data(model: HVAE, x: Tensor) -> Tensor:
    """Raises ValueError unless x is (N, D), N ≥ 1, with the model's D, precision and device."""
    require_event("x", require_fitting(model, x), model.sizes[0])
    if x.ndim != 2 or len(x) == 0:
        raise ValueError(f"x must be (N, D) with N ≥ 1, got shape {tuple(x.shape)}")
    return x


def require_fitting(model: HVAE, x: Tensor) -> Tensor:
    """Raises ValueError unless x has the precision and the device of the model's weights."""
    for weight in model.parameters():
        require_like("x", x, weight)
    return x


def differentiable_data(model: HVAE, x: Tensor) -> Tensor:
    """x (N, D) as a tensor that slopes can be taken through.

    Raises ValueError as `require_data` does, and if the weights do not let slopes pass.
    """
    require_data(model, x)
    if any(weight.is_inference() for weight in model.parameters()):
        raise ValueError(
            "the model's weights were made under torch.inference_mode(), so nothing can be "
            "differentiated through them; build or convert the model outside"
        )
    return x.clone() if x.is_inference() else x


def require_one_layer(model: HVAE) -> None:
    """Raises ValueError unless the model is a VAE."""
    if model.depth != 1:
        raise ValueError(f"the model must have one layer of latents, got {model.depth}")
