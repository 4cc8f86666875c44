"""Text over a photo."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.training.damage.contract import Range, check_range, drawn_number
from inpaint.training.damage.covers import Cover, drawn_colour, mean_colour

LETTERS = tuple("eeeaaaiioottnnssrrhhlldducmfpgwybvkxjqz")  # about as often as in English
MOST_LINES = 1000  # more are not drawn, whatever area is asked for
MOST_TOO_LONG = 4  # before it is left at what there is
FONTS = tuple(range(cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX + 1))


@dataclass(frozen=True)
class Text(Cover):
    """Lines of made-up words in OpenCV's fonts, anywhere, upright or at an angle.

    area: mean of the mask in [0, 0.5], drawn for each photo; lines are added until
        others would lead further away from it.
    height: of capitals, a share in (0, 1] of the shorter side, at least 6 px.
    weight: thickness of the pen, a share in (0, 0.5] of the height.
    words: in a line, 0 < n.
    stretch: of the letters' width, a factor in [0.2, 5], drawn for each line.
    angle: the most by which lines of half of the photos are turned, radians in [0, pi]; the others are level.
    outlined: share in [0, 1] of the photos in which letters have an outline in another colour, which is part
        of the mask.
    opacity: of the letters, in [0.05, 1], drawn for each photo; below 1 it is a watermark.
    """

    area: Range = (0.02, 0.12)
    height: Range = (0.04, 0.14)
    weight: Range = (0.06, 0.18)
    words: tuple[int, int] = (1, 4)
    stretch: Range = (0.7, 1.3)
    angle: float = math.pi / 4
    outlined: float = 0.25
    opacity: Range = (1.0, 1.0)

    def __post_init__(self) -> None:
        check_range("area", self.area, 0, 0.5)
        check_range("height", self.height, 0, 1)
        check_range("weight", self.weight, 0, 0.5)
        check_range("words", self.words, 1, 100)
        check_range("stretch", self.stretch, 0.2, 5)
        check_range("angle", (self.angle, self.angle), 0, math.pi)
        check_range("outlined", (self.outlined, self.outlined), 0, 1)
        check_range("opacity", self.opacity, 0.05, 1)

    def cover(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        mask, content = np.zeros(image.shape[:2], np.uint8), np.zeros_like(image)
        opacity = rng.uniform(*self.opacity)
        wanted = rng.uniform(*self.area) / max(opacity, 1e-6) * 255 * mask.size
        slanted, outlined = bool(rng.integers(2)), bool(rng.uniform() < self.outlined)
        one_colour = drawn_colour(rng, mean_colour(image)) if rng.integers(2) else None
        inked, too_long = 0.0, 0
        for _ in range(MOST_LINES):
            turn = rng.uniform(-self.angle, self.angle) if slanted else 0.0
            letters, inner = self._line(min(image.shape[:2]), turn, outlined, rng)
            inside, of_line = _placed(letters.shape, image.shape[:2], rng)
            letters, inner = letters[of_line], inner[of_line]
            both = np.maximum(mask[inside], letters)
            added = float(both.sum()) - float(mask[inside].sum())
            if inked > 0 and inked + added - wanted > wanted - inked:
                too_long += 1
                if too_long == MOST_TOO_LONG:
                    break
                continue
            colour = drawn_colour(rng, mean_colour(image[inside])) if one_colour is None else one_colour
            painted = content[inside]
            painted[letters > 0] = drawn_colour(rng, colour) if outlined else colour
            painted[inner > 0] = colour
            mask[inside] = both
            inked += added
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
        thick: np.ndarray = drawn
        if outlined:
            thick = cv2.dilate(drawn, np.ones((2 * border + 1, 2 * border + 1), np.uint8))
        stretch = rng.uniform(*self.stretch)
        return _turned(thick, turn, stretch), _turned(drawn, turn, stretch)


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


def _turned(drawn: np.ndarray, turn: float, stretch: float) -> np.ndarray:
    """The same made wider or narrower and turned by an angle, in a frame that holds all of it."""
    height, width = drawn.shape
    cosine, sine = math.cos(turn), math.sin(turn)
    matrix = np.array([[stretch * cosine, sine], [-stretch * sine, cosine]])
    across, down = (math.ceil(length) for length in np.abs(matrix) @ (width, height))
    shift = (np.array([across, down]) - matrix @ (width, height)) / 2
    return cv2.warpAffine(drawn, np.column_stack([matrix, shift]), (across, down), flags=cv2.INTER_LINEAR)


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
