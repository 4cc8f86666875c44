"""Plots of a report as SVG text: one dot per photo, a bar at their mean, a line per combination."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH_PX, LABEL_PX, LINE_PX, TOP_PX, BOTTOM_PX, RIGHT_PX = 720, 250, 34, 30, 28, 72
LABEL_LETTERS = 38
DOTS = 400  # of more photos an even choice is drawn


@dataclass(frozen=True)
class Series:
    """One line of a plot: its name, each photo's figure, and the figure of them together."""

    label: str
    values: Sequence[float]
    summary: float
    note: str


def dot_plot(title: str, better: str, series: Sequence[Series]) -> str:
    """An <svg> element; empty text where there is nothing to draw.

    Every line has the photos as dots (shifted up and down so that equal ones can be seen) and a bar at
    `summary`. The axis takes in every dot that is drawn.
    """
    series = [entry for entry in series if entry.values]
    if not series:
        return ""
    low, high = axis([value for entry in series for value in (*entry.values, entry.summary)])
    height = TOP_PX + LINE_PX * len(series) + BOTTOM_PX
    direction = {"lower": " (lower is better)", "higher": " (higher is better)"}.get(better, "")
    parts = [
        f'<svg viewBox="0 0 {WIDTH_PX} {height}" width="{WIDTH_PX}" height="{height}" role="img" '
        f'aria-label="{escape(title + direction)}">',
        f'<text x="0" y="16" class="title">{escape(title)}<tspan class="faint">{direction}</tspan></text>',
        *grid(low, high, height),
    ]
    for number, entry in enumerate(series):
        parts += line(entry, TOP_PX + LINE_PX * number, low, high)
    return "\n".join([*parts, "</svg>"])


def axis(values: Sequence[float]) -> tuple[float, float]:
    """Where the axis begins and ends: at 0 where figures are never negative and not all far from it."""
    low, high = min(values), max(values)
    if 0 <= low < 0.5 * high or low == high == 0:
        low = 0.0
    room = 0.04 * (high - low) or max(abs(high), 1.0) * 0.1
    return (low if low == 0 else low - room), high + room


def place(value: float, low: float, high: float) -> float:
    return LABEL_PX + (value - low) / (high - low) * (WIDTH_PX - LABEL_PX - RIGHT_PX)


def grid(low: float, high: float, height: int) -> list[str]:
    parts = []
    for value in ticks(low, high):
        x = place(value, low, high)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP_PX}" y2="{height - BOTTOM_PX}" class="grid"/>'
        )
        text = number_text(value)
        parts.append(f'<text x="{x:.1f}" y="{height - 10}" text-anchor="middle" class="faint">{text}</text>')
    return parts


def ticks(low: float, high: float) -> list[float]:
    """Three to seven round values between low and high, 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / 5
    power = 10 ** math.floor(math.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [step * number for number in range(first, math.floor(high / step + 1e-9) + 1)]


def line(entry: Series, top: int, low: float, high: float) -> list[str]:
    middle = top + LINE_PX / 2
    label = entry.label if len(entry.label) <= LABEL_LETTERS else entry.label[: LABEL_LETTERS - 1] + "…"
    parts = [
        f'<text x="{LABEL_PX - 10}" y="{middle + 4:.0f}" text-anchor="end">{escape(label)}'
        f"<title>{escape(entry.label)}</title></text>"
    ]
    step = max(1, -(-len(entry.values) // DOTS))
    for number, value in enumerate(entry.values[::step]):
        shift = (zlib.crc32(f"{number}".encode()) % 1000 / 1000 - 0.5) * (LINE_PX - 14)
        parts.append(
            f'<circle cx="{place(value, low, high):.1f}" cy="{middle + shift:.1f}" r="2" class="dot"/>'
        )
    x = place(entry.summary, low, high)
    parts.append(
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top + 4}" y2="{top + LINE_PX - 4}" class="mean">'
        f"<title>{escape(entry.note)}</title></line>"
    )
    right, text = WIDTH_PX - RIGHT_PX + 8, number_text(entry.summary)
    return [*parts, f'<text x="{right}" y="{middle + 4:.0f}" class="value">{text}</text>']


def number_text(value: float) -> str:
    if value == 0 or abs(value) >= 1e-3:
        return f"{value:.4g}"
    return f"{value:.0e}"
