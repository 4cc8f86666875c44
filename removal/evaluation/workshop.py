"""What is done with each photo of an evaluation, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from removal.batch.notes import is_as_noted, note_of
from removal.batch.stages import Stage
from removal.batch.threads import default_workers
from removal.bystanders import find_people
from removal.evaluation.case import Case, Combination, EvaluationProtocol
from removal.evaluation.folder import CLEAN, SHOWN
from removal.evaluation.mask_sources import EvaluatedSource, find_hole
from removal.models import build_bystanders, build_inpainter, loading
from removal.options import RunOptions

if TYPE_CHECKING:
    from inpaint import Inpainter
    from removal.evaluation.dataset import EvalPhoto
    from removal.evaluation.folder import EvaluationFolder
    from removal.evaluation.plan import EvaluationOptions
    from removal.pipeline import Hole
    from segment import Detections, Segmenter

PART_CHANNELS = ("object", "attached", "shadow")  # red, green and blue of the masks that are kept
Record = dict[str, Any]


class Workshop:
    """The stages that every photo goes through: read, find, refine, fill, measure, write.

    Masks are found once for each source, refined once for each source and refinement, and a photo is read
    once. sources, inpainters: by name. combinations: what is compared. bystanders: finds people who stay,
    for masks that do not name them; None = nobody is looked for.
    """

    def __init__(
        self,
        protocol: EvaluationProtocol,
        combinations: Sequence[Combination],
        sources: Mapping[str, EvaluatedSource],
        inpainters: Mapping[str, Inpainter],
        folder: EvaluationFolder,
        run: RunOptions,
        bystanders: Segmenter | None = None,
    ) -> None:
        self.protocol, self.combinations, self.folder, self.run = protocol, combinations, folder, run
        self.sources, self.inpainters, self.bystanders = sources, inpainters, bystanders

    def stages(self) -> list[Stage]:
        """In order. A detector and the fills have one thread each: a network has the device to itself, and
        compiled fills use all cores by themselves."""
        workers = default_workers()
        return [
            Stage("read", each=self.read, workers=workers),
            Stage("find", each=self.find),
            Stage("refine", each=self.refine, workers=workers),
            Stage("fill", each=self.fill),
            Stage("measure", each=self.measure, workers=workers),
            Stage("write", each=self.write, workers=workers),
        ]

    def read(self, photo: EvalPhoto) -> Case:
        """Also notes what the file was, for a later run to tell whether it still is."""
        status = photo.path.stat()
        case = self.protocol.read(photo)
        case.note = note_of(status, photo.path.read_bytes())
        return case

    def find(self, case: Case) -> Case:
        for name, source in self.sources.items():
            started = time.perf_counter()
            case.found[name] = source.find(case)
            case.find_seconds[name] = time.perf_counter() - started
        if self.bystanders is not None:
            case.people = find_people(self.bystanders, case.image)
        return case

    def refine(self, case: Case) -> Case:
        for source, refined in dict.fromkeys(entry.mask_key for entry in self.combinations):
            case.holes[source, refined] = find_hole(case, self.sources[source], self.run, refined=refined)
        return case

    def fill(self, case: Case) -> Case:
        for combination in self.combinations:
            hole = case.holes[combination.mask_key]
            started = time.perf_counter()
            inpainter = self.inpainters[combination.inpainter]
            case.filled[combination] = fill(inpainter, case.image, hole, case.found[combination.source])
            case.fill_seconds[combination] = time.perf_counter() - started
        return case

    def measure(self, case: Case) -> Case:
        case.unedited = self.protocol.measure_unedited(case)
        for combination in self.combinations:
            case.figures[combination] = self.protocol.measure(case, combination)
        return case

    def write(self, case: Case) -> Record:
        """Keeps the pictures, and returns the photo's line."""
        from removal.evaluation.coco_protocol import CocoProtocol, save_detections
        from removal.images import write_png

        pictures = [("results", entry.folder, filled) for entry, filled in case.filled.items()]
        for combination in {entry.mask_key: entry for entry in self.combinations}.values():
            parts = parts_picture(case.holes[combination.mask_key].parts)
            pictures.append(("masks", combination.mask_folder, parts))
        if self.folder.keeps_inputs and case.clean is not None:
            pictures += [("inputs", SHOWN, case.image), ("inputs", CLEAN, case.clean)]
        for kind, folder, picture in pictures:
            path = self.folder.file(kind, folder, case.photo.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_png(picture, path, overwrite=True)
        if isinstance(self.protocol, CocoProtocol):
            save_detections(case, self.combinations, self.protocol, self.folder)
        return {
            "photo": case.photo.name,
            "outcome": "done",
            "bytes": case.size_bytes,
            "file": case.note,
            "unedited": case.unedited,
            "figures": {entry.folder: case.figures[entry] for entry in self.combinations},
        }


def fill(inpainter: Inpainter, image: np.ndarray, hole: Hole, found: Detections) -> np.ndarray:
    """As the main job fills a hole, uint8 (H, W, 3); found: what the hole was made from.

    A photo that is found damaged all over, which the main job refuses to fill, stays as it is.
    """
    from inpaint import NothingLeftError
    from removal.repair import DetectedDamage

    if not isinstance(found, DetectedDamage):
        return inpainter(image, hole.mask, hole.protect)
    try:
        return inpainter.repair(image, hole.mask, found.level).image
    except NothingLeftError:
        return image


def parts_picture(parts: Mapping[str, np.ndarray]) -> np.ndarray:
    """The parts of a mask as one picture, uint8 (H, W, 3): red the object, green attached, blue shadow."""
    height, width = parts["object"].shape
    picture = np.zeros((height, width, 3), np.uint8)
    for channel, name in enumerate(PART_CHANNELS):
        picture[..., channel] = parts[name] * np.uint8(255)
    return picture


def is_done(photo: EvalPhoto, folder: EvaluationFolder, combinations: Sequence[Combination]) -> bool:
    """Whether an earlier run finished this photo, which is as it was, and its pictures are still there."""
    record = folder.records.get(photo.name)
    if record is None or record["outcome"] != "done" or not photo.path.is_file():
        return False
    if not record.get("file") or not is_as_noted(photo.path, record["file"]):
        return False
    if any(entry.folder not in record["figures"] for entry in combinations):
        return False
    kept = {folder.file("results", entry.folder, photo.name) for entry in combinations}
    kept |= {folder.file("masks", entry.mask_folder, photo.name) for entry in combinations}
    if folder.keeps_inputs:
        kept |= {folder.file("inputs", name, photo.name) for name in (SHOWN, CLEAN)}
    if folder.settings.get("protocol") == "coco":
        names = {name for entry in combinations for name in (entry.found_folder, entry.mask_folder)}
        kept |= {folder.file("detections", name, photo.name, ".json") for name in names}
    return all(path.is_file() for path in kept)


def build_inpainters(options: EvaluationOptions, say: Callable[[str], None]) -> dict[str, Inpainter]:
    """The inpainters by label; RunError, in one line, where one cannot be had."""
    built = {}
    for method in options.methods:
        weights = method.weights or (options.run.weights if method.takes_weights else None)
        run = replace(options.run, inpainter=method.name, weights=weights)
        with loading():
            built[method.label] = build_inpainter(run, say, plain=options.plain)
    return built


def build_finder_of_people(
    run: RunOptions, sources: Iterable[EvaluatedSource], inpainters: Iterable[Inpainter]
) -> Segmenter | None:
    """The finder of people who stay, as `remove --masks` has it; None where every source names them or no
    fill copies anything."""
    if not run.protect or all(source.names_all for source in sources):
        return None
    with loading():
        return next(filter(None, map(build_bystanders, inpainters)), None)
