"""What happens to a photo before the finder sees it in training: cropped, pasted into, recoloured.

Everything random comes from the generator passed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tools.finder.photos import IGNORE, PERSON, UNKNOWN, Cutout, Labelled

CROP_SCALES = (0.85, 2.5)  # long side of the photo over the side of the crop
PASTE_SCALES = (0.05, 1.5)  # long side of what is pasted over the side of the crop
SHADOW_SHARE = 0.4  # of the pasted people


@dataclass
class Sample:
    """image uint8 (S, S, 3); label uint8 (S, S) and people int16 (S, S) as in `Labelled`; boxes float32
    (N, 4) xyxy in px of the crop, maybe reaching out of it, or None."""

    image: np.ndarray
    label: np.ndarray
    people: np.ndarray
    boxes: np.ndarray | None = None


def crop_matrix(
    rng: np.random.Generator,
    shape: tuple[int, int],
    size: int,
    centre: tuple[float, float] | None,
    turn: bool,
) -> np.ndarray:
    """2 x 3 matrix from the photo to the crop: turned, stretched, maybe mirrored."""
    height, width = shape
    scale = size * np.exp(rng.uniform(*np.log(CROP_SCALES))) / max(height, width)
    stretch = np.exp(rng.uniform(-0.15, 0.15))
    angle = np.deg2rad(rng.normal(0, 7)) if turn else 0.0
    linear = turned(scale, stretch, angle, mirrored=rng.random() < 0.5)
    if centre is None:
        centre = (rng.uniform(0, 1) * width, rng.uniform(0, 1) * height)
    target = np.array([rng.uniform(0.15, 0.85), rng.uniform(0.15, 0.85)]) * size
    # keep the square on the picture where the picture is large enough
    span = np.array([width * scale * stretch, height * scale])
    flip = np.sign(linear[0, 0])
    offset = (np.array(centre) - (width / 2, height / 2)) * (scale * stretch, scale) * (flip, 1)
    slack = np.maximum(span - size, 0) / 2
    middle = np.clip(target - offset, size / 2 - slack, size / 2 + slack)
    shift = middle - linear @ np.array([width / 2, height / 2])
    return np.hstack([linear, shift[:, None]])


def turned(scale: float, stretch: float, angle: float, *, mirrored: bool) -> np.ndarray:
    flip = -1.0 if mirrored else 1.0
    cos, sin = np.cos(angle), np.sin(angle)
    return scale * np.array([[flip * cos * stretch, -sin], [flip * sin * stretch, cos]])


def crop(rng: np.random.Generator, photo: Labelled, size: int, centre: tuple[float, float] | None) -> Sample:
    """A square of the photo; what lies outside of it is "not known". Photos with boxes are not turned."""
    matrix = crop_matrix(rng, photo.label.shape, size, centre, turn=photo.boxes is None)
    scale = float(np.linalg.norm(matrix[:, 1]))
    image = photo.image
    interpolation = cv2.INTER_LINEAR
    if scale < 0.6:
        image, interpolation = cv2.GaussianBlur(image, (0, 0), 0.35 / scale), cv2.INTER_AREA
    filling = tuple(int(v) for v in rng.integers(0, 255, 3)) if rng.random() < 0.3 else (127, 127, 127)
    nearest = cv2.INTER_NEAREST
    boxes = photo.boxes
    if boxes is not None and len(boxes):
        corners = boxes.reshape(-1, 2) @ matrix[:, :2].T + matrix[:, 2]
        corners = corners.reshape(-1, 2, 2)
        boxes = np.hstack([corners.min(1), corners.max(1)]).astype(np.float32)
        visible = (boxes[:, :2] < size).all(1) & (boxes[:, 2:] > 0).all(1)
        boxes[~visible] = 0  # the numbers in `people` go on counting the boxes
    return Sample(
        cv2.warpAffine(image, matrix, (size, size), flags=interpolation, borderValue=filling),
        cv2.warpAffine(photo.label, matrix, (size, size), flags=nearest, borderValue=IGNORE),
        cv2.warpAffine(photo.people, matrix, (size, size), flags=nearest, borderValue=UNKNOWN),
        boxes,
    )


def paste(rng: np.random.Generator, sample: Sample, cutout: Cutout, *, person: bool) -> Sample:
    """The sample with a thing or a person put somewhere, a person at times with a shadow on the ground."""
    size = sample.label.shape[0]
    height, width = cutout.alpha.shape
    wanted = size * np.exp(rng.uniform(*np.log(PASTE_SCALES)))
    scale = min(wanted / max(height, width), 2.0)
    linear = turned(
        scale, np.exp(rng.uniform(-0.12, 0.12)), np.deg2rad(rng.normal(0, 8)), mirrored=rng.random() < 0.5
    )
    target = np.array([rng.uniform(0.05, 0.95), rng.uniform(0.1, 1.0)]) * size
    matrix = np.hstack([linear, (target - linear @ np.array([width / 2, height / 2]))[:, None]])
    source, alpha = cutout.image, cutout.alpha
    if scale < 0.6:
        source = cv2.GaussianBlur(source, (0, 0), 0.35 / scale)
        alpha = cv2.GaussianBlur(alpha, (0, 0), 0.35 / scale)
    warped = cv2.warpAffine(
        source, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpAffine(alpha, matrix, (size, size), flags=cv2.INTER_LINEAR)
    inside = alpha > 127
    if not inside.any():
        return sample
    image = sample.image
    if rng.random() < 0.7:
        warped = match_light(rng, warped, image, inside)
    if person and rng.random() < SHADOW_SHARE:
        image = with_shadow(rng, image, alpha)
    weight = alpha[..., None].astype(np.float32) / 255
    mixed = image + (warped.astype(np.float32) - image) * weight
    number = int(sample.people.max()) + 1 if person else 0
    return Sample(
        np.clip(mixed, 0, 255).astype(np.uint8),
        np.where(inside, np.uint8(PERSON if person else 0), sample.label),
        np.where(inside, np.int16(max(number, 1) if person else 0), sample.people),
    )


def with_shadow(rng: np.random.Generator, image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The picture darkened by the shape's shadow: sheared and pressed flat about its lowest row."""
    lowest = float(np.nonzero((alpha > 127).any(1))[0][-1])
    press = rng.uniform(-0.5, 0.35)  # under 0 = the shadow falls towards the viewer
    shear = rng.uniform(-1.2, 1.2)
    matrix = np.array([[1, -shear, shear * lowest], [0, press, lowest * (1 - press)]])
    shade = cv2.warpAffine(alpha, matrix, alpha.shape[::-1], flags=cv2.INTER_LINEAR)
    shade = cv2.GaussianBlur(shade, (0, 0), rng.uniform(0.6, 4)).astype(np.float32) / 255
    return (image * (1 - rng.uniform(0.2, 0.65) * shade[..., None])).astype(np.uint8)


def match_light(
    rng: np.random.Generator, warped: np.ndarray, image: np.ndarray, inside: np.ndarray
) -> np.ndarray:
    """Move the thing's mean colour part of the way to the picture's."""
    shift = (image.mean(axis=(0, 1)) - warped[inside].mean(axis=0)) * rng.uniform(0, 0.7)
    return np.clip(warped + shift, 0, 255)


def recolour(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Brightness, contrast, saturation, tint, gamma, blur, noise, grey, JPEG: what cameras and people do."""
    values = image.astype(np.float32)
    values = (values - 127.5) * np.float32(rng.uniform(0.65, 1.35)) + np.float32(127.5 + rng.uniform(-35, 35))
    grey = values.mean(axis=2, keepdims=True)
    saturation = 0.0 if rng.random() < 0.06 else rng.uniform(0.5, 1.5)
    values = grey + (values - grey) * np.float32(saturation)
    values *= rng.uniform(0.9, 1.1, 3).astype(np.float32)
    levels = 255 * np.linspace(0, 1, 256) ** np.exp(rng.uniform(-0.25, 0.25))
    result = cv2.LUT(np.clip(values, 0, 255).astype(np.uint8), levels.astype(np.uint8))
    if rng.random() < 0.25:
        result = cv2.GaussianBlur(result, (0, 0), rng.uniform(0.3, 1.4))
    if rng.random() < 0.3:
        noise = rng.standard_normal(result.shape, dtype=np.float32) * np.float32(rng.uniform(1, 10))
        result = np.clip(result + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = int(rng.integers(35, 95))
        coded = cv2.imencode(".jpg", result, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        result = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return result
