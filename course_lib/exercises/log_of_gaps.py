"""The exercise on a training log of gaps: which of three parts of a gap does a remedy win back?"""

from course_lib.checks import MultipleChoice

Row = tuple[float, float, float]  # shape; sharing on seen images; sharing on unseen ones. Nats
ASKED = 2.0  # nats that a remedy must win back


def paid_for(name: str, before: Row, after: Row) -> MultipleChoice:
    """What wins back more than two nats on unseen images, by the log's rows at epochs 50 and 400.

    The shape's part is won by a richer q; sharing on seen images by a wider encoder; what unseen
    images pay beyond that by more images; and all sharing by a q of its own for each image.
    """
    shape, seen, unseen = after
    won = {
        "a richer q": shape,
        "a wider encoder": seen,
        "more training images": unseen - seen,
        "climb q for each test image": unseen,
    }
    return MultipleChoice(
        name,
        right=[words for words, part in won.items() if part > ASKED],
        reasons={w: r for w, r in _reasons(before, after).items() if won.get(w, 0.0) <= ASKED},
        hints=(
            "Subtract the columns: how many of the nats on unseen images are the family's, how "
            "many are lost on images that were trained on too, and how many are left?",
            "Which of the three parts is more than two nats? A richer q, a wider encoder, more "
            "images: each wins back one of them. A q that is not the encoder's wins two.",
        ),
    )


def _reasons(before: Row, after: Row) -> dict[str, str]:
    """Why each remedy wins too little, if its part is small."""
    shape, seen, unseen = after
    return {
        "a richer q": "a family that holds the diagonal Gaussians can win no more than the "
        f"approximation, which is {shape:.1f} nats here.",
        "a wider encoder": f"sharing costs only {seen:.1f} nats on images that it trains on, so a "
        f"closer fit to those has little to win. Another {unseen - seen:.1f} are paid on images "
        "it never met.",
        "more training images": f"unseen images cost only {unseen - seen:.1f} nats more than "
        "those that it trains on.",
        "climb q for each test image": "that wins back what sharing costs, which is "
        f"{unseen:.1f} nats on unseen images. The rest is the family's.",
        "train longer": _of_training(before[2], unseen),
        "more draws for each ELBO": "they make the reading steadier. The mean that they "
        "estimate stays where it is.",
    }


def _of_training(earlier: float, unseen: float) -> str:
    """Why more epochs win too little, by what sharing cost on unseen images."""
    if unseen > earlier:
        return (
            f"the last 350 epochs are what raised it: {earlier:.1f} to {unseen:.1f}, while the "
            "images it trains on got cheaper."
        )
    if unseen <= ASKED:
        return f"it can win no more than sharing costs, which is {unseen:.1f} nats."
    return f"the last 350 epochs have won {earlier - unseen:.1f} nats, and these are not faster."
