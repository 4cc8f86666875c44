"""A report on masks that another team handed over, before anything is removed by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from removal.batch.jobs import photos_in
from removal.batch.stages import Finished, Stage, overlapped
from removal.errors import PlanError, describe, one_line
from removal.images import PhotoError
from removal.images.size import read_size
from removal.models import loading
from removal.options import RunOptions
from segment.handover.index import stem_of
from segment.handover.mask_error import MaskError
from segment.handover.photo_names import normal

if TYPE_CHECKING:
    from segment import CocoMasks, MaskFiles
    from segment.handover.files import FoundMask

NAMED = 4  # photos that are named with the mask that they share


@dataclass(frozen=True)
class MaskCheck:
    """What a hand-over has for one photo.

    status: "marked"; "nothing", a list without an object (of the classes, at the score); "empty", a mask that
        marks nothing; or why there is none: "missing", "several", "unreadable", "size", "polarity", "labels",
        "path", and "photo" where the photo itself cannot be read.
    fails: whether the photo would fail in a run. message: why, or why it was not compared, in one line.
    file: where the mask stands. size: of the mask as it is, "same", "scaled", "turned" or both.
    objects: how many are marked. coverage: share of the photo that is marked, 0 to 1.
    iou, leak, spill: of the union against the annotations' (`removal.evaluation.masks`); None = not known.
    option: the setting that the message is about, where there is one.
    sources: what of the hand-over is this photo's, by the names of `MaskFiles.sources`.
    """

    photo: Path
    status: str
    fails: bool = False
    message: str | None = None
    file: Path | None = None
    size: str | None = None
    objects: int = 0
    coverage: float | None = None
    iou: float | None = None
    leak: float | None = None
    spill: float | None = None
    option: str | None = None
    sources: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """The fields as JSON takes them; what is not known is left out."""
        fields = {name: value for name, value in vars(self).items() if value is not None}
        del fields["sources"]
        paths = {name: str(fields[name]) for name in ("photo", "file") if name in fields}
        shares = {name: round(value, 6) for name, value in fields.items() if isinstance(value, float)}
        return fields | paths | shares


@dataclass(frozen=True)
class CheckOptions:
    """How the masks of a hand-over are compared.

    classes, score: which of its objects count; () = all. truth: annotations to compare with, None = none;
    truth_classes: which of their objects count.
    """

    classes: tuple[str, ...] = ()
    score: float = 0.5
    truth: CocoMasks | None = None
    truth_classes: tuple[str, ...] = ()


def check_photos(
    files: MaskFiles, photos: Sequence[Path], options: CheckOptions, *, workers: int = 1
) -> Iterator[MaskCheck]:
    """One check per photo, in their order. `workers`: threads."""

    def check(items: list[Path]) -> list[MaskCheck]:
        return [check_photo(files, photo, options) for photo in items]

    for finished in overlapped(photos, [Stage("check", check, workers=workers)]):
        yield result_of(finished)


def result_of(finished: Finished) -> MaskCheck:
    """The check that a stage made; what it raised is raised here."""
    if finished.error is not None:
        raise finished.error
    result: MaskCheck = finished.item
    return result


def check_photo(files: MaskFiles, photo: Path, options: CheckOptions) -> MaskCheck:
    """What a hand-over has for a photo; nothing that is wrong with it is raised."""
    try:
        height, width, orientation = read_size(photo)
    except PhotoError as error:
        return MaskCheck(photo, "photo", True, str(error))
    except OSError as error:
        return MaskCheck(photo, "photo", True, describe(error, photo))
    try:
        found = files.look_up(photo, (height, width), orientation=orientation)
        check = measured(photo, found, options, orientation)
    except MaskError as error:
        check = MaskCheck(photo, error.reason, True, str(error), file_of(files, photo), option=error.option)
    except (OSError, ValueError) as error:
        check = MaskCheck(photo, "unreadable", True, one_line(str(error)))
    return replace(check, sources=sources_of(files, photo))


def measured(photo: Path, found: FoundMask, options: CheckOptions, orientation: int) -> MaskCheck:
    """The check of a photo whose mask can be read."""
    from removal.evaluation.masks import leak, spill, union_iou

    chosen = found.detections.select(options.classes or None, options.score)
    mask = chosen.union()
    status = "marked" if mask.any() else "nothing" if found.is_listing else "empty"
    if mask.all():
        message = f"the {len(chosen)} masks in {found.file} cover the whole photo {photo}"
        return MaskCheck(photo, "polarity", True, message, file=found.file)
    fit = ["turned"] * found.fit.is_turned + ["scaled"] * found.fit.is_scaled
    check = MaskCheck(
        photo,
        status,
        file=found.file,
        size=" and ".join(fit) or "same",
        objects=len(chosen),
        coverage=float(mask.mean()),
    )
    if options.truth is None:
        return check
    try:
        target = options.truth.detections(photo, (mask.shape[0], mask.shape[1]), orientation=orientation)
    except MaskError as error:
        return replace(check, message=f"not compared: {error}")
    truth = target.union(classes=options.truth_classes or None)
    check = replace(check, iou=union_iou(mask, truth))
    return replace(check, leak=leak(mask, truth), spill=spill(mask, truth)) if truth.any() else check


def sources_of(files: MaskFiles, photo: Path) -> tuple[str, ...]:
    """What of the hand-over is a photo's; nothing where that is not known."""
    try:
        return files.sources_of(photo)
    except ValueError:
        return ()


def file_of(files: MaskFiles, photo: Path) -> Path | None:
    """The file with a photo's mask, None where it is not known."""
    try:
        return files.find(photo)
    except ValueError:
        return None


@dataclass
class HandOverSummary:
    """Running sums of many checks.

    statuses, sizes: how many photos have each. used: the photos of each mask, by the names of
    `MaskFiles.sources`; disputed: names that several masks have. means: of coverage (marked photos), and of
    iou, leak and spill where these are known.
    """

    photos: int = 0
    failing: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)
    used: dict[str, list[Path]] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)
    sums: dict[str, list[float]] = field(default_factory=dict)

    def add(self, check: MaskCheck, files: MaskFiles) -> None:
        """Counts one more photo."""
        self.photos += 1
        self.failing += check.fails
        self.statuses[check.status] += 1
        if check.status == "several":
            self.disputed.add(normal(check.photo.stem))
        if check.size is not None:
            self.sizes[check.size] += 1
        for source in check.sources:
            self.used.setdefault(source, []).append(check.photo)
        names = ("iou", "leak", "spill") + (("coverage",) if check.status == "marked" else ())
        for name in names:
            if (value := getattr(check, name)) is not None:
                self.sums.setdefault(name, []).append(value)

    @property
    def means(self) -> Mapping[str, float]:
        """Means over the photos for which a figure is known."""
        return {name: sum(values) / len(values) for name, values in self.sums.items()}

    def unmatched(self, files: MaskFiles) -> list[str]:
        """The masks that belong to none of the photos: files, or images of a COCO file."""
        if len(files.sources) == 1 and files.sources == (str(files.path),):
            return []  # one file is every photo's
        return [
            source
            for source in files.sources
            if source not in self.used and stem_of(Path(source)) not in self.disputed
        ]

    def shared(self) -> list[str]:
        """What belongs to several photos, each with these: names do not tell whose it is."""
        return [
            f"{source}: {', '.join(map(str, photos[:NAMED]))}{', ...' if len(photos) > NAMED else ''}"
            for source, photos in self.used.items()
            if len(photos) > 1
        ]

    def record(self, files: MaskFiles) -> dict[str, Any]:
        """All of it as JSON takes it."""
        return {
            "hand_over": str(files.path),
            "format": files.description,
            "photos": self.photos,
            "failing": self.failing,
            "statuses": dict(self.statuses),
            "sizes": dict(self.sizes),
            "means": {name: round(value, 6) for name, value in self.means.items()},
            "unmatched": self.unmatched(files),
            "shared": self.shared(),
        } | polarity_record(files)


def polarity_record(files: MaskFiles) -> dict[str, Any]:
    """What white means in mask images and arrays, and how that is known; empty where there are none."""
    reading = files.reading
    if not files.has_pictures or reading.label is not None:
        return {}
    known = "given" if reading.is_given else "found" if reading.polarity.sure else "assumed"
    return {"polarity": {"white": reading.polarity.polarity, "known": known, "threshold": reading.threshold}}


def open_check(
    run: RunOptions, images: Path, annotations: Path | None, say: Callable[[str], None]
) -> tuple[MaskFiles, list[Path], CheckOptions]:
    """The hand-over, the photos and what to compare: `run.masks` read as the options say.

    `run.classes` choose among the hand-over's objects where these carry classes, and among the annotations'.
    Raises PlanError for photos that are not there and classes that nobody has, RunError for masks or
    annotations that cannot be read.
    """
    from removal.sources import open_files
    from segment import CocoMasks

    assert run.masks is not None
    photos = photos_in(images, leave_out=run.masks) if images.is_dir() else [images]
    if not photos or not images.exists():
        raise PlanError(f"expected photos, got none in '{images}'", option="images")
    with loading():
        truth = None if annotations is None else CocoMasks(annotations)
        files = open_files(run.masks, run, say)
    try:
        if files.has_classes or truth is None:
            files.check_classes(run.classes)
        wanted = () if truth is None or not run.classes else truth.check_classes(run.classes)
    except ValueError as error:
        raise PlanError(str(error), option="classes") from error
    own = run.classes if files.has_classes else ()
    return files, photos, CheckOptions(own, run.score, truth, wanted)
