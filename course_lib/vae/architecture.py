"""The sizes and the likelihood of a model, and the model that they describe."""

from dataclasses import asdict, dataclass
from typing import Any

from torch import Generator, Tensor, nn

from course_lib.arguments import is_whole, require_count, require_seed
from course_lib.nets import GaussianNet, likelihood_net, set_output_mean
from course_lib.vae.chain import VAE, MarkovHVAE
from course_lib.vae.hvae import HVAE
from course_lib.vae.top_down import TopDownHVAE

DIRECTIONS = ("bottom-up", "top-down")


def _plain(sizes: Any) -> Any:
    """The same in Python's ints, for JSON; what is no size stays, and `build` refuses it."""
    if isinstance(sizes, (tuple, list)):
        kind = list if isinstance(sizes, list) else tuple
        return kind(_plain(size) for size in sizes)
    return int(sizes) if is_whole(sizes) else sizes


@dataclass(frozen=True)
class Architecture:
    """The sizes of a model, as they are written into its checkpoint.

    data: D.  latents: (d_1, …, d_T).  hidden: for each layer t, the hidden widths of its encoder;
    its decoder mirrors them.  likelihood: one of nets.LIKELIHOODS, with Binomial's count.
    direction: of the encoder, one of DIRECTIONS; top-down, each net reads the features of the one
    below.
    """

    data: int
    latents: tuple[int, ...]
    hidden: tuple[tuple[int, ...], ...]
    likelihood: str = "bernoulli"
    count: int = 16
    learned_prior: bool = False
    direction: str = "bottom-up"

    def __post_init__(self) -> None:
        for name in ("data", "latents", "hidden", "count"):
            object.__setattr__(self, name, _plain(getattr(self, name)))

    def build(self, *, seed: int, data_mean: Tensor | None = None) -> HVAE:
        """The model with fresh weights. data_mean (D,) starts the decoder there (probabilities).

        Raises ValueError if the sizes, the likelihood, the seed or data_mean make no sense.
        """
        self._require_layers()
        if self.direction not in DIRECTIONS:
            raise ValueError(
                f"direction must be one of {', '.join(DIRECTIONS)}, got {self.direction!r}"
            )
        count = require_count("count", self.count)
        generator = Generator().manual_seed(require_seed("seed", seed))
        return self._assemble(count, generator, data_mean)

    def _require_layers(self) -> None:
        """Raises ValueError unless latents and hidden are of equal length and of the right kind."""
        sized = isinstance(self.latents, (tuple, list)) and isinstance(self.hidden, (tuple, list))
        if not sized or len(self.latents) < 1 or len(self.latents) != len(self.hidden):
            raise ValueError(
                "latents and hidden must have one entry a layer, at least one, such as (50,) and "
                f"((200, 200),), got {self.latents!r} and {self.hidden!r}"
            )

    def _assemble(self, count: int, generator: Generator, data_mean: Tensor | None) -> HVAE:
        sizes = (self.data, *self.latents)
        encoders: list[GaussianNet] = []
        decoders: list[nn.Module] = []
        for low, high, hidden in zip(sizes, sizes[1:], self.hidden, strict=False):
            counts = not encoders and self.likelihood == "binomial"
            scale = 1 / count if counts else 1.0
            read = encoders[-1].width if encoders and self.direction == "top-down" else low
            encoders.append(GaussianNet(read, hidden, high, scale=scale, generator=generator))
            # The first gives way to the likelihood; without it a seed would give other weights.
            decoders.append(GaussianNet(high, hidden[::-1], low, generator=generator))
        first = likelihood_net(
            self.likelihood,
            self.latents[0],
            self.hidden[0][::-1],
            self.data,
            count=count,
            generator=generator,
        )
        if data_mean is not None:
            set_output_mean(first, data_mean)
        decoders[0] = first
        if len(encoders) == 1:
            return VAE(encoders[0], decoders[0], learned_prior=self.learned_prior)
        if self.direction == "top-down":
            return TopDownHVAE(encoders, decoders, learned_prior=self.learned_prior)
        return MarkovHVAE(encoders, decoders, learned_prior=self.learned_prior)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Architecture":
        """The inverse of as_dict, after JSON has turned tuples into lists.

        Raises ValueError if a value is missing or of another kind.
        """
        try:
            latents = tuple(values["latents"])
            hidden = tuple(tuple(widths) for widths in values["hidden"])
            return cls(**values | {"latents": latents, "hidden": hidden})
        except (KeyError, TypeError) as error:
            raise ValueError(f"no architecture can be read from {values}: {error!r}") from error
