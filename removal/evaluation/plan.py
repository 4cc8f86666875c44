"""What an evaluation is told: photos, truth, and the combinations to compare."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from removal.errors import PlanError
from removal.evaluation.methods import Method, check_methods, methods_of
from removal.options import CONTINUOUS, RunOptions, check_diffusion

ANNOTATIONS, OBJECT, CHANGED = "annotations", "object", "changed"
HOLES, BLIND = "holes", "blind"
"""Names of mask sources that are no paths and no segmenters."""
ProtocolName = Literal["coco", "holes", "pairs"]
PROTOCOLS: tuple[ProtocolName, ...] = ("coco", "holes", "pairs")
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
        """The mask sources of this evaluation, defaults filled in and short names of segmenters in full."""
        from segment.published import SHORT_NAMES

        given = self.mask_sources or DEFAULT_SOURCES[self.protocol]
        return tuple(SHORT_NAMES.get(name, name) for name in given)

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

    def with_classes(self, classes: tuple[str, ...]) -> EvaluationOptions:
        """The same for these classes, in the run within it too."""
        return replace(self, classes=classes, run=replace(self.run, classes=classes))

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
        raise PlanError(f"expected one of {', '.join(PROTOCOLS)}, got {protocol!r}", option="protocol")
    for option, path in (("images", options.images), ("holes", options.holes)):
        if path is not None and not path.is_dir():
            got = "is not a folder" if path.exists() else "is not there"
            raise PlanError(f"expected a folder, '{path}' {got}", option=option)
    for option, path in (("annotations", options.annotations), ("shapes", options.shapes)):
        if path is not None and not path.is_file():
            raise PlanError(f"expected a file, '{path}' is none", option=option)
    if protocol == "coco" and options.annotations is None:
        raise PlanError(
            "the protocol coco needs COCO annotations of its photos, got none", option="annotations"
        )
    if options.holes is not None and protocol != "holes":
        raise PlanError(f"hole files go with the protocol holes, got {protocol}", option="holes")
    if protocol == "holes" and sum(map(bool, (options.holes, options.annotations, options.damage))) != 1:
        raise PlanError(
            "the protocol holes needs one source of holes: a folder of hole files, or annotations and a "
            "class to take shapes from, or kinds of damage",
            option="holes",
        )
    if protocol == "holes" and (options.refine or not {HOLES, BLIND}.issuperset(options.mask_sources)):
        raise PlanError(
            "the protocol holes fills the holes as they are: leave out sources and refinement",
            option="protocol",
        )
    if protocol == "holes" and BLIND in options.mask_sources:
        if not options.damage:
            raise PlanError("a blind row finds damage, not holes: name the kinds of damage", option="damage")
    else:
        check_not_blind(options)
    if protocol != "coco" and options.judge not in ("auto", "none"):
        raise PlanError(
            f"a judge looks for annotated objects: expected the protocol coco, got {protocol}", option="judge"
        )
    if protocol == "pairs" and options.annotations is not None:
        raise PlanError(
            "the protocol pairs has its truth beside each photo: leave it out", option="annotations"
        )
    if options.annotations is not None and not options.classes:
        raise PlanError("annotations need the name of what is removed, got none", option="classes")


def check_not_blind(options: EvaluationOptions) -> None:
    run, inpainters = options.run, [method.name for method in options.methods]
    if run.threshold != RunOptions.threshold:
        raise PlanError(
            "it says what damage a blind row takes for whole: ask for one too", option="threshold"
        )
    if run.blind_weights and CONTINUOUS not in inpainters:
        raise PlanError(f"they are for blind rows and {CONTINUOUS}: ask for either", option="blind_weights")


def check_lists(options: EvaluationOptions) -> None:
    lists = {"sources": options.sources, "refinements": options.refinements}
    for name, values in (lists | {"inpainters": options.inpainters}).items():
        if len(set(values)) != len(values):
            listed = ", ".join(map(str, values))
            raise PlanError(f"expected values that differ, got the same one twice in {listed}", option=name)
    if not options.inpainters:
        raise PlanError("expected at least one name, got an empty list", option="inpainters")
    if options.limit is not None and options.limit < 1:
        raise PlanError(f"expected at least 1, got {options.limit}", option="limit")


def check_out(options: EvaluationOptions) -> None:
    """Results may not lie where photos or masks are looked for: a second run would find them there."""
    searched = {
        "the photos": options.images if options.protocol != "coco" else None,
        "the holes": options.holes,
    }
    paths = [Path(name) for name in options.sources if name not in options.own_sources]
    searched |= {f"the mask source {path}": path for path in paths if path.is_dir()}
    out = options.out.resolve()
    for name, folder in searched.items():
        if folder is not None and folder.resolve() in (out, *out.parents):
            raise PlanError(f"'{options.out}' lies in the folder of {name}; give another one", option="out")


def check_models(options: EvaluationOptions) -> None:
    """Names of segmenters and inpainters, and the weights given for them."""
    from segment import segmenter_names
    from segment.published import SHORT_NAMES

    check_methods(options.methods, "inpainters")
    check_diffusion(options.run, [method.name for method in options.methods])
    networks = [method for method in options.methods if method.takes_weights and method.weights is None]
    if options.run.weights is not None and len(networks) != 1:
        raise PlanError(
            f"weights need exactly one network among the inpainters, got {', '.join(options.inpainters)}",
            option="weights",
        )
    judge = SHORT_NAMES.get(options.judge, options.judge)
    if judge not in ("none", *segmenter_names()):
        raise PlanError(
            f"expected none, {', '.join(segmenter_names())}, got {options.judge!r}", option="judge"
        )
    for name in options.sources:
        if name not in (*options.own_sources, *segmenter_names()) and not Path(name).exists():
            known = ", ".join((*options.own_sources, *segmenter_names()))
            raise PlanError(f"expected {known} or a path, and there is no '{name}'", option="sources")
    detectors = [name for name in options.sources if name in segmenter_names()]
    if options.protocol == "pairs" and detectors and not options.classes:
        raise PlanError(f"{detectors[0]} needs the name of what is removed, got none", option="classes")
    named = [name for name in (*detectors, judge) if name not in ("auto", "none")]
    if options.run.segmenter_weights is not None and len(set(named)) != 1:
        raise PlanError("expected one segmenter's name as mask source or judge", option="segmenter_weights")
