"""Before | mask | after, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

PANEL_HEIGHT_PX = 1024  # larger photos are shrunk to it
GAP_PX = 8
PART_COLOURS = {"object": (230, 40, 40), "shadow": (50, 110, 240), "attached": (40, 190, 80)}
LEGEND_MIN_PX = 240  # panels with a shorter side carry no legend: it would hide what it explains


def comparison_sheet(before: np.ndarray, parts: Mapping[str, np.ndarray], after: np.ndarray) -> np.ndarray:
    """The three pictures in a row, the parts of the mask in colours over the dimmed photo.

    before, after: uint8 (H, W, 3) RGB; parts: bool (H, W) each, by the names of PART_COLOURS. Where there is
    more than the object and the panel is large enough, a legend names the colours. Returns uint8 (h, w, 3).
    """
    import cv2

    scale = min(1.0, PANEL_HEIGHT_PX / before.shape[0])
    size = (max(1, round(before.shape[1] * scale)), max(1, round(before.shape[0] * scale)))
    small_before = cv2.resize(before, size, interpolation=cv2.INTER_AREA)
    small_after = cv2.resize(after, size, interpolation=cv2.INTER_AREA)
    overlay = small_before.astype(np.float32) * 0.55 + 90
    shown = [name for name, part in parts.items() if part.any()]
    for name in shown:
        level = cv2.resize(parts[name].view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA)
        share = level[..., None].astype(np.float32) * (0.75 / 255)
        overlay = overlay * (1 - share) + np.array(PART_COLOURS[name], np.float32) * share
    middle = overlay.clip(0, 255).astype(np.uint8)
    if min(size) >= LEGEND_MIN_PX and any(name != "object" for name in shown):
        draw_legend(middle, shown)
    gap = np.full((size[1], GAP_PX, 3), 255, np.uint8)
    return np.hstack([small_before, gap, middle, gap, small_after])


def draw_legend(panel: np.ndarray, names: Sequence[str]) -> None:
    """Writes the names of parts beside their colours into the lower left corner of `panel`, uint8 (h, w, 3),
    in place.
    """
    import cv2

    line = max(16, min(panel.shape[:2]) // 28)
    letters = line / 32
    widest = max(cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, letters, 1)[0][0] for name in names)
    top, right = panel.shape[0] - line * len(names) - line // 2, 2 * line + widest
    panel[top:, :right] = 255
    for index, name in enumerate(names):
        y = top + line // 4 + index * line
        panel[y + line // 5 : y + line - line // 5, line // 2 : line + line // 4] = PART_COLOURS[name]
        start = (line + line // 2, y + line - line // 4)
        cv2.putText(panel, name, start, cv2.FONT_HERSHEY_SIMPLEX, letters, (30, 30, 30), 1, cv2.LINE_AA)
