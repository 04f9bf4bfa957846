"""How fast the training loop is, beside two that people use; one model, batch and thread count.

    python benchmarks/training.py [--batch 128] [--images 6400] [--rounds 15] [--threads 1]

Three loops over the same 784-200-200-50 VAE in float32, alternating in one run: this course's; the
PyTorch VAE example's, rewritten from its published shape over a TensorDataset; and pythae's
BaseTrainer, if pythae is installed (`pip install --no-deps pythae` and what it asks for). All three
read the same ready-made floats; ours is timed a second time as the course trains, binarising every
batch anew, which the others never do. Ours checks every value throughout.
Then what a step costs for chains of T = 1..8 layers, and T = 1 beside a VAE written out by hand.
Times are core seconds, so that other programs disturb them little; medians over the rounds. Ratios
are taken within a round, so that a slow moment of the machine meets all of its loops, and are then
the median over the rounds: other programs that use the memory still bring them nearer to 1.
"""

import argparse
import contextlib
import importlib.util
import io
import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from course_lib.data import binarise, load_mnist
from course_lib.distributions import kl_divergence
from course_lib.train import Settings, fit
from course_lib.train.loop import Prepare, as_it_is
from course_lib.vae import VAE, Architecture

VAE_SIZES = Architecture(784, (50,), ((200, 200),))


def ours(data: Tensor, batch: int, prepare: Prepare = as_it_is) -> float:
    model = VAE_SIZES.build(seed=0)
    start = time.process_time()
    fit(model, data, Settings(1, batch), prepare=prepare, progress_bar=False)
    return time.process_time() - start


class Plain(nn.Module):
    """The example's model, with this benchmark's sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Sequential(nn.Linear(784, 200), nn.Tanh(), nn.Linear(200, 200), nn.Tanh())
        self.mean, self.logvar = nn.Linear(200, 50), nn.Linear(200, 50)
        self.down = nn.Sequential(nn.Linear(50, 200), nn.Tanh(), nn.Linear(200, 200), nn.Tanh())
        self.out = nn.Linear(200, 784)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden = self.up(x.view(-1, 784))
        mean, logvar = self.mean(hidden), self.logvar(hidden)
        std = torch.exp(0.5 * logvar)
        z = mean + torch.randn_like(std) * std
        return torch.sigmoid(self.out(self.down(z))), mean, logvar


def example(images: Tensor, batch: int) -> float:
    model = Plain()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    data = TensorDataset(images.view(-1, 1, 28, 28), torch.zeros(len(images)))
    loader = DataLoader(data, batch_size=batch, shuffle=True)
    start, total = time.process_time(), 0.0
    for x, _ in loader:
        optimiser.zero_grad()
        recon, mean, logvar = model(x)
        bce = functional.binary_cross_entropy(recon, x.view(-1, 784), reduction="sum")
        kld = -0.5 * torch.sum(1 + logvar - mean.pow(2) - logvar.exp())
        loss = bce + kld
        loss.backward()
        total += loss.item()
        optimiser.step()
    return time.process_time() - start


def pythae(images: Tensor, batch: int) -> float:
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE as TheirVAE
    from pythae.models import VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    plain = Plain()

    class Encoder(BaseEncoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.up, self.mean, self.logvar = plain.up, plain.mean, plain.logvar

        def forward(self, x: Tensor) -> Any:
            hidden = self.up(x)
            return ModelOutput(embedding=self.mean(hidden), log_covariance=self.logvar(hidden))

    class Decoder(BaseDecoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.down, self.out = plain.down, plain.out

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=torch.sigmoid(self.out(self.down(z))))

    config = VAEConfig(input_dim=(784,), latent_dim=50, reconstruction_loss="bce")
    model = TheirVAE(config, encoder=Encoder(), decoder=Decoder())
    with tempfile.TemporaryDirectory() as folder:
        settings = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=1,
            per_device_train_batch_size=batch,
            learning_rate=1e-3,
            no_cuda=True,
        )
        data = BaseDataset(images, torch.zeros(len(images)))
        trainer = BaseTrainer(model, train_dataset=data, training_config=settings)
        trainer.prepare_training()
        start = time.process_time()
        trainer.train_step(1)
        return time.process_time() - start


def quietly(run: Callable[[], float]) -> float:
    """Runs it without its progress bars and warnings."""
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run()


def sgemm_rate() -> float:
    """GFLOP/s of a 1000×1000 float32 matrix product, on as many threads as are set."""
    a = torch.randn(1000, 1000)
    times = []
    for _ in range(20):
        start = time.process_time()
        a @ a
        times.append(time.process_time() - start)
    return 2 / statistics.median(times)


def alternating(runs: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each run returns, round by round, taken in turn; a first turn imports and warms up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            seconds = quietly(run)
            if turn:
                times[name].append(seconds)
    return times


def ratio(slow: list[float], fast: list[float]) -> float:
    """The median over the rounds of the ratio within each."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def compare_loops(count: int, batch: int, rounds: int) -> None:
    pixels = load_mnist().images.flatten(1)[:count]
    images = binarise(pixels, generator=Generator().manual_seed(0))
    loops: dict[str, Callable[[], float]] = {
        "course_lib.train": lambda: ours(images, batch),
        "… binarising anew": lambda: ours(pixels, batch, binarise),
        "PyTorch example": lambda: example(images, batch),
    }
    if importlib.util.find_spec("pythae") is None:
        print("pythae is not installed: left out")
    else:
        logging.disable(logging.INFO)
        loops["pythae"] = lambda: pythae(images, batch)
    times = alternating(loops, rounds)
    weights = sum(p.numel() for p in Plain().parameters() if p.ndim == 2)
    flops = 6 * weights - 2 * 784 * 200  # the first layer needs no gradient of its input
    rate = sgemm_rate()
    mine, anew, *_ = times.values()
    print(f"batch {batch}, float32; sgemm {rate:.0f} GFLOP/s; {flops / 1e6:.2f} MFLOP an image")
    for name, taken in times.items():
        seconds = statistics.median(taken)
        share = flops * count / seconds / 1e9 / rate
        print(
            f"{name:18} {count / seconds:8.0f} images/s  {share:4.0%} of sgemm  "
            f"ours is {ratio(taken, mine):.2f} times as fast, "
            f"{ratio(taken, anew):.2f} binarising anew"
        )


class WrittenOut(nn.Module):
    """The same nets as a one-layer chain, the ELBO in three lines."""

    def __init__(self, vae: VAE) -> None:
        super().__init__()
        self.vae = vae

    def terms(self, x: Tensor, *, generator: Generator) -> Any:
        q = self.vae.encoder(x)
        reconstruction = self.vae.decoder(q.rsample(generator=generator)).log_prob(x)
        return Written(reconstruction, kl_divergence(q, self.vae.prior))


class Written:
    def __init__(self, reconstruction: Tensor, kl: Tensor) -> None:
        self.elbo, self.reconstruction, self.kl = reconstruction - kl, reconstruction, kl

    def named(self) -> dict[str, Tensor]:
        return {"reconstruction": self.reconstruction, "kl": self.kl}


def compare_depths(count: int, batch: int, rounds: int) -> None:
    x = binarise(load_mnist().images.flatten(1)[:count], generator=Generator().manual_seed(0))
    models: dict[str, Any] = {"written out": WrittenOut(VAE_SIZES.build(seed=0))}  # type: ignore[arg-type]
    models["T = 1"] = VAE_SIZES.build(seed=0)
    for depth in range(2, 9):
        latents, hidden = (50,) * depth, ((200, 200),) + ((100, 100),) * (depth - 1)
        models[f"T = {depth}"] = Architecture(784, latents, hidden).build(seed=0)

    def step(model: Any) -> float:
        start = time.process_time()
        fit(model, x, Settings(1, batch), progress_bar=False)
        return (time.process_time() - start) / (count / batch) * 1e3

    print("milliseconds a step, batch", batch)
    runs = {name: partial(step, model) for name, model in models.items()}
    for name, milliseconds in alternating(runs, rounds).items():
        print(f"{name:12} {statistics.median(milliseconds):6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--images", type=int, default=6_400)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    compare_loops(options.images, options.batch, options.rounds)
    compare_depths(options.images // 4, options.batch, options.rounds)


if __name__ == "__main__":
    main()
