"""What may run in several threads at once, and how these share the machine."""

from __future__ import annotations

import os
import threading

import numpy as np

from inpaint.inpainter import Inpainter, Repaired

MOST_WORKERS = 16


def default_workers() -> int:
    """The processors that this process may use, up to 16."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MOST_WORKERS)
    return min(os.cpu_count() or 1, MOST_WORKERS)


class OneAtATime(Inpainter):
    """An inpainter that several threads call and that fills for one of them at a time."""

    def __init__(self, inpainter: Inpainter):
        self.inpainter, self.name, self.description = inpainter, inpainter.name, inpainter.description
        self.lock = threading.Lock()

    def fill(self, image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None) -> np.ndarray:
        with self.lock:
            return self.inpainter.fill(image, mask, protect)

    def repair(self, image: np.ndarray, mask: np.ndarray, level: np.ndarray) -> Repaired:
        """As the inpainter has it."""
        with self.lock:
            return self.inpainter.repair(image, mask, level)
