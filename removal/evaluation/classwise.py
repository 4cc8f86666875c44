"""Class-wise removal: results of removing a class against images that never had it.

Comparing a result with its original rewards not removing (Oh et al. 2024, arXiv 2404.11104). Inception's
features where its weights are; always statistics of Laplacian-pyramid patches, which need none and have
their own names.

Sets of images are given as feature vectors, one a row. With Inception's features their distances are FID,
KID and U-IDS; with the two sets above, FID*, KID* and U-IDS*.

Small sets: the Fréchet distance of n images is too high, by more the fewer they are and the more features
there are (Bińkowski et al. 2018, section 4; 2,048 features want 10,000 images and more): compare only sets
of the same sizes, and look at the kernel distance, which has no such bias. A linear SVM parts any n + m
points in general position in n + m - 1 dimensions, so the discriminative score as published is 0 for small
sets: ask for folds.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from _removal_support.pretrained import PretrainedWeights, WeightsError, fetch
from removal.evaluation.environment import evaluation_module
from removal.evaluation.texture import laplacian_pyramid, patch_corners, patches_at, unit_directions

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
    result: np.ndarray = (first @ second.T / first.shape[1] + 1) ** KERNEL_DEGREE
    return result


def _check_sets(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    for features in (first, second):
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(f"expected features of shape (at least 2, d), got {features.shape}")
        if not np.isfinite(features).all():
            raise ValueError("expected finite features")
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"expected sets of as many features, got {first.shape[1]} and {second.shape[1]}")
    return first.astype(np.float64), second.astype(np.float64)


INCEPTION = PretrainedWeights(
    name="inception-2015",
    file_name="weights-inception-2015-12-05-6726825d.pth",
    url="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth",
    sha256_prefix="6726825d",
    licence="Apache-2.0",
    architecture="Inception v3 of 2015, as FID uses it",
    trained_on="ImageNet",
    input_contract="uint8 (N, 3, H, W) in RGB, any size",
)
FOLDS = 5
DIRECTIONS = 4
QUANTILES = (0.05, 0.25, 0.75, 0.95)
PATCHES = 2000


def class_wise(
    results: np.ndarray, references: np.ndarray, *, prefix: str = "", folds: int = FOLDS
) -> dict[str, float]:
    """The four set measures of two feature matrices, as names and figures.

    results, references: float (n, d) and (m, d): features of the results of removing a class, and of images
        that never had it.
    prefix: "" gives "fid_star", "kid_star", "u_ids_star" and "u_ids_star_held_out", for features of
        `inception_features`; "patch_" gives "patch_frechet", "patch_kernel", "patch_u_ids" and
        "patch_u_ids_held_out", for `patch_features`.
    folds: of the held-out score; at most as many as a set has images.
    """
    names = ("fid_star", "kid_star", "u_ids_star")
    if prefix:
        names = (f"{prefix}frechet", f"{prefix}kernel", f"{prefix}u_ids")
    return {
        names[0]: frechet_distance(results, references),
        names[1]: kernel_distance(results, references),
        names[2]: unpaired_discriminative_score(results, references),
        f"{names[2]}_held_out": unpaired_discriminative_score(results, references, folds=folds),
    }


def patch_features(image: np.ndarray, *, seed: int = 1) -> np.ndarray:
    """What an image's patches look like, float64 (48,), no unit: a descriptor that needs no weights.

    Quantiles (5, 25, 75, 95 %) of 2,000 random 7 x 7 patches projected on 4 random directions, on 3 levels
    of the Laplacian pyramid, each q as sign(q) log(1 + |q|), q in grey levels, so that a few photos of much
    contrast don't decide. Near images have a small sliced Wasserstein distance. It knows contrast and
    grain, and not what is shown: blur and smears in many results show in it, an object left behind does
    not.

    image: uint8 (H, W, 3), at least 32 px a side. seed: of the places and directions; use one for all images.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected an image of uint8 (H, W, 3), got {image.dtype} {image.shape}")
    if min(image.shape[:2]) < 32:
        raise ValueError(f"expected an image of at least 32 pixels a side, got {image.shape[:2]}")
    features = []
    for level, band in enumerate(laplacian_pyramid(image)):
        directions = unit_directions(49 * 3, DIRECTIONS, np.random.default_rng((seed, level, 0)))
        corners = patch_corners(np.ones(band.shape[:2], dtype=bool))
        chosen = np.random.default_rng((seed, level, 1)).integers(0, len(corners), PATCHES)
        features.append(
            np.quantile(patches_at(band, corners[chosen]) @ directions, QUANTILES, axis=0).ravel()
        )
    quantiles = np.concatenate(features).astype(np.float64)
    return np.sign(quantiles) * np.log1p(np.abs(quantiles))


def inception_features(images: Iterable[np.ndarray], *, device: str = "cpu") -> np.ndarray:
    """Inception's 2,048 pooled features, float32 (N, 2048), of images uint8 (H, W, 3) of any size.

    The network and its resizing to 299 x 299 are torchmetrics' (bilinear with antialiasing; the first FID
    code resized without, so figures differ a little from old tables).

    Nothing is downloaded: raises WeightsError, saying what to put where, when the weights are not in
    ``torch.hub``'s cache; ModuleNotFoundError without torchmetrics and torch-fidelity.
    """
    if not INCEPTION.is_cached():
        raise WeightsError(
            f"FID* needs {INCEPTION.file_name}, which is not in the cache; {INCEPTION.instructions()}"
        )
    import torch

    path = fetch(INCEPTION)  # checks the hash
    evaluation_module("torch_fidelity")
    torch.load(path, map_location="cpu", weights_only=True)  # refuses code; torch-fidelity would run it
    network = evaluation_module("torchmetrics.image.fid").NoTrainInceptionV3(
        name="inception-v3-compat", features_list=["2048"], feature_extractor_weights_path=str(path)
    )
    network = network.to(device)
    with torch.inference_mode():
        rows = [
            network(torch.from_numpy(image).permute(2, 0, 1)[None].to(device)).cpu().numpy()
            for image in images
        ]
    return np.concatenate(rows) if rows else np.empty((0, 2048), dtype=np.float32)
