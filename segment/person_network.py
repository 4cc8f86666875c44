"""The network behind the `builtin` segmenter, run by OpenCV on the processor: no torch is loaded for it.

`tools/finder/network.py` defines it, and `tools/finder/to_onnx.py` writes its file.
"""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np

STRIDE = 32
"""Height and width of the images must be multiples of this."""
LEAST_SIDE_PX = 64
"""OpenCV 5.0 reads past the end of features that are one pixel high or wide, and gives anything for them:
smaller images are continued in grey."""
GREY = np.float32(127 / 127.5 - 1)
OFFSET_UNIT_PX = 64
"""The network says ways to the middle of a person in this unit, px of the image."""


class PersonNetwork:
    """Called with images, gives the outputs of the network; several threads may do so."""

    def __init__(self, weights: Path) -> None:
        """Read an ONNX file. Raises ValueError where it does not hold a person finder."""
        content = np.frombuffer(weights.read_bytes(), np.uint8)
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # the error says what is wrong
        try:
            self._net = cv2.dnn.readNetFromONNX(content)
            self.outputs = tuple(self._net.getUnconnectedOutLayersNames())
            self._lock = threading.Lock()  # a net keeps what it is given and what comes of it
            person = self(np.zeros((1, 3, STRIDE, STRIDE), np.float32))[0]
        except cv2.error as error:
            raise ValueError(
                f"{weights} does not hold the person finder's weights: {_cause(error)}"
            ) from error
        finally:
            cv2.utils.logging.setLogLevel(level)
        if person.shape != (1, 1, STRIDE // 2, STRIDE // 2):
            raise ValueError(
                f"{weights} does not hold the person finder's weights: expected one logit for each 2 x 2 "
                f"pixels, got {person.shape} for {STRIDE} x {STRIDE} pixels"
            )

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, ...]:
        """The outputs in the order of the file.

        images: float32 (N, 3, H, W) in [-1, 1], RGB. The first output is float32 (N, 1, H/2, W/2), logits of
        "this pixel shows a person". The second is float32 (N, 3, H/4, W/4): logits of "this is the middle of
        a person", and rows and columns from here to the middle of this person, in OFFSET_UNIT_PX.
        """
        height, width = images.shape[2:]
        below, right = max(0, LEAST_SIDE_PX - height), max(0, LEAST_SIDE_PX - width)
        if below or right:
            margin = ((0, 0), (0, 0), (0, below), (0, right))
            images = np.pad(images, margin, constant_values=GREY)
        with self._lock:
            self._net.setInput(images)
            answers = [answer.copy() for answer in self._net.forward(self.outputs)]
        full = images.shape[2]
        return tuple(
            answer[:, :, : height * answer.shape[2] // full, : width * answer.shape[3] // images.shape[3]]
            for answer in answers
        )


def _cause(error: cv2.error) -> str:
    """What OpenCV says, without where in its source."""
    return " ".join((error.err or str(error)).split())
