"""Whether the words of a picture can be read."""

import itertools
from typing import Any


def texts_keep_apart(figure: Any) -> None:
    """No two texts in the panels of the figure touch, and none leaves it at the right."""
    renderer = figure.canvas.get_renderer()
    texts = [text for ax in figure.axes for text in ax.texts if text.get_text()]
    boxes = [text.get_window_extent(renderer) for text in texts]
    assert len(boxes) > 1
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert max(box.x1 for box in boxes) <= figure.bbox.x1
