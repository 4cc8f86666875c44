"""How good a fill is where the true picture is known: PSNR in the hole, and SWD (texture realism).

The measures are the library's (`removal.evaluation`); only where they have no figure differs: a benchmark's
means must not break off at one hole.
"""

import numpy as np

from removal.evaluation import fidelity, texture

MOST_PSNR_DB = 10 * np.log10(255.0**2 / 1e-9)


def psnr_in_mask(result: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    """Peak signal-to-noise ratio over the pixels of a mask, in dB; 138.1 where both are equal.

    Args:
        result, truth: uint8 (H, W, 3).
        mask: bool (H, W), not empty.

    Raises:
        ValueError: the mask is empty.
    """
    return min(fidelity.psnr(result, truth, mask), float(MOST_PSNR_DB))


def swd(result: np.ndarray, truth: np.ndarray, mask: np.ndarray, *, seed: int = 1) -> float:
    """Sliced Wasserstein distance of patches in the hole, in grey levels, lower is better.

    Args:
        result, truth: uint8 (H, W, 3).
        mask: bool (H, W), not empty.
        seed: of the generator that draws places and directions.

    Raises:
        ValueError: the hole has no room for patches.
    """
    return texture.swd(result, truth, mask, seed=seed)
