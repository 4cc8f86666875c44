"""What an evaluation is told: photos, truth, and the combinations to compare."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from removal.errors import PlanError
from removal.evaluation.methods import Method, check_methods, methods_of
from removal.options import CONTINUOUS, RunOptions

ProtocolName = Literal["coco", "holes", "pairs"]
PROTOCOLS: tuple[ProtocolName, ...] = ("coco", "holes", "pairs")
ANNOTATIONS, OBJECT, CHANGED = "annotations", "object", "changed"
HOLES, BLIND = "holes", "blind"
TRUTH_SOURCES = {"coco": (ANNOTATIONS,), "holes": (HOLES,), "pairs": (OBJECT, CHANGED)}
DEFAULT_SOURCES = {"coco": (ANNOTATIONS,), "holes": (HOLES,), "pairs": (OBJECT,)}


@dataclass(frozen=True)
class EvaluationOptions:
    """What the command line can say; the names are those of its options.

    mask_sources: where masks come from: "annotations" (coco), "object" or "changed" (pairs), a segmenter's
        name, or a path to masks another team made; "holes" and "blind", damage that a network finds (holes);
        empty = the protocol's own.
    refine: whether masks are mended, each value a combination; empty = mended (holes are never).
    inpainters: as `methods_of` takes them.
    damage: kinds of damage that the photos are given instead of holes (holes), drawn from the run's seed.
    shapes: COCO annotations for the kinds of damage that are shapes; None = not needed.
    size: photos are cut to a square and brought to so many pixels a side (holes); None = as they are.
    plain: networks are run alone, on the whole photo.
    judge: the segmenter that looks for what should be gone: "auto", a segmenter's name or "none".
    limit: only the first so many photos; None = all.
    run: how masks are mended and holes filled; its classes, masks, boxes, output, refine, segmenter and
        inpainter are the evaluation's.
    """

    images: Path
    out: Path
    protocol: ProtocolName = "coco"
    annotations: Path | None = None
    classes: tuple[str, ...] = ()
    holes: Path | None = None
    damage: tuple[str, ...] = ()
    shapes: Path | None = None
    size: int | None = None
    plain: bool = False
    mask_sources: tuple[str, ...] = ()
    refine: tuple[bool, ...] = ()
    inpainters: tuple[str, ...] = ("auto",)
    judge: str = "auto"
    limit: int | None = None
    overwrite: bool = False
    run: RunOptions = field(default_factory=RunOptions)

    @property
    def sources(self) -> tuple[str, ...]:
        """The mask sources of this evaluation, defaults filled in."""
        return self.mask_sources or DEFAULT_SOURCES[self.protocol]

    @property
    def own_sources(self) -> tuple[str, ...]:
        """Names of mask sources that are no paths and no segmenters."""
        return (*TRUTH_SOURCES[self.protocol], *((BLIND,) if self.protocol == "holes" else ()))

    @property
    def refinements(self) -> tuple[bool, ...]:
        """Whether masks are mended, defaults filled in; holes are filled as they are."""
        return self.refine or ((False,) if self.protocol == "holes" else (True,))

    @property
    def methods(self) -> tuple[Method, ...]:
        """The inpainters, parsed."""
        return methods_of(self.inpainters)

    def check(self) -> None:
        """Raises PlanError where options do not fit together or name what nobody knows."""
        check_protocol(self)
        check_lists(self)
        check_models(self)
        check_out(self)


def check_protocol(options: EvaluationOptions) -> None:
    """The inputs that a protocol needs, and none that it does not."""
    protocol = options.protocol
    if protocol not in PROTOCOLS:
        raise PlanError(f"--protocol: expected one of {', '.join(PROTOCOLS)}, got {protocol!r}")
    for option, path in (("--images", options.images), ("--holes", options.holes)):
        if path is not None and not path.is_dir():
            raise PlanError(f"{option}: '{path}' is {'not a folder' if path.exists() else 'not there'}")
    for option, path in (("--annotations", options.annotations), ("--shapes", options.shapes)):
        if path is not None and not path.is_file():
            raise PlanError(f"{option}: '{path}' is not a file")
    if protocol == "coco" and options.annotations is None:
        raise PlanError("--protocol coco needs --annotations FILE")
    if options.holes is not None and protocol != "holes":
        raise PlanError(f"--holes goes with --protocol holes, not with {protocol}")
    if protocol == "holes" and sum(map(bool, (options.holes, options.annotations, options.damage))) != 1:
        raise PlanError(
            "--protocol holes needs --holes DIR, or --annotations FILE --class NAME to take shapes from"
        )
    if protocol == "holes" and (options.refine or not {HOLES, BLIND}.issuperset(options.mask_sources)):
        raise PlanError("--protocol holes fills the holes as they are: leave out --mask-source and --refine")
    if protocol == "holes" and BLIND in options.mask_sources:
        if not options.damage:
            raise PlanError("--blind finds damage, not holes: it goes with --damage KIND")
    else:
        check_not_blind(options)
    if protocol != "coco" and options.judge not in ("auto", "none"):
        raise PlanError("--judge looks for annotated objects: it goes with --protocol coco")
    if protocol == "pairs" and options.annotations is not None:
        raise PlanError("--protocol pairs has its truth beside each photo: leave out --annotations")
    if options.annotations is not None and not options.classes:
        raise PlanError("--annotations needs --class NAME: what is removed")


def check_not_blind(options: EvaluationOptions) -> None:
    run, inpainters = options.run, [method.name for method in options.methods]
    if run.threshold != RunOptions.threshold:
        raise PlanError("--threshold says what damage --blind takes for whole: give both")
    if run.blind_weights and CONTINUOUS not in inpainters:
        raise PlanError(f"--blind-weights are those of --blind and of {CONTINUOUS}: give either")


def check_lists(options: EvaluationOptions) -> None:
    lists = {"--mask-source": options.sources, "--refine": options.refinements}
    for name, values in (lists | {"--inpainter": options.inpainters}).items():
        if len(set(values)) != len(values):
            raise PlanError(f"{name}: the same value twice in {', '.join(map(str, values))}")
    if not options.inpainters:
        raise PlanError("--inpainter: expected at least one name, got an empty list")
    if options.limit is not None and options.limit < 1:
        raise PlanError(f"--limit: expected at least 1, got {options.limit}")


def check_out(options: EvaluationOptions) -> None:
    """Results may not lie where photos or masks are looked for: a second run would find them there."""
    searched = {"--images": options.images if options.protocol != "coco" else None, "--holes": options.holes}
    paths = [Path(name) for name in options.sources if name not in options.own_sources]
    searched |= {f"--mask-source {path}": path for path in paths if path.is_dir()}
    out = options.out.resolve()
    for option, folder in searched.items():
        if folder is not None and folder.resolve() in (out, *out.parents):
            raise PlanError(f"--out: '{options.out}' lies in the folder of {option}; give another one")


def check_models(options: EvaluationOptions) -> None:
    """Names of segmenters and inpainters, and the weights given for them."""
    from segment import segmenter_names

    check_methods(options.methods, "--inpainter")
    networks = [method for method in options.methods if method.takes_weights and method.weights is None]
    if options.run.weights is not None and len(networks) != 1:
        raise PlanError(
            f"--weights needs exactly one network among --inpainter, got {', '.join(options.inpainters)}"
        )
    if options.judge not in ("none", *segmenter_names()):
        raise PlanError(f"--judge: expected none, {', '.join(segmenter_names())}, got {options.judge!r}")
    for name in options.sources:
        if name not in (*options.own_sources, *segmenter_names()) and not Path(name).exists():
            known = ", ".join((*options.own_sources, *segmenter_names()))
            raise PlanError(f"--mask-source: expected {known} or a path, and there is no '{name}'")
    detectors = [name for name in options.sources if name in segmenter_names()]
    if options.protocol == "pairs" and detectors and not options.classes:
        raise PlanError(f"--mask-source {detectors[0]} needs --class NAME: what is removed")
    named = [name for name in (*detectors, options.judge) if name not in ("auto", "none")]
    if options.run.segmenter_weights is not None and len(set(named)) != 1:
        raise PlanError("--segmenter-weights needs one segmenter's name in --mask-source or --judge")
