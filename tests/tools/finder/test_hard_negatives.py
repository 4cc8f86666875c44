"""What a finder wrongly takes for people is looked for as the finder itself looks."""

import cv2
import numpy as np

from segment.finder_views import WORKING_SIDES_PX
from tools.finder.hard_negatives import taken


def test_photos_are_looked_at_in_the_sizes_that_the_finder_uses():
    seen = []

    def bright_people(images):
        """Stands for the network: what is bright is a person."""
        seen.append(max(images.shape[2:]))
        logits = np.stack([cv2.resize(8 * image.mean(0), None, fx=0.5, fy=0.5) for image in images])[:, None]
        return logits, np.zeros((len(images), 3, images.shape[2] // 4, images.shape[3] // 4), np.float32)

    photo = np.zeros((480, 640, 3), np.uint8)
    photo[120:360, 160:320] = 255
    found = taken(bright_people, photo)
    assert seen == list(WORKING_SIDES_PX)
    assert found.dtype == np.bool_
    assert found.shape == (192, 256)  # half of the largest
    assert found[48:144, 64:128].mean() > 0.95
    assert found.mean() < 0.14
