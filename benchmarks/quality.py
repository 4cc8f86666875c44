"""How good a fill is where the true picture is known: PSNR in the hole, and SWD (texture realism)."""

import cv2
import numpy as np

LEVELS = 3
PATCH_PX = 7
PATCHES = 2000
PROJECTIONS = 64
MIN_CENTRES = 20


def psnr_in_mask(result: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    """Peak signal-to-noise ratio over the pixels of a mask, in dB.

    Args:
        result, truth: uint8 (H, W, 3).
        mask: bool (H, W), not empty.

    Raises:
        ValueError: the mask is empty.
    """
    if not mask.any():
        raise ValueError("expected a mask with at least one pixel, received an empty one")
    error = result[mask].astype(np.float64) - truth[mask]
    return float(10 * np.log10(255.0**2 / max(1e-9, float(np.square(error).mean()))))


def swd(result: np.ndarray, truth: np.ndarray, mask: np.ndarray, *, seed: int = 1) -> float:
    """Sliced Wasserstein distance of Laplacian-pyramid patches (Karras et al. 2018, section 5).

    Lower is better. Patches of 7 x 7 pixels are drawn from both pictures, with their centres in the hole,
    and compared along 64 random directions; the distances of 3 pyramid levels are added up, in grey levels.
    Levels where fewer than 20 centres fit are left out.

    Args:
        result, truth: uint8 (H, W, 3).
        mask: bool (H, W).
        seed: of the generator that draws places and directions.
    """
    generator = np.random.default_rng(seed)
    total = 0.0
    half = PATCH_PX // 2
    for ours, theirs in zip(_laplacian(result), _laplacian(truth), strict=True):
        height, width = ours.shape[:2]
        small = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        corners = np.argwhere(small[half : height - half - 1, half : width - half - 1] > 0)
        if len(corners) < MIN_CENTRES:
            continue
        first = _patches(ours, corners[generator.integers(0, len(corners), PATCHES)])
        second = _patches(theirs, corners[generator.integers(0, len(corners), PATCHES)])
        directions = generator.standard_normal((first.shape[1], PROJECTIONS)).astype(np.float32)
        directions /= np.linalg.norm(directions, axis=0)
        gap = np.sort(first @ directions, axis=0) - np.sort(second @ directions, axis=0)
        total += float(np.abs(gap).mean())
    return total


def _laplacian(image: np.ndarray) -> list[np.ndarray]:
    bands = []
    current = image.astype(np.float32)
    for _ in range(LEVELS):
        smaller = cv2.pyrDown(current)
        bands.append(current - cv2.pyrUp(smaller, dstsize=(current.shape[1], current.shape[0])))
        current = smaller
    return bands


def _patches(band: np.ndarray, corners: np.ndarray) -> np.ndarray:
    offsets = np.arange(PATCH_PX)
    rows = corners[:, 0, None, None] + offsets[:, None]
    columns = corners[:, 1, None, None] + offsets
    return band[rows, columns].reshape(len(corners), -1)
