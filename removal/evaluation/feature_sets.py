"""Distances of two sets of images, given as feature vectors, one a row.

With Inception's features these are FID, KID and U-IDS; with results of removing a class on one side and
images that never had it on the other, FID*, KID* and U-IDS* (Oh et al. 2024, arXiv 2404.11104).

Small sets: the Fréchet distance of n images is too high, by more the fewer they are and the more features
there are (Bińkowski et al. 2018, section 4; 2,048 features want 10,000 images and more): compare only sets
of the same sizes, and look at the kernel distance, which has no such bias. A linear SVM parts any n + m
points in general position in n + m - 1 dimensions, so the discriminative score as published is 0 for small
sets: ask for folds.
"""

from __future__ import annotations

import numpy as np

from removal.evaluation.extras import evaluation_module

KERNEL_DEGREE = 3
SVM_ITERATIONS = 20_000


def frechet_distance(results: np.ndarray, references: np.ndarray) -> float:
    """Squared Fréchet distance of the normal distributions fitted to two sets; 0 and up, lower is better.

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) (Heusel et al. 2017; Dowson and Landau 1982), with
    covariances of divisor n - 1. The trace of the root is the sum of the singular values of A B^T, where
    S1 = A^T A and S2 = B^T B: exact for few images, and no root of a 2,048 x 2,048 matrix is drawn.

    results, references: float (n, d) and (m, d), at least two rows each; in the squared unit of the features.
    """
    first, second = _check_sets(results, references)
    mean_gap = first.mean(axis=0) - second.mean(axis=0)
    roots: list[np.ndarray] = []
    spread = 0.0
    for features in (first, second):
        centred = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
        spread += float(np.square(centred).sum())
        roots.append(
            np.asarray(np.linalg.qr(centred, mode="r")) if len(centred) > centred.shape[1] else centred
        )
    shared = float(np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum())
    return max(0.0, float(mean_gap @ mean_gap) + spread - 2 * shared)


def kernel_distance(results: np.ndarray, references: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3 (Bińkowski et al. 2018: KID).

    About 0 for sets of one distribution (it may be a little below), lower is better. Over all pairs at
    once, not over random subsets, so that nothing is drawn.

    results, references: float (n, d) and (m, d), at least two rows each.
    """
    first, second = _check_sets(results, references)
    total = 0.0
    for features in (first, second):
        kernel = _polynomial_kernel(features, features)
        count = len(features)
        total += float(kernel.sum() - np.trace(kernel)) / (count * (count - 1))
    return total - 2 * float(_polynomial_kernel(first, second).mean())


def unpaired_discriminative_score(
    results: np.ndarray, references: np.ndarray, *, folds: int | None = None, seed: int = 0
) -> float:
    """How often a linear SVM takes a result for a reference or the reverse: higher is better.

    0 (told apart always) to 0.5 (not at all): the mean of both sets' shares on the wrong side (Zhao et al.
    2021, section 4: U-IDS). Sets of different sizes weigh the same.

    results, references: float (n, d) and (m, d), at least two rows each.
    folds: None = as published, the SVM judges the points it was fitted to. A number = it judges only points
        that were left out of the fit, in so many turns: the figure that means something for small sets,
        around 0.5 (by chance above it too) for sets of one distribution.
    seed: of the folds.

    Raises ValueError for fewer images in a set than folds, ModuleNotFoundError without scikit-learn.
    """
    first, second = _check_sets(results, references)
    if folds is not None and not 2 <= folds <= min(len(first), len(second)):
        raise ValueError(f"expected 2 to {min(len(first), len(second))} folds, got {folds}")
    features = np.concatenate([first, second])
    truth = np.repeat([0, 1], [len(first), len(second)])
    svm = evaluation_module("sklearn.svm").LinearSVC(
        dual=False, class_weight="balanced", max_iter=SVM_ITERATIONS
    )
    if folds is None:
        judged = svm.fit(features, truth).predict(features)
    else:
        selection = evaluation_module("sklearn.model_selection")
        turns = selection.StratifiedKFold(folds, shuffle=True, random_state=seed)
        judged = selection.cross_val_predict(svm, features, truth, cv=turns)
    return float(np.mean([(judged[truth == side] != side).mean() for side in (0, 1)]))


def _polynomial_kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1) ** KERNEL_DEGREE


def _check_sets(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    for features in (first, second):
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(f"expected features of shape (at least 2, d), got {features.shape}")
        if not np.isfinite(features).all():
            raise ValueError("expected finite features")
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"expected sets of as many features, got {first.shape[1]} and {second.shape[1]}")
    return first.astype(np.float64), second.astype(np.float64)
