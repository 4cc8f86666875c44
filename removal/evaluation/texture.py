"""Whether a fill has the texture of the true picture, whatever it shows: statistics of small patches."""

from __future__ import annotations

import numpy as np

from removal.evaluation.fidelity import check_comparable

LEVELS = 3
PATCH_PX = 7
PATCHES = 2000
PROJECTIONS = 64
MIN_CENTRES = 20


def swd(image: np.ndarray, reference: np.ndarray, where: np.ndarray | None = None, *, seed: int = 1) -> float:
    """Sliced Wasserstein distance of Laplacian-pyramid patches, in grey levels (Karras et al. 2018, 5).

    Lower is better. On each of 3 pyramid levels 2,000 patches of 7 x 7 pixels are drawn from both pictures,
    with their centres in ``where``, and compared along 64 random directions; the mean distances of the
    levels are added up. Each picture has its own draw of patches, so that a perfect fill comes to about 1
    (1.2 over 48 photos) and not to 0. Levels where fewer than 20 centres fit are left out, so small holes
    have smaller figures, and busy photos have larger ones: compare fills of the same holes.

    image, reference: uint8 (H, W, 3). where: bool (H, W), the pixels that count; None = all.
    seed: of the generator that draws places and directions; another seed changes a photo's figure by about
        0.2, the mean of 48 photos by 0.1.

    Raises ValueError where sizes differ, no pixel counts, or no level has room for 20 patches.
    """
    import cv2

    counted = check_comparable(image, reference, where).astype(np.uint8)
    generator = np.random.default_rng(seed)
    distances = []
    for ours, theirs in zip(laplacian_pyramid(image), laplacian_pyramid(reference), strict=True):
        height, width = ours.shape[:2]
        corners = patch_corners(cv2.resize(counted, (width, height), interpolation=cv2.INTER_NEAREST) > 0)
        if len(corners) < MIN_CENTRES:
            continue
        first, second = (
            patches_at(band, corners[generator.integers(0, len(corners), PATCHES)]) for band in (ours, theirs)
        )
        directions = unit_directions(first.shape[1], PROJECTIONS, generator)
        gap = np.sort(first @ directions, axis=0) - np.sort(second @ directions, axis=0)
        distances.append(float(np.abs(gap).mean()))
    if not distances:
        raise ValueError(f"expected room for {MIN_CENTRES} patches of {PATCH_PX} pixels, got less")
    return sum(distances)


def laplacian_pyramid(image: np.ndarray) -> list[np.ndarray]:
    """The 3 finest bands of an image's Laplacian pyramid (Burt and Adelson 1983), finest first.

    image: uint8 (H, W, 3). Each band is float32, half the size of the one before, in grey levels.
    """
    import cv2

    bands = []
    current: np.ndarray = image.astype(np.float32)
    for _ in range(LEVELS):
        smaller = cv2.pyrDown(current)
        bands.append(current - cv2.pyrUp(smaller, dstsize=(current.shape[1], current.shape[0])))
        current = smaller
    return bands


def patch_corners(counted: np.ndarray) -> np.ndarray:
    """Row and column of the first pixel of each patch whose centre counts, int (N, 2), row by row.

    counted: bool (H, W). Patches that reach the last row or column are left out.
    """
    half = PATCH_PX // 2
    return np.argwhere(counted[half : -half - 1, half : -half - 1])


def patches_at(band: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """The 7 x 7 patches of a band, float32 (H, W, C), at ``corners``, as rows (N, 49 C)."""
    offsets = np.arange(PATCH_PX)
    rows = corners[:, 0, None, None] + offsets[:, None]
    columns = corners[:, 1, None, None] + offsets
    return band[rows, columns].reshape(len(corners), -1)


def unit_directions(length: int, count: int, generator: np.random.Generator) -> np.ndarray:
    """Random directions of length 1, float32 (length, count), one a column."""
    directions = generator.standard_normal((length, count)).astype(np.float32)
    result: np.ndarray = directions / np.linalg.norm(directions, axis=0)
    return result
