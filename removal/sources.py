"""Where the masks come from: a detector, boxes, files of another team. Each is called with a photo."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from removal.batch.jobs import Job
from removal.cluster.paths import RemotePath
from removal.errors import PlanError
from removal.images import Photo
from removal.options import RunOptions
from removal.pipeline import Pipeline
from segment import Detections, MaskFiles, mask_from_box

MaskSource = Callable[[Photo], Detections]


def from_boxes(boxes: Sequence[tuple[int, int, int, int]], *, seed: int = 0) -> MaskSource:
    """The object inside each box (xywh, pixels of the upright photo), cut out by GrabCut."""

    def find(photo: Photo) -> Detections:
        masks = np.stack([mask_from_box(photo.pixels, box, seed=seed) for box in boxes])
        return Detections.from_masks(masks, ["box"] * len(boxes), np.ones(len(boxes), np.float32))

    return find


class FileMasks:
    """Masks that another team made, as a source.

    files: where they are read from.
    """

    def __init__(self, files: MaskFiles) -> None:
        self.files = files

    @property
    def description(self) -> str:
        """The masks in a few words: what the pixels of the results depend on."""
        keeps = self.files.reading.polarity.polarity == "keep"
        return f"{self.files.path}" + (", white = keep" if keeps else "")

    def __call__(self, photo: Photo) -> Detections:
        return self.files.detections(photo.path, photo.pixels.shape[:2], orientation=photo.orientation)


def from_files(path: Path, options: RunOptions, say: Callable[[str], None]) -> FileMasks:
    """The masks in a file or folder, read as the options say (docs/team-masks.md); `say` is told what was
    found out about them.

    Raises FileNotFoundError, ValueError for what holds no masks, PlanError where these do not have the
    options' classes.
    """
    files = MaskFiles(
        path,
        label=options.mask_label,
        polarity=options.mask_polarity,
        allow_empty=options.allow_empty_masks,
        max_pixels=int(options.max_megapixels * 1e6),
        tell=say,
    )
    try:
        files.check_classes(options.classes)
    except ValueError as error:
        raise PlanError(f"--class: {error}") from error
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
    return path if isinstance(path, RemotePath) else Path(os.path.realpath(path))


def from_detector(pipeline: Pipeline) -> MaskSource:
    """Whatever the pipeline's segmenter finds in the photo."""
    return lambda photo: pipeline.detect([photo.pixels])[0]
