"""Logs of the clinic under one another, as a short table."""

from course_lib.shipped.clinic.logs import clinic_log

SHOWN = (1, 2, 3, 5, 10, 20)  # epochs


def show_logs(*names: str) -> None:
    """Shows logs of the clinic at epochs 1, 2, 3, 5, 10 and 20, one under another, in nats.

    names: one or more of "A" to "H", in the order wanted. Raises ValueError if there is none, one
    is unknown, or one stands twice.
    """
    if not names or len(set(names)) < len(names):
        raise ValueError(f"show_logs takes names of logs, each once, got {names}")
    columns: dict[str, list[str | float]] = {
        heading: []
        for heading in ("log", "epoch", "ELBO", "reconstruction", "cost of z₁", "cost of z₂")
    }
    columns["active units"] = []
    for name in names:
        curve = clinic_log(name)
        rows = [curve.epochs.tolist().index(epoch) for epoch in SHOWN]
        columns["log"] += [name] * len(rows)
        columns["epoch"] += curve.epochs[rows].tolist()
        columns["ELBO"] += curve.elbo[rows].tolist()
        columns["reconstruction"] += curve.reconstruction[rows].tolist()
        for cost, heading in zip(curve.costs, ("cost of z₁", "cost of z₂"), strict=True):
            columns[heading] += cost[rows].tolist()
        pairs = curve.active[:, rows].T.tolist()
        columns["active units"] += [f"{first}+{second}" for first, second in pairs]
    from course_lib.plots import table  # Matplotlib, for whoever shows a log

    table(columns, digits=1)
