"""SAM and SAM 2.1 through `transformers`: the photo is embedded once, each prompt then takes a moment.

Kirillov et al. 2023 ("Segment Anything"), Ravi et al. 2024 ("SAM 2"). SAM sees the photo with its long side
at the network's side and padded to a square; SAM 2 sees it stretched to a square. Both take points as x, y
in pixels of what they see.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from _removal_support.device import resolve_device
from _removal_support.pretrained import OFFLINE_VARIABLE, WeightsError
from segment.prompts.contract import check_image, check_prompt, obeyed

if TYPE_CHECKING:
    from segment.detections import Detections

MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32) * 255
KINDS = {"sam": ("sam",), "sam2": ("sam2", "sam2_video")}  # what config.json calls each of them


class SamPrompter:
    """Follows the contract of `segment.prompts.Prompter`.

    model: `transformers`' SamModel or Sam2Model, ready on its device.
    """

    def __init__(self, model: Any, name: str, source: str):
        self.model, self.name = model, name
        self.is_second = model.config.model_type != "sam"
        part = model.config.prompt_encoder_config if self.is_second else model.config.vision_config
        side = part.image_size
        self.side = int(side if isinstance(side, int) else side[0])
        self.description = f"{name} ({source}), float32, {model.device}"

    is_network = True

    def embed(self, image: np.ndarray, detections: Detections | None = None) -> SamEmbedded:
        """Looks at a photo, uint8 (H, W, 3) RGB. Raises TypeError, ValueError for another array."""
        import torch

        check_image(image)
        seen, scale = self.seen(image)
        pixels = torch.from_numpy(seen.transpose(2, 0, 1)[None].copy()).to(self.model.device)
        with torch.inference_mode():
            features = self.model.get_image_embeddings(pixels)
        return SamEmbedded(self, features, (image.shape[0], image.shape[1]), scale)

    def seen(self, image: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
        """The photo as the network sees it, float32 (side, side, 3), and its scale across and down."""
        height, width = image.shape[:2]
        size = (self.side, self.side)
        if not self.is_second:
            shrunk = self.side / max(height, width)
            size = (int(width * shrunk + 0.5), int(height * shrunk + 0.5))
        enlarges = size[0] * size[1] > width * height
        small = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR if enlarges else cv2.INTER_AREA)
        normal = (small.astype(np.float32) - MEAN) / DEVIATION
        below, right = self.side - size[1], self.side - size[0]
        padded = np.pad(normal, ((0, below), (0, right), (0, 0)))  # zeros after normalising, as SAM pads
        return padded, (size[0] / width, size[1] / height)


class SamEmbedded:
    """One photo of `size` (height, width), and what the network made of it."""

    def __init__(
        self, prompter: SamPrompter, features: Any, size: tuple[int, int], scale: tuple[float, float]
    ):
        self.prompter, self.features, self.size, self.scale = prompter, features, size, scale

    def __call__(
        self,
        points: Sequence[tuple[float, float]] = (),
        labels: Sequence[int] = (),
        box: tuple[float, float, float, float] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `segment.prompts.Embedded` says: three masks for one click, else one."""
        check_prompt(points, labels, box, *self.size)
        logits, scores = self.answer(points, labels, box)
        scores = np.clip(np.nan_to_num(scores), 0, 1).astype(np.float32)
        order = np.argsort(-scores, kind="stable")
        masks = [obeyed(self.enlarged(logits[index]) > 0, points, labels) for index in order]
        return np.stack(masks), scores[order]

    def answer(
        self,
        points: Sequence[tuple[float, float]],
        labels: Sequence[int],
        box: tuple[float, float, float, float] | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The network's logits, float32 (K, h, w) of the square that it sees, and scores, float32 (K,)."""
        import torch

        model, prompt = self.prompter.model, {}
        if len(points):
            seen = np.array(points, np.float32).reshape(1, 1, -1, 2) * np.array(self.scale, np.float32)
            prompt["input_points"] = torch.from_numpy(seen).to(model.device)
            prompt["input_labels"] = torch.tensor(labels, device=model.device).reshape(1, 1, -1)
        if box is not None:
            corners = np.array(box, np.float32) * np.array([*self.scale, *self.scale], np.float32)
            prompt["input_boxes"] = torch.from_numpy(corners.reshape(1, 1, 4)).to(model.device)
        with torch.inference_mode():
            answer = model(
                image_embeddings=self.features,
                multimask_output=box is None and len(points) == 1,
                **prompt,
            )
        return (
            answer.pred_masks[0, 0].float().cpu().numpy(),
            answer.iou_scores[0, 0].float().cpu().numpy(),
        )

    def enlarged(self, logits: np.ndarray) -> np.ndarray:
        """Logits of the square that the network sees, at the photo's size and without the padding."""
        height, width = self.size
        side, (across, down) = self.prompter.side, self.scale
        if not self.prompter.is_second:
            square = cv2.resize(logits, (side, side), interpolation=cv2.INTER_LINEAR)
            logits = square[: round(height * down), : round(width * across)]
        return cv2.resize(logits, (width, height), interpolation=cv2.INTER_LINEAR)


@functools.lru_cache(maxsize=2)
def load_sam(
    name: str,
    kind: str,
    repository: str,
    *,
    device: str = "auto",
    folder: str | None = None,
    cached: bool = False,
) -> SamPrompter:
    """The network of a repository, from the library's cache or from its host, or of a local folder.

    kind: "sam" or "sam2". folder: with config.json and model.safetensors; None = the repository. cached:
    whether that is in the cache, so that its host is not asked. The last two stay loaded.

    Raises:
        WeightsError: the package is missing, or the weights cannot be had or are another model's.
        ValueError: this machine has no such device.
    """
    try:
        import transformers
    except ImportError as error:
        raise WeightsError(
            f"{name} needs the package transformers: python -m pip install 'removal[transformers]'",
            option="prompter",
        ) from error
    device = resolve_device(device)
    offline = os.environ.get(OFFLINE_VARIABLE, "") not in ("", "0")
    source = repository if folder is None else os.fspath(folder)
    if folder is not None:
        check_folder(Path(folder), kind, name)
    builder = transformers.SamModel if kind == "sam" else transformers.Sam2Model
    only_local = folder is not None or offline or cached
    with quiet():
        try:
            model, found = builder.from_pretrained(
                source, output_loading_info=True, local_files_only=only_local, use_safetensors=True
            )
        except Exception as error:  # of the library, the hub and the file format: no common base
            raise WeightsError(
                not_loaded(name, repository, folder, offline, error), option="prompter"
            ) from error
    wrong = sorted(found["missing_keys"]) or sorted(str(key) for key in found.get("mismatched_keys", ()))
    if wrong:
        raise WeightsError(
            f"the weights in {source} are not those of {name}: {len(wrong)} arrays are missing or of another "
            f"shape, such as {wrong[0]}",
            option="prompter",
        )
    return SamPrompter(model.eval().to(device), name, source)


def check_folder(folder: Path, kind: str, name: str) -> None:
    """Raises WeightsError unless a folder says that it holds a network of that kind."""
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"expected a folder with config.json and model.safetensors for {name}, got '{folder}'",
            option="prompter_weights",
        ) from error
    if found not in KINDS[kind]:
        raise WeightsError(
            f"expected a model of type {kind} for {name}, got {found!r} in '{folder}'",
            option="prompter_weights",
        )


def not_loaded(name: str, repository: str, folder: str | None, offline: bool, error: Exception) -> str:
    """One line: what could not be loaded, why, and what to do."""
    if folder is not None:
        return f"the weights in '{folder}' cannot be read: {first_line(error)}"
    if offline:
        return f"{name} is not in the cache and {OFFLINE_VARIABLE} is set; unset it to fetch {repository}"
    return (
        f"{name} could not be fetched from {repository}: {first_line(error)}; give a folder that holds its "
        "config.json and model.safetensors, or try again with a network"
    )


def first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No warnings of the library: what is wrong with a file is told by our own errors."""
    logger = logging.getLogger("transformers")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
