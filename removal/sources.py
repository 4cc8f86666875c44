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
from removal.pipeline import Pipeline
from segment import Detections, MaskFiles, mask_from_box


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
    """The object inside each box (xywh, pixels of the upright photo), cut out by GrabCut."""

    batched, description = False, "boxes"

    def __init__(self, boxes: Sequence[tuple[int, int, int, int]], *, seed: int = 0) -> None:
        self.boxes, self.seed = boxes, seed

    def __call__(self, photos: Sequence[Photo]) -> list[Detections]:
        names, scores = ["box"] * len(self.boxes), np.ones(len(self.boxes), np.float32)
        found = []
        for photo in photos:
            masks = [mask_from_box(photo.pixels, box, seed=self.seed) for box in self.boxes]
            found.append(Detections.from_masks(np.stack(masks), names, scores))
        return found

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
