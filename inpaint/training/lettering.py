"""Text over a photo."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.training.covers import Cover, drawn_colour
from inpaint.training.damage_contract import Range, check_range, drawn_number

LETTERS = tuple("eeeaaaiioottnnssrrhhlldducmfpgwybvkxjqz")  # about as often as in English
MOST_LINES = 1000  # more are not drawn, whatever area is asked for
FONTS = tuple(range(cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX + 1))


@dataclass(frozen=True)
class Text(Cover):
    """Lines of made-up words in OpenCV's fonts, anywhere, upright or at an angle.

    area: mean of the mask in [0, 0.5], drawn for each photo; lines are added until it is reached.
    height: of capitals, a share in (0, 1] of the shorter side, at least 6 px.
    weight: thickness of the pen, a share in (0, 0.5] of the height.
    words: in a line, 0 < n.
    angle: the most by which lines of half of the photos are turned, radians in [0, pi]; the others are level.
    outlined: share in [0, 1] of the photos in which letters have an outline in another colour, which is part
        of the mask.
    opacity: of the letters, in [0, 1], drawn for each photo; below 1 it is a watermark.
    """

    area: Range = (0.02, 0.12)
    height: Range = (0.04, 0.14)
    weight: Range = (0.06, 0.18)
    words: tuple[int, int] = (1, 4)
    angle: float = math.pi / 4
    outlined: float = 0.25
    opacity: Range = (1.0, 1.0)

    def __post_init__(self) -> None:
        check_range("area", self.area, 0, 0.5)
        check_range("height", self.height, 0, 1)
        check_range("weight", self.weight, 0, 0.5)
        check_range("words", self.words, 1, 100)
        check_range("angle", (self.angle, self.angle), 0, math.pi)
        check_range("outlined", (self.outlined, self.outlined), 0, 1)
        check_range("opacity", self.opacity, 0, 1)

    def cover(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        mask, content = np.zeros(image.shape[:2], np.uint8), np.zeros_like(image)
        opacity = rng.uniform(*self.opacity)
        wanted = rng.uniform(*self.area) / max(opacity, 1e-6) * 255 * mask.size
        slanted, outlined = bool(rng.integers(2)), bool(rng.uniform() < self.outlined)
        one_colour = drawn_colour(rng, image.mean(axis=(0, 1))) if rng.integers(2) else None
        for _ in range(MOST_LINES):
            if cv2.sumElems(mask)[0] >= wanted:
                break
            turn = rng.uniform(-self.angle, self.angle) if slanted else 0.0
            letters, inner = self._line(min(image.shape[:2]), turn, outlined, rng)
            inside, of_line = _placed(letters.shape, image.shape[:2], rng)
            if letters[of_line].size == 0:
                continue
            colour = one_colour
            if colour is None:
                colour = drawn_colour(rng, image[inside].mean(axis=(0, 1)))
            paint = np.empty((*letters[of_line].shape, 3), np.uint8)
            paint[:] = drawn_colour(rng, colour) if outlined else colour
            paint[inner[of_line] > 0] = colour
            np.copyto(content[inside], paint, where=letters[of_line][..., None] > 0)
            mask[inside] = np.maximum(mask[inside], letters[of_line])
        return content, mask.astype(np.float32) * np.float32(opacity / 255)

    def _line(
        self, shorter: int, turn: float, outlined: bool, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (h, w): a turned line with its outline, and without; 255 = ink."""
        line = _words(drawn_number(rng, self.words), rng)
        height_px = max(6.0, rng.uniform(*self.height) * shorter)
        font = int(rng.choice(FONTS))
        pen = max(1, round(height_px * rng.uniform(*self.weight)))
        scale = height_px / cv2.getTextSize("H", font, 1.0, 1)[0][1]
        (width, height), below = cv2.getTextSize(line, font, scale, pen)
        border = max(1, round(height_px * 0.06)) if outlined else 0
        margin = pen + border + 2
        drawn = np.zeros((height + below + 2 * margin, width + 2 * margin), np.uint8)
        cv2.putText(drawn, line, (margin, margin + height), font, scale, 255, pen, cv2.LINE_AA)
        thick = drawn
        if outlined:
            thick = cv2.dilate(drawn, np.ones((2 * border + 1, 2 * border + 1), np.uint8))
        return _turned(thick, turn), _turned(drawn, turn)


def _words(count: int, rng: np.random.Generator) -> str:
    """Made-up words and numbers, in lower case, capitals or with a capital each."""
    words = [
        str(rng.integers(0, 10**5))
        if rng.integers(8) == 0
        else "".join(rng.choice(LETTERS, int(rng.integers(2, 10))))
        for _ in range(count)
    ]
    line = " ".join(words)
    return (line, line.upper(), line.title())[int(rng.integers(3))]


def _turned(drawn: np.ndarray, turn: float) -> np.ndarray:
    """The same turned by an angle, in a frame that holds all of it."""
    if turn == 0:
        return drawn
    height, width = drawn.shape
    across = math.ceil(width * abs(math.cos(turn)) + height * abs(math.sin(turn)))
    down = math.ceil(width * abs(math.sin(turn)) + height * abs(math.cos(turn)))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), math.degrees(turn), 1.0)
    matrix[:, 2] += ((across - width) / 2, (down - height) / 2)
    return cv2.warpAffine(drawn, matrix, (across, down), flags=cv2.INTER_LINEAR)


def _placed(
    patch: tuple[int, ...], photo: tuple[int, ...], rng: np.random.Generator
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a patch whose middle is anywhere in the photo lies, and which part of it that is."""
    inside, of_patch = [], []
    for length, whole in zip(patch, photo, strict=True):
        start = int(rng.integers(whole)) - length // 2
        low, high = max(0, start), min(whole, start + length)
        inside.append(slice(low, high))
        of_patch.append(slice(low - start, high - start))
    return (inside[0], inside[1]), (of_patch[0], of_patch[1])
