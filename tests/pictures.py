"""What a picture shows. Its bytes may differ where its pixels do not.

ISA-L, which packs the frames of explorers, may take another of two equally good matches in another
run: of 118,629 bytes one differed, and the checksum. So pictures are compared by their pixels.
"""

import io

import numpy as np
from PIL import Image

from course_lib.explorers.stage import Explorer


def decoded(png: bytes) -> np.ndarray:
    """The pixels of a PNG of ours, (height, width, 3) in 0..255, read by Pillow."""
    with Image.open(io.BytesIO(png)) as image:
        image.verify()
    with Image.open(io.BytesIO(png)) as image:
        assert image.mode == "RGB"
        return np.asarray(image)


def shown(explorer: Explorer) -> np.ndarray:
    """The pixels of the image on screen."""
    return decoded(explorer._picture.value)
