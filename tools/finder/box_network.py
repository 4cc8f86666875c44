"""Which pixels of a box are the person it was drawn around: a network that helps in training and never ships.

It learns from labelled people, given their boxes, and turns the boxes of photos without outlines into masks
(`pseudo_masks.py`). Knowing the box is what makes this so much easier than finding people.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from tools.finder.lite_trunk import CHANNELS, STEM_CHANNELS, LiteTrunk
from tools.finder.network import Merge, to_tensor

WINDOW_PX = 160  # side of the square that the network sees
CONTEXT = 1.3  # side of the window over the longer side of the box


class BoxNetwork(nn.Module):
    """images float32 (N, 3, S, S) in [-1, 1] and boxes float32 (N, 1, S, S): 0 outside of the box, inside 1
    where a person is asked for and -1 where another thing is. Returns logits float32 (N, 1, S/2, S/2)."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = LiteTrunk()
        self.box_stem = nn.Conv2d(1, STEM_CHANNELS, 3, 2, 1, bias=False)
        nn.init.zeros_(self.box_stem.weight)
        half, quarter, eighth, sixteenth, deepest = CHANNELS
        self.merges = nn.ModuleList(
            [
                Merge(deepest, sixteenth, 96),
                Merge(96, eighth, 64),
                Merge(64, quarter, 48),
                Merge(48, half, 24),
            ]
        )
        self.head = nn.Conv2d(24, 1, 3, 1, 1)

    def forward(self, images: Tensor, boxes: Tensor) -> Tensor:
        *skips, features = self.trunk(images, self.box_stem(boxes))
        for merge in self.merges:
            features = merge(features, skips.pop())
        logits: Tensor = self.head(features)
        return logits


def window_matrix(box: np.ndarray, context: float = CONTEXT, size: int = WINDOW_PX) -> np.ndarray:
    """2 x 3 matrix from the photo to the window around a box xyxy."""
    scale = size / (context * max(box[2] - box[0], box[3] - box[1]))
    middle = (box[:2] + box[2:]) / 2
    return np.array([[scale, 0, size / 2 - scale * middle[0]], [0, scale, size / 2 - scale * middle[1]]])


def warped(image: np.ndarray, matrix: np.ndarray, size: int = WINDOW_PX) -> np.ndarray:
    """The photo in the window, grey outside of it."""
    scale = float(matrix[1, 1])
    if scale < 0.6:
        image = cv2.GaussianBlur(image, (0, 0), 0.35 / scale)
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=(127, 127, 127))


def box_map(box: np.ndarray, matrix: np.ndarray, size: int = WINDOW_PX) -> np.ndarray:
    """uint8 (S, S): 1 inside of the box of the photo."""
    corners = np.rint(box.reshape(2, 2) * matrix[[0, 1], [0, 1]] + matrix[:, 2]).astype(int).clip(0, size)
    inside = np.zeros((size, size), np.uint8)
    inside[corners[0, 1] : corners[1, 1], corners[0, 0] : corners[1, 0]] = 1
    return inside


@torch.inference_mode()
def box_probabilities(network: BoxNetwork, image: np.ndarray, boxes: np.ndarray) -> list[np.ndarray]:
    """float32 (H, W) for each box (N, 4) xyxy: how likely a pixel is the box's person; 0 outside of the box.
    As it is and mirrored, averaged."""
    found = []
    for box in boxes:  # one at a time: for each new number of them the convolutions would be compiled anew
        matrix = window_matrix(box)
        window, inside = warped(image, matrix), box_map(box, matrix).astype(np.float32)
        both = to_tensor(torch.from_numpy(np.stack([window, window[:, ::-1]])))
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(both, torch.from_numpy(np.stack([inside, inside[:, ::-1]]))[:, None]).float()
        mean = (logits[0, 0] + logits[1, 0].flip(1)).div(2).sigmoid().numpy()
        large = cv2.resize(mean, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
        back = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        full = cv2.warpAffine(large, matrix, image.shape[1::-1], flags=back)
        left, top = np.floor(np.maximum(box[:2], 0)).astype(int)
        right, bottom = np.ceil(box[2:]).astype(int)
        only = np.zeros_like(full)
        only[top:bottom, left:right] = full[top:bottom, left:right]
        found.append(only)
    return found
