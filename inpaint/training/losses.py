"""What training makes smaller: reconstruction and adversarial losses, as functions of tensors.

Every loss is one number, differentiable, on the scale of its inputs. Photos are float (N, C, H, W), masks
float (N, 1, H, W) in [0, 1], 1 = hole; a partly destroyed pixel counts in proportion. Verdicts of a critic
have any shape and are unbounded, higher = more like a photo. All raise ValueError where the shapes do not
fit. The losses of critics are added as in the papers; the authors' TensorFlow code of DeepFillv2 halves its.
"""

from collections.abc import Callable

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def l1(filled: Tensor, images: Tensor) -> Tensor:
    """Mean absolute difference over all pixels and channels."""
    _check_same("filled", filled, "images", images)
    return (filled - images).abs().mean()


def mse(filled: Tensor, images: Tensor) -> Tensor:
    """Mean squared difference over all pixels and channels."""
    _check_same("filled", filled, "images", images)
    return (filled - images).square().mean()


def hole_l1(filled: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Mean absolute difference in the holes of the whole batch; 0 where there is none."""
    _check_batch(filled, images, masks)
    return _mean_in_holes((filled - images).abs(), masks, masks)


def hole_mse(filled: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Mean squared difference in the holes of the whole batch; 0 where there is none."""
    _check_batch(filled, images, masks)
    return _mean_in_holes((filled - images).square(), masks, masks)


def discounted_l1(filled: Tensor, images: Tensor, masks: Tensor, *, gamma: float = 0.99) -> Tensor:
    """Spatially discounted reconstruction loss in the holes (Yu et al. 2018, arXiv 1801.07892, section 3.2).

    The weighted sum is divided by the pixels and channels in holes, not by the weights: for a box this is the
    mean over the box that the authors' code takes. 0 where there is no hole.
    """
    _check_batch(filled, images, masks)
    return _mean_in_holes((filled - images).abs(), discount_weights(masks, gamma=gamma), masks)


def discount_weights(masks: Tensor, *, gamma: float = 0.99) -> Tensor:
    """How much a pixel of the hole counts: gamma^l * mask, float (N, 1, H, W); 0 outside (the same section).

    l: Euclidean distance in pixels to the nearest known pixel (mask 0) of the same image, so 1 beside it, as
        the paper has it; the authors' code starts at 0 and knows boxes alone. Beyond the border nothing is
        known. In an image without any known pixel all of them count alike, 1.

    Raises ValueError unless 0 < gamma <= 1.
    """
    if not 0 < gamma <= 1:
        raise ValueError(f"expected gamma above 0 and at most 1, got {gamma}")
    _check_masks(masks, masks)
    holes = (masks[:, 0].detach() > 0).cpu().numpy().astype(np.uint8)
    distances = [
        np.zeros(hole.shape, np.float32)
        if hole.all()
        else cv2.distanceTransform(hole, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for hole in holes
    ]
    return gamma ** torch.from_numpy(np.stack(distances)).to(masks).unsqueeze(1) * masks


def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss at each point of the map, for the critic (Yu et al. 2019, arXiv 1806.03589, section 3.3)."""
    real, fake = _verdicts(real, fake)
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """The same section, for the generator: the mean verdict, negated."""
    return -_wide(fake).mean()


def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Negated estimate of the Wasserstein-1 distance (Arjovsky et al. 2017, arXiv 1701.07875, equation 2)."""
    real, fake = _verdicts(real, fake)
    return fake.mean() - real.mean()


def wasserstein_generator(fake: Tensor) -> Tensor:
    """The part of that distance which the generator moves."""
    return -_wide(fake).mean()


def logistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Binary cross entropy of logits, real = 1, fake = 0, added (Goodfellow et al. 2014, arXiv 1406.2661)."""
    real, fake = _verdicts(real, fake)
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def logistic_generator(fake: Tensor) -> Tensor:
    """Its non-saturating form for the generator (the same paper, section 3): -log D(fake)."""
    return F.softplus(-_wide(fake)).mean()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Tensor,
    fake: Tensor,
    *,
    masks: Tensor | None = None,
    rng: torch.Generator,
) -> Tensor:
    """Mean of (|gradient| - 1)^2, at one random point between each real and fake image.

    Gulrajani et al. 2017, arXiv 1704.00028, equation 3; in the hole alone Yu et al. 2018, arXiv 1801.07892,
    equation 6. The weight (10 in both papers) is the caller's.

    critic: one judge of one input, such as `critics.whole` or `critics.local`; no verdict may depend on
        another image of the batch. Differentiated twice, in full precision, so that this reaches its weights.
    real, fake: (N, C, H, W), both detached.
    masks: (N, 1, H, W), the gradient's elements are multiplied by these; None = all count.
    rng: draws the point, one number in [0, 1) for each image.
    """
    _check_same("fake", fake, "real", real)
    if masks is not None:
        _check_masks(masks, real)
    share = torch.rand((len(real), 1, 1, 1), generator=rng, device=rng.device).to(real)
    between = torch.lerp(real.detach(), fake.detach(), share).requires_grad_()
    with torch.autocast(real.device.type, enabled=False), torch.enable_grad():
        verdicts = critic(between)
        (gradients,) = torch.autograd.grad(verdicts.sum(), between, create_graph=True)
    if masks is not None:
        gradients = gradients * masks
    result: Tensor = (torch.linalg.vector_norm(gradients.flatten(1), dim=1) - 1).square().mean()
    return result


def hole_box_patches(images: Tensor, masks: Tensor, *, size_px: int) -> Tensor:
    """What a local critic sees: (N, C, size_px, size_px) about the centre of each hole's bounding box.

    Shifted to stay inside the image; an image without a hole gives its middle (Iizuka et al. 2017, section
    3.4). images: (N, C, H, W), or the masks themselves for the holes of the patches.

    Raises ValueError for a size that is not in 1..min(H, W).
    """
    _check_masks(masks, images)
    height, width = images.shape[-2:]
    if not 1 <= size_px <= min(height, width):
        raise ValueError(f"expected size_px in 1..{min(height, width)}, got {size_px}")
    holes = (masks[:, 0].detach() > 0).cpu().numpy()
    patches = []
    for image, hole in zip(images, holes, strict=True):
        top, left = (_start(hole.any(axis=axis), size_px) for axis in (1, 0))
        patches.append(image[:, top : top + size_px, left : left + size_px])
    return torch.stack(patches)


def _start(occupied: np.ndarray, size_px: int) -> int:
    """Where a stretch of `size_px` about the middle of the occupied positions starts."""
    positions = np.flatnonzero(occupied)
    first, last = (positions[0], positions[-1]) if len(positions) else (0, len(occupied) - 1)
    return int(np.clip((first + last + 1 - size_px) // 2, 0, len(occupied) - size_px))


def _mean_in_holes(errors: Tensor, weights: Tensor, masks: Tensor) -> Tensor:
    total = masks.sum() * errors.shape[1]
    return (errors * weights).sum() / total.clamp_min(torch.finfo(total.dtype).tiny)


def _wide(verdicts: Tensor) -> Tensor:
    """At least float32: a mean of half precision numbers rounds a small loss away."""
    return verdicts if verdicts.dtype == torch.float64 else verdicts.float()


def _verdicts(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    _check_same("fake", fake, "real", real)
    return _wide(real), _wide(fake)


def _check_same(name: str, batch: Tensor, other_name: str, other: Tensor) -> None:
    if batch.shape != other.shape or not batch.numel():
        raise ValueError(
            f"expected {name} of the shape of {other_name}, {tuple(other.shape)}, not empty, "
            f"got {tuple(batch.shape)}"
        )


def _check_masks(masks: Tensor, images: Tensor) -> None:
    if images.ndim != 4 or not images.numel():
        raise ValueError(f"expected a batch of shape (N, C, H, W), not empty, got {tuple(images.shape)}")
    expected = (len(images), 1, *images.shape[-2:])
    if tuple(masks.shape) != expected:
        raise ValueError(f"expected masks of shape {expected}, got {tuple(masks.shape)}")


def _check_batch(filled: Tensor, images: Tensor, masks: Tensor) -> None:
    _check_same("filled", filled, "images", images)
    _check_masks(masks, images)
