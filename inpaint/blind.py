"""Damage that nobody marked: a network looks for it, and says how much of each pixel is destroyed."""

import cv2
import numpy as np
import torch

from _removal_support.device import resolve_device
from inpaint.blind_weights import BlindFiles, load_blind
from inpaint.guided import follow_colours
from inpaint.inpainter import check_image, check_level
from inpaint.networks.mask_prediction import MaskPredictor
from inpaint.precision import arithmetic, choose_precision
from inpaint.tensors import images_to_tensor

THRESHOLD = 0.5
"""From which destroyed share on a pixel is damaged."""
FAINT_SHARE = 0.5
"""Of the threshold: from there on pixels are damaged too that hang together with damage: its rim is partly
destroyed."""
CERTAIN_SHARE = 0.35
"""What so hangs together counts only where its mean lies this share of the way from the threshold to 1: a few
sure pixels amid unsure ones are mostly no damage, and there the photo is better left alone."""
THICK_PX = 17
"""From this width on damage is grown by RIM_PX: its soft rim would colour the fill. Pixels around thin lines
are better kept: growing those by 1 px loses 1.4 dB where the true map is known (Telea)."""
RIM_PX = 2
LIMIT_PX = 3072
"""Photos whose longer side is more than this are looked at shrunk to it."""
LEAST_PX = 640
"""Photos are looked at again at half the size, as long as their longer side is no less than this: damage that
is wide for the network is seen whole from further away."""
MIRRORED_PX = 2_000_000
"""Pictures of no more pixels are looked at mirrored, too: the mean of four answers is surer than one
(Timofte et al. 2016, arXiv 1511.02228)."""
FLIPS = ((), (3,), (2,), (2, 3))
NEARER = 1.4
"""Pictures still no larger when enlarged so are looked at enlarged, too, and the surer look counts: it
finds hair-thin lines (IoU of scratches 0.70 without, 0.75 with it, and no more is found wrongly)."""
NEAR_PX = 12
"""In larger pictures nothing wider counts: it is seen better from further away, and large photos are smooth
near by, which looks like damage (5 % of enlarged photos, 0.2 % with this)."""
TILE_PX = 1024


class DamageFinder:
    """`level = finder(image)`: how much of each pixel is destroyed."""

    def __init__(
        self,
        network: MaskPredictor,
        *,
        source: str = "given network",
        device: str = "auto",
        precision: str = "auto",
        limit_px: int = LIMIT_PX,
    ) -> None:
        """Take over a network and move it to the device.

        Args:
            network: in eval mode.
            source: where its weights are from, for the description.
            device: "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1", "mps".
            precision: as `inpaint.precision.choose_precision` takes it.
            limit_px: a photo whose longer side is more than this is looked at shrunk to it.

        Raises:
            ValueError: a limit_px below 1, an unknown precision, or a device that is not there.
        """
        if limit_px < 1:
            raise ValueError(f"expected limit_px of at least 1, got {limit_px}")
        self.device = torch.device(resolve_device(device))
        self.network = network.to(self.device).eval()
        self.precision = choose_precision(precision, self.device)
        self.limit_px = limit_px
        self.description = f"{network.name} ({source}), {self.precision} on {self.device.type}"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """How much of each pixel is destroyed, float32 (H, W) in [0, 1].

        image: uint8 (H, W, 3) RGB. Raises TypeError or ValueError for anything else.
        """
        check_image(image)
        side_px = min(self.limit_px, max(image.shape[:2]))
        level = self._first_seen(image, side_px)
        while side_px >= 2 * LEAST_PX:
            side_px //= 2
            np.maximum(level, self._seen(image, side_px), out=level)
        return level

    def _first_seen(self, image: np.ndarray, side_px: int) -> np.ndarray:
        """As `_seen`; small photos are looked at enlarged, too, and their level follows their colours."""
        level = self._seen(image, side_px)
        longer_px = max(image.shape[:2])
        if side_px < longer_px or image.shape[0] * image.shape[1] * NEARER**2 > MIRRORED_PX:
            return level
        height, width = image.shape[:2]
        size = (round(NEARER * width), round(NEARER * height))
        enlarged = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
        nearer = self._seen(enlarged, max(size))
        np.maximum(level, cv2.resize(nearer, (width, height), interpolation=cv2.INTER_LINEAR), out=level)
        return follow_colours(level, image) if level.max() >= FAINT_SHARE * THRESHOLD else level

    def _seen(self, image: np.ndarray, side_px: int) -> np.ndarray:
        """The level as it looks with a longer side of so many pixels, at most the photo's."""
        height, width = image.shape[:2]
        scale = side_px / max(height, width)
        shown = image
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            shown = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        is_near = shown.shape[0] * shown.shape[1] > MIRRORED_PX
        flips = FLIPS[:1] if is_near else FLIPS
        with torch.inference_mode(), arithmetic(self.precision, self.device):
            images = images_to_tensor([shown], self.device)
            answers = [self.network.maps(images.flip(flip), tile_px=TILE_PX).flip(flip) for flip in flips]
            maps = torch.stack(answers).mean(dim=0)
        level = maps[0, 0].cpu().numpy()
        if is_near:
            level[around_wide(level >= FAINT_SHARE * THRESHOLD, NEAR_PX, NEAR_PX / 4)] = 0
        if scale < 1:
            level = cv2.resize(level, (width, height), interpolation=cv2.INTER_LINEAR)
        return level


def load_damage_finder(
    *, weights: BlindFiles = (), device: str = "auto", precision: str = "auto"
) -> DamageFinder:
    """The finder with the package's weights, or with those among the files `weights`.

    Raises as `inpaint.blind_weights.load_blind`, ValueError as `DamageFinder`.
    """
    network, path = load_blind(MaskPredictor, weights)
    return DamageFinder(network, source=path.name, device=device, precision=precision)


def damage_mask(
    level: np.ndarray,
    *,
    threshold: float = THRESHOLD,
    refine: bool = True,
    certain_share: float = CERTAIN_SHARE,
) -> np.ndarray:
    """The pixels that are damaged, bool (H, W).

    level: float32 (H, W) in [0, 1], how much of each is destroyed.
    threshold: from which share on, in (0, 1].
    refine: pixels from FAINT_SHARE of the threshold on count too where a path of such pixels leads to
        damaged ones (hysteresis, as in Canny's edges) if the mean of all that so hangs together is
        certain_share of the way from the threshold to 1, and RIM_PX around what is THICK_PX wide.
    certain_share: see there, in [0, 1].

    Raises TypeError or ValueError for anything else.
    """
    check_level(level)
    if not 0 < threshold <= 1:
        raise ValueError(f"expected threshold above 0 and at most 1, got {threshold}")
    if not 0 <= certain_share <= 1:
        raise ValueError(f"expected certain_share from 0 to 1, got {certain_share}")
    mask = level >= threshold
    if refine and mask.any():
        _, labels = cv2.connectedComponents((level >= FAINT_SHARE * threshold).view(np.uint8), connectivity=8)
        sums = np.bincount(labels.ravel(), weights=level.ravel())
        certain = sums >= np.bincount(labels.ravel()) * (threshold + certain_share * (1 - threshold))
        certain[0] = False
        mask = certain[labels]
        mask |= around_wide(mask, THICK_PX, RIM_PX)
    return mask


def around_wide(mask: np.ndarray, width_px: float, reach_px: float) -> np.ndarray:
    """The parts of a mask that are so wide, and what lies within reach_px of them; bool (H, W) each."""
    inner = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, 5) >= width_px / 2
    if not inner.any():
        return inner
    away = cv2.distanceTransform((~inner).view(np.uint8), cv2.DIST_L2, 5)
    return away <= width_px / 2 + reach_px
