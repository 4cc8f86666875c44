"""Class-wise removal: results of removing a class against images that never had it.

Comparing a result with its original rewards not removing (Oh et al. 2024, arXiv 2404.11104). Inception's
features where its weights are; always statistics of Laplacian-pyramid patches, which need none and have
their own names.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from _removal_support.pretrained import PretrainedWeights, WeightsError, fetch
from removal.evaluation.extras import evaluation_module
from removal.evaluation.feature_sets import frechet_distance, kernel_distance, unpaired_discriminative_score
from removal.evaluation.texture import laplacian_pyramid, patch_corners, patches_at, unit_directions

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
