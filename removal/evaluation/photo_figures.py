"""The figures of one photo, by the names of `removal.evaluation.results`."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from removal.evaluation.case import Case, Combination, Figures
from removal.evaluation.fidelity import BACKBONES, l1, lpips, mse, psnr, ssim, total_variation
from removal.evaluation.judge import change_outside
from removal.evaluation.masks import boundary_f, leak, spill, union_iou
from removal.evaluation.texture import swd


def lpips_problem() -> str | None:
    """Why LPIPS cannot be measured here; None where it can."""
    weights = BACKBONES["alex"]
    if not weights.is_cached():
        return f"weights missing: {weights.file_name}"
    return None if find_spec("torchmetrics") else "torchmetrics missing: pip install 'removal[evaluation]'"


def fidelity_figures(
    image: np.ndarray, clean: np.ndarray, where: np.ndarray | None, region: str, *, with_lpips: bool
) -> Figures:
    """A photo against its clean view.

    image, clean: uint8 (H, W, 3). where: bool (H, W), the pixels that count; None = all. Names begin with
    `region`. None where `where` is empty or too small for a measure, and for the PSNR of equal pictures.
    """
    measures: dict[str, Callable[[], float]] = {
        "l1": lambda: l1(image, clean, where),
        "mse": lambda: mse(image, clean, where),
        "psnr": lambda: psnr(image, clean, where),
        "ssim": lambda: ssim(image, clean, where),
        "tv": lambda: total_variation(image, where),
        "tv_clean": lambda: total_variation(clean, where),
        "swd": lambda: swd(image, clean, where),
    }
    if with_lpips:
        measures["lpips"] = lambda: lpips(image, clean, where)
    if where is not None and not where.any():
        return {f"{region}_{name}": None for name in measures}
    return {f"{region}_{name}": defined(measure) for name, measure in measures.items()}


def overlap_figures(mask: np.ndarray, target: np.ndarray, when: str) -> Figures:
    """A mask against the true one, bool (H, W) each; names begin with `when` ("before", "after")."""
    measures: dict[str, Callable[[], float]] = {
        "iou": lambda: union_iou(mask, target),
        "boundary_f": lambda: boundary_f(mask, target),
        "leak": lambda: leak(mask, target),
        "spill": lambda: spill(mask, target),
    }
    return {f"{when}_{name}": defined(measure) for name, measure in measures.items()}


def defined(measure: Callable[[], float]) -> float | None:
    """The figure; None where it is not defined for this photo, or infinite."""
    try:
        figure = measure()
    except ValueError:
        return None
    return figure if math.isfinite(figure) else None


def common_figures(case: Case, combination: Combination) -> Figures:
    """What every protocol notes: how much was filled, what changed outside, what it cost."""
    hole = case.holes[combination.mask_key]
    return {
        "change_outside": change_outside(case.image, case.filled[combination], hole.mask),
        "mask_share": float(hole.mask.mean()),
        "find_seconds": case.find_seconds[combination.source],
        "refine_seconds": hole.seconds,
        "fill_seconds": case.fill_seconds[combination],
    }
