"""RF-DETR-Seg and Mask2Former, run by the transformers library (the extra removal[transformers]).

Both answer a photo with a fixed number of queries: each has scores for the classes and one mask of the whole
photo, at a quarter of the size at which the network sees it (Robinson et al. 2025, arXiv 2511.09554; Cheng et
al. 2022, arXiv 2112.01527). What comes out equals the library's own `post_process_instance_segmentation`, but
only the masks of wanted classes are enlarged, and each only where it lies.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from _removal_support.device import resolve_device
from _removal_support.errors import RemovalError, describe
from _removal_support.pretrained import WeightsError, fetch, file_sha256
from segment.classes import canonical_class, coco_categories, coco_classes
from segment.detections import Detections, Rle, encode_crop
from segment.published import PUBLISHED
from segment.segmenter import check_classes, check_images

PACKAGE = "transformers"
NEEDS = "pip install -U 'removal[transformers]'"


class ModelOutputError(RemovalError, RuntimeError):
    """A network whose numbers are no numbers."""


@dataclass(frozen=True)
class Family:
    """How the networks of one kind answer.

    model_type: as config.json says it. model_class: its name in transformers. class_scores: of its output,
    float (queries, classes), 0 to 1. masks: logits, float (queries, h, w), of the whole photo. boxes: float
    (queries, 4), middle x, middle y, width and height in shares of the photo; None = it gives none.
    scored_by_mask: a score is multiplied by the mean probability inside the mask.
    """

    model_type: str
    model_class: str
    class_scores: Callable[[Any], torch.Tensor]
    masks: Callable[[Any], torch.Tensor]
    boxes: Callable[[Any], torch.Tensor] | None
    scored_by_mask: bool


RF_DETR = Family(
    "rf_detr",
    "RfDetrForInstanceSegmentation",
    lambda output: output.logits[0].sigmoid(),
    lambda output: output.pred_masks[0],
    lambda output: output.pred_boxes[0],
    scored_by_mask=False,
)
MASK2FORMER = Family(
    "mask2former",
    "Mask2FormerForUniversalSegmentation",
    lambda output: output.class_queries_logits[0].softmax(-1)[:, :-1],  # the last means "nothing"
    lambda output: output.masks_queries_logits[0],
    None,
    scored_by_mask=True,
)


def load_transformers_model(
    name: str, *, device: str = "auto", weights: str | os.PathLike[str] | None = None
) -> TransformersSegmenter:
    """A model by its name in the registry, in float32.

    weights: a folder as the library's `save_pretrained` writes it; None = the published one.

    Raises WeightsError where the package or the published weights are missing, FileNotFoundError for a
    missing folder, ValueError for one that holds no such model.
    """
    family = RF_DETR if name.startswith("rf-detr") else MASK2FORMER
    model_class = _model_class(name, family)
    device = resolve_device(device)
    folder = fetch(PUBLISHED[name]) if weights is None else Path(weights)
    check_folder(folder, family)
    try:
        with _quiet():
            from transformers import AutoImageProcessor

            processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
            model, report = model_class.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except Exception as error:  # the library raises what it likes on files that it cannot use
        raise ValueError(f"{folder} cannot be loaded as {family.model_class}: {describe(error)}") from error
    lacking = {key for key, _ in model.named_parameters()} & set(report["missing_keys"])
    if lacking:
        raise ValueError(f"{folder} lacks weights of {family.model_class}, such as {min(lacking)}")
    source = PUBLISHED[name].repository if weights is None else folder.name
    [file, *_] = sorted(folder.glob("*.safetensors"))
    return TransformersSegmenter(
        model,
        processor,
        family,
        name=name,
        source=f"{PUBLISHED[name].architecture}, {source} (sha256 {file_sha256(file)[:8]})",
        device=device,
    )


def check_folder(folder: Path, family: Family) -> None:
    """Raises FileNotFoundError for a missing folder, ValueError for one that holds another model."""
    if not folder.exists():
        raise FileNotFoundError(f"folder of weights not found: {folder}")
    wanted = (
        f"a folder with config.json, preprocessor_config.json and model.safetensors of {family.model_class}"
    )
    for file in ("config.json", "preprocessor_config.json"):
        if not (folder / file).is_file():
            raise ValueError(f"expected {wanted}, got {folder} without {file}")
    if not list(folder.glob("*.safetensors")):
        raise ValueError(f"expected {wanted}, got {folder} without a .safetensors file")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        held = [config["model_type"], *(config.get("architectures") or [family.model_class])]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"expected {wanted}, got a config.json that cannot be read in {folder}") from error
    if held[:2] != [family.model_type, family.model_class]:
        raise ValueError(f"expected {wanted}, got {held[1] if len(held) > 1 else held[0]} in {folder}")


def class_ids(id2label: Mapping[int, str]) -> dict[int, str]:
    """COCO's name of each of a model's classes, by its number; those that COCO does not know are left out.

    Names are the model's own. A model that only numbers its classes (LABEL_0, ...) means COCO's category ids
    where it has 91, as the published conversion of RF-DETR does, and COCO's 80 classes in order where it has
    80.

    Raises ValueError where none is a class of COCO.
    """
    found = {number: canonical_class(label, coco_classes()) for number, label in id2label.items()}
    if not any(found.values()) and all(label.startswith("LABEL_") for label in id2label.values()):
        numbered = {91: coco_categories(), 80: coco_classes()}.get(len(id2label), ())
        found = {number: name if name in coco_classes() else None for number, name in enumerate(numbered)}
    named = {number: name for number, name in sorted(found.items()) if name is not None}
    if not named:
        raise ValueError(f"expected a model of COCO's classes, got {', '.join(list(id2label.values())[:5])}")
    return named


class TransformersSegmenter:
    """A network of transformers, following the contract of `segment.segmenter.Segmenter`.

    model: as the library loads it; it is moved. processor: the library's image processor, which says at what
    size and how normalised the network sees a photo. source: architecture and weights, in words.
    """

    def __init__(
        self, model: Any, processor: Any, family: Family, *, name: str, source: str, device: str = "auto"
    ) -> None:
        self.name = name
        self.fallback: str | None = None
        self.device = resolve_device(device)
        self._names = class_ids(model.config.id2label)
        self.classes = tuple(one for one in coco_classes() if one in self._names.values())
        self.description = f"{source}, float32 on {self.device}"
        self._model = model.eval().to(self.device)
        self._processor, self._family = processor, family

    def __call__(
        self, images: Sequence[np.ndarray], *, classes: Sequence[str] | None = None, min_score: float = 0.05
    ) -> list[Detections]:
        """Instances of ``classes`` (None = all it knows) with at least ``min_score``, one Detections per
        image.

        images: uint8 (H, W, 3) RGB, sizes may differ. The network gives as many (query, class) pairs as it
        has queries, the likeliest first; of a photo that shows more it leaves the others out.
        Raises ModelOutputError where the network's numbers are not finite.
        """
        check_images(images)
        wanted = set(check_classes(self, classes))
        numbers = [number for number, name in self._names.items() if name in wanted]
        return [self._find(image, numbers, min_score) for image in images]

    @torch.inference_mode()
    def _find(self, image: np.ndarray, numbers: list[int], min_score: float) -> Detections:
        """The instances of the classes of these numbers in one image."""
        height, width = image.shape[:2]
        copied = np.array(image)  # the library warns of arrays that cannot be written to
        inputs = self._processor(images=[copied], return_tensors="pt", input_data_format="channels_last")
        output = self._model(pixel_values=inputs["pixel_values"].to(self.device))
        scores = self._family.class_scores(output).float()
        if not torch.isfinite(scores).all():
            raise ModelOutputError(f"{self.name} gave numbers that are not finite: its weights are damaged")
        best, places = scores.flatten().topk(len(scores))
        queries, labels = places // scores.shape[1], places % scores.shape[1]
        keep = (best >= min_score) & torch.isin(labels, torch.tensor(numbers, device=labels.device))
        best, queries = best[keep].cpu(), queries[keep]
        names = [self._names[number] for number in labels[keep].tolist()]
        masks = self._family.masks(output)[queries].float().cpu()
        if self._family.scored_by_mask:
            best = best * torch.tensor([mean_inside(mask) for mask in masks])
        pasted = [paste_logits(mask.numpy(), height, width) for mask in masks]
        boxes = np.array([box for _, box in pasted], np.float32).reshape(-1, 4)
        if self._family.boxes is not None:
            boxes = corners(self._family.boxes(output)[queries].float().cpu().numpy(), height, width)
        kept = [i for i in np.argsort(-best.numpy(), kind="stable") if best[i] >= min_score and pasted[i][0]]
        return Detections(
            tuple(names[i] for i in kept),
            best.numpy()[kept],
            boxes[kept],
            height,
            width,
            tuple(rle for rle in (pasted[i][0] for i in kept) if rle),
        )


def mean_inside(logits: torch.Tensor) -> float:
    """Mean probability of a mask over its own pixels, at the size at which the network saw the photo; 0 for
    an empty mask. logits: float32 (h, w), at a quarter of this size."""
    full = functional.interpolate(logits[None, None], scale_factor=4, mode="bilinear", align_corners=False)
    inside = full > 0
    return float((full.sigmoid() * inside).sum() / (inside.sum() + 1e-6))


def corners(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """float32 (N, 4) xyxy pixels inside the photo, of middles and sides in shares of the photo's."""
    middle, half = boxes[:, :2], boxes[:, 2:] / 2
    xyxy = np.concatenate([middle - half, middle + half], axis=1) * np.array([width, height] * 2)
    inside: np.ndarray = xyxy.clip(0, [width, height] * 2).astype(np.float32)
    return inside


def paste_logits(logits: np.ndarray, height: int, width: int) -> tuple[Rle | None, tuple[int, int, int, int]]:
    """A mask of the whole photo, enlarged bilinearly and cut at 0, and its bounds (xyxy pixels).

    logits: float32 (h, w). Equals torch's `interpolate(logits, (height, width), mode="bilinear") > 0`, but is
    computed only around the cells that are positive. None where no pixel is.
    """
    positive = logits > 0
    rows, columns = np.flatnonzero(positive.any(1)), np.flatnonzero(positive.any(0))
    if len(rows) == 0:
        return None, (0, 0, 0, 0)
    top, down = _places(rows, len(logits), height)
    left, across = _places(columns, logits.shape[1], width)
    inside = _enlarged(_enlarged(logits, down).T, across).T > 0
    seen_rows, seen_columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if len(seen_rows) == 0:
        return None, (0, 0, 0, 0)
    bounds = (
        left + int(seen_columns[0]),
        top + int(seen_rows[0]),
        left + int(seen_columns[-1]) + 1,
        top + int(seen_rows[-1]) + 1,
    )
    return encode_crop(inside, top, left, height, width), bounds


def _places(positive: np.ndarray, cells: int, pixels: int) -> tuple[int, np.ndarray]:
    """The first pixel of a line of `pixels` that one of the positive cells reaches, and where in the line of
    cells this pixel and the others up to the last lie (the middle of the first cell is 0)."""
    step = pixels / cells
    first = max(0, int(np.floor((positive[0] - 0.5) * step - 0.5)))
    last = min(pixels, int(np.ceil((positive[-1] + 1.5) * step - 0.5)) + 1)
    return first, np.clip((np.arange(first, last) + 0.5) / step - 0.5, 0, cells - 1)


def _enlarged(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Linear interpolation between the rows of `values` at `places`."""
    lower = places.astype(int)
    upper = np.minimum(lower + 1, len(values) - 1)
    share = (places - lower).astype(np.float32)[:, None]
    between: np.ndarray = values[lower] * (1 - share) + values[upper] * share
    return between


def _model_class(name: str, family: Family) -> Any:
    """The class of transformers. Raises WeightsError where the package is missing or too old."""
    if find_spec(PACKAGE) is None:
        raise WeightsError(f"{name} needs the package {PACKAGE}: {NEEDS}", option="segmenter")
    with _quiet():
        import transformers

        found = getattr(transformers, family.model_class, None)
    if found is None:
        raise WeightsError(
            f"{name} needs a newer {PACKAGE} than {transformers.__version__}: {NEEDS}", option="segmenter"
        )
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """No bars and no advice of the library on stderr: what matters is checked here and said in one line."""
    import transformers.utils.logging as said

    level, bars = said.get_verbosity(), said.is_progress_bar_enabled()
    said.set_verbosity_error()
    said.disable_progress_bar()
    try:
        yield
    finally:
        said.set_verbosity(level)
        if bars:
            said.enable_progress_bar()
