"""Where the masks come from: a detector, boxes, files of another team. One protocol, whoever asks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from removal.batch.jobs import Job
from removal.batch.notes import note_of
from removal.cluster.paths import is_remote
from removal.errors import PlanError
from removal.images import Photo
from removal.options import RunOptions
from removal.pipeline import POINTED, Pipeline
from segment import Detections, MaskFiles, mask_from_box
from segment.box import corners_inside
from segment.prompts.contract import Prompter, check_prompt


class MaskSource(Protocol):
    """Says what is to be removed from photos.

    description: what the masks come from in a few words, as a record has it.
    batched: whether it takes several photos at once and is called by one thread at a time, as a network on a
        device; else it is given one photo at a time, by several threads.
    """

    @property
    def description(self) -> str: ...

    @property
    def batched(self) -> bool: ...

    def __call__(self, photos: Sequence[Photo]) -> list[Detections]:
        """What is in each photo."""
        ...

    def note(self, photo: Path) -> Mapping[str, Any]:
        """What a record notes of the file that this photo's masks were read from; empty = of none."""
        ...


class DetectorMasks:
    """Whatever a pipeline's segmenter finds: objects, or damage."""

    batched = True

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    @property
    def description(self) -> str:
        """The network in words."""
        if self.pipeline.segmenter is None:
            raise ValueError("expected a pipeline with a segmenter, got one without")
        return self.pipeline.segmenter.description

    def __call__(self, photos: Sequence[Photo]) -> list[Detections]:
        return self.pipeline.detect([photo.pixels for photo in photos])

    def note(self, photo: Path) -> Mapping[str, Any]:
        return {}


class BoxMasks:
    """The object inside each box (xywh, pixels of the upright photo), cut out by GrabCut, or by a network.

    prompter: asked where it is a network; None = GrabCut.
    """

    def __init__(
        self, boxes: Sequence[tuple[int, int, int, int]], prompter: Prompter | None = None, *, seed: int = 0
    ) -> None:
        self.network = prompter if prompter is not None and prompter.is_network else None
        self.boxes, self.seed = boxes, seed

    @property
    def batched(self) -> bool:
        return self.network is not None

    @property
    def description(self) -> str:
        """What cuts: "boxes" alone is GrabCut."""
        return "boxes" if self.network is None else f"boxes, {self.network.description}"

    def __call__(self, photos: Sequence[Photo]) -> list[Detections]:
        names, scores = ["box"] * len(self.boxes), np.ones(len(self.boxes), np.float32)
        return [Detections.from_masks(np.stack(self.masks(photo.pixels)), names, scores) for photo in photos]

    def masks(self, image: np.ndarray) -> list[np.ndarray]:
        """The mask of each box, bool (H, W), in an image, uint8 (H, W, 3) RGB."""
        if self.network is None:
            return [mask_from_box(image, box, seed=self.seed) for box in self.boxes]
        embedded = self.network.embed(image)
        return [embedded(box=corners_inside(image, box))[0][0] for box in self.boxes]

    def note(self, photo: Path) -> Mapping[str, Any]:
        return {}


class PointMasks:
    """The thing under some points of a photo, and what a detector finds besides.

    points: x, y on the thing; not_points: beside it. detector: None = nothing else is looked for.
    """

    batched = True

    def __init__(
        self,
        prompter: Prompter,
        points: Sequence[tuple[float, float]],
        not_points: Sequence[tuple[float, float]] = (),
        detector: DetectorMasks | None = None,
    ) -> None:
        self.prompter, self.detector = prompter, detector
        self.points = (*points, *not_points)
        self.labels = [1] * len(points) + [0] * len(not_points)

    @property
    def description(self) -> str:
        """The prompter in words, and the detector."""
        beside = "" if self.detector is None else f"; {self.detector.description}"
        return f"points, {self.prompter.description}{beside}"

    def __call__(self, photos: Sequence[Photo]) -> list[Detections]:
        found = [None] * len(photos) if self.detector is None else self.detector(photos)
        return [self._pointed(photo.pixels, beside) for photo, beside in zip(photos, found, strict=True)]

    def _pointed(self, image: np.ndarray, beside: Detections | None) -> Detections:
        check_prompt(self.points, self.labels, None, *image.shape[:2])  # embedding takes long
        masks, _ = self.prompter.embed(image, beside)(points=self.points, labels=self.labels)
        thing = Detections.from_masks(masks[:1], [POINTED], [1.0])
        return thing if beside is None else thing.joined(beside)

    def note(self, photo: Path) -> Mapping[str, Any]:
        return {}


class FileMasks:
    """Masks that another team made.

    files: where they are read from.
    """

    batched = False

    def __init__(self, files: MaskFiles) -> None:
        self.files = files
        self._note_of_all: Mapping[str, Any] | None = None  # where one file has the masks of all photos

    @property
    def description(self) -> str:
        """What the pixels of the results depend on, by one name from wherever it is given."""
        keeps = self.files.reading.polarity.polarity == "keep"
        return f"{self.files.path.resolve()}" + (", white = keep" if keeps else "")

    def __call__(self, photos: Sequence[Photo]) -> list[Detections]:
        return [
            self.files.detections(photo.path, photo.pixels.shape[:2], orientation=photo.orientation)
            for photo in photos
        ]

    def note(self, photo: Path) -> Mapping[str, Any]:
        path = self.files.find(photo)
        if path != self.files.path:
            return {"mask_file": note_of_file(path)} if path.is_file() else {}
        if self._note_of_all is None:
            self._note_of_all = {"mask_file": note_of_file(path)}
        return self._note_of_all


def note_of_file(path: Path) -> dict[str, Any]:
    status = path.stat()
    return {"path": str(path.absolute())} | note_of(status, path.read_bytes())


def open_files(path: Path, options: RunOptions, say: Callable[[str], None]) -> MaskFiles:
    """The masks in a file or folder, read as the options say, whatever their classes. FileNotFoundError,
    ValueError for what holds no masks."""
    return MaskFiles(
        path,
        label=options.mask_label,
        polarity=options.mask_polarity,
        allow_empty=options.allow_empty_masks,
        max_pixels=int(options.max_megapixels * 1e6),
        tell=say,
    )


def from_files(path: Path, options: RunOptions, say: Callable[[str], None]) -> FileMasks:
    """The masks in a file or folder, read as the options say (docs/team-masks.md); `say` is told what was
    found out about them.

    Raises FileNotFoundError, ValueError for what holds no masks, PlanError where these do not have the
    options' classes.
    """
    files = open_files(path, options, say)
    try:
        files.check_classes(options.classes)
    except ValueError as error:
        raise PlanError(str(error), option="classes") from error
    return FileMasks(files)


def without_masks(jobs: Sequence[Job], given: Sequence[Path], masks: Path | None) -> list[Job]:
    """The jobs but for those whose photo is a mask: what lies in `masks`, a file or folder, where that is
    below a folder of photos.

    given: the photos and folders that were asked for; what is named itself stays. Masks that lie among the
    photos, in the very folder, cannot be told apart and stay too.
    """
    if masks is None:
        return list(jobs)
    apart, named = real(masks), set(given)
    if not any(real(folder) in apart.parents for folder in given):
        return list(jobs)
    folders: dict[Path, Path] = {}

    def is_mask(photo: Path) -> bool:
        if photo.parent not in folders:
            folders[photo.parent] = real(photo.parent)
        return photo not in named and (folders[photo.parent] / photo.name).is_relative_to(apart)

    return [job for job in jobs if not is_mask(job.source)]


def real(path: Path) -> Path:
    """A path without links; one that fsspec opens as it is."""
    return path if is_remote(path) else Path(os.path.realpath(path))
