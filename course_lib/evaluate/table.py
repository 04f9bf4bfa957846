"""The table of trained models as text, wherever it is printed."""

from typing import Any

COLUMNS = ("published", "NLL", "± k", "± images", "exact", "ELBO", "rates", "active", "minutes")
WIDTHS = (9, 6, 6, 8, 6, 7, 14, 8, 7)
FIRST = 17  # the width of the column of names


def header() -> str:
    """The names of the columns."""
    return _joined("model", COLUMNS)


def line(row: dict[str, Any]) -> str:
    """One row of what `python -m course_lib.evaluate` found, in nats.

    NLL is the importance estimate and ± k its Monte Carlo error; exact is there if the latent is a
    plane, which can be summed. rates and active units are given layer by layer, z_1 first.
    """
    exact, published = row.get("exact_nll"), row["published"]
    cells = [
        "" if published is None else f"{published:.2f}",
        f"{row['nll']:.2f}",
        f"{row['monte_carlo_error']:.3f}",
        f"{row['sampling_error']:.2f}",
        "" if exact is None else f"{exact:.2f}",
        f"{row['elbo']:.2f}".replace("-", "−"),
        "+".join(f"{rate:.1f}" for rate in row["rates"]),
        "+".join(str(count) for count in row["active_units"]),
        f"{row['core_minutes']:.1f}",
    ]
    return _joined(row["model"], cells)


def _joined(name: str, cells: Any) -> str:
    padded = [f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True)]
    return "  ".join([f"{name:{FIRST}}", *padded])
