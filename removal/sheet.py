"""Before | mask | after, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

PANEL_HEIGHT_PX = 1024  # larger photos are shrunk to it
GAP_PX = 8
PART_COLOURS = {"object": (230, 40, 40), "shadow": (50, 110, 240), "attached": (40, 190, 80)}


def comparison_sheet(before: np.ndarray, parts: Mapping[str, np.ndarray], after: np.ndarray) -> np.ndarray:
    """The three pictures in a row, the parts of the mask in colours over the dimmed photo.

    before, after: uint8 (H, W, 3) RGB; parts: bool (H, W) each, by the names of PART_COLOURS. Returns uint8
    (h, w, 3).
    """
    import cv2

    scale = min(1.0, PANEL_HEIGHT_PX / before.shape[0])
    size = (max(1, round(before.shape[1] * scale)), max(1, round(before.shape[0] * scale)))
    small_before = cv2.resize(before, size, interpolation=cv2.INTER_AREA)
    small_after = cv2.resize(after, size, interpolation=cv2.INTER_AREA)
    overlay = small_before.astype(np.float32) * 0.55 + 90
    for name, part in parts.items():
        if not part.any():
            continue
        level = cv2.resize(part.view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA)
        share = level[..., None].astype(np.float32) * (0.75 / 255)
        overlay = overlay * (1 - share) + np.array(PART_COLOURS[name], np.float32) * share
    gap = np.full((size[1], GAP_PX, 3), 255, np.uint8)
    return np.hstack([small_before, gap, overlay.clip(0, 255).astype(np.uint8), gap, small_after])
