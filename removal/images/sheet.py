"""Pictures side by side: before | mask | after, and grids with titles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

PANEL_HEIGHT_PX = 1024  # larger photos are shrunk to it
GAP_PX = 8
PART_COLOURS = {"object": (230, 40, 40), "shadow": (50, 110, 240), "attached": (40, 190, 80)}
GRID_PANEL_PX = 256  # width and height that the panels of a grid are fitted into
GRID_LINE_PX = 22  # a line of text
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


def labelled_grid(rows: Sequence[Sequence[tuple[np.ndarray, str]]], titles: Sequence[str]) -> np.ndarray:
    """Pictures in rows under titles, each with a line of text below it.

    rows: pictures, uint8 (H, W, 3) RGB, each with its text, as many in a row as there are titles. Each is
    fitted into a square of GRID_PANEL_PX, small ones enlarged so that pixels stay to be seen. Returns uint8
    (h, w, 3); ValueError for a row of another length.
    """
    if not rows or any(len(row) != len(titles) for row in rows):
        raise ValueError(f"expected rows of {len(titles)} pictures, got {[len(row) for row in rows]}")
    lines = [np.hstack([text_line(title) for title in titles])]
    for row in rows:
        panels = [fitted(picture) for picture, _ in row]
        height = max(panel.shape[0] for panel in panels)
        cells = []
        for panel, (_, text) in zip(panels, row, strict=True):
            cell = np.full((height, GRID_PANEL_PX + GAP_PX, 3), 255, np.uint8)
            cell[: panel.shape[0], : panel.shape[1]] = panel
            cells.append(np.vstack([cell, text_line(text)]))
        lines.append(np.hstack(cells))
    return np.vstack(lines)


def fitted(picture: np.ndarray) -> np.ndarray:
    """A picture, uint8 (H, W, 3), at the size of a grid's panel, its proportions kept."""
    import cv2

    height, width = picture.shape[:2]
    scale = GRID_PANEL_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)


def text_line(text: str) -> np.ndarray:
    """A line as wide as a grid's cell, uint8 (GRID_LINE_PX, w, 3); longer text is made smaller, then cut."""
    import cv2

    line = np.full((GRID_LINE_PX, GRID_PANEL_PX + GAP_PX, 3), 255, np.uint8)
    letters = 0.5
    width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, letters, 1)[0][0]
    letters *= max(0.6, min(1.0, GRID_PANEL_PX / max(1, width)))
    start = (2, GRID_LINE_PX - 7)
    cv2.putText(line, text, start, cv2.FONT_HERSHEY_SIMPLEX, letters, (30, 30, 30), 1, cv2.LINE_AA)
    return line
