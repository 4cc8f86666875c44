"""Segmenters by name: our own, registered ones, and those of other distributions.

Another distribution adds one with an entry point in the group `removal.segmenters` whose value is a
`SegmenterRecord` or a builder (docs/adding-a-model.md).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from _removal_support.orders import order_from
from _removal_support.plugins import UnknownModelError, plugin_names, plugin_record
from _removal_support.pretrained import PretrainedWeights, WeightsError, fetch
from segment.published import MASK2FORMER, MASKRCNN_V1, MASKRCNN_V2, RF_DETR, SHORT_NAMES
from segment.segmenter import PRECISIONS, Precision, Segmenter

GROUP = "removal.segmenters"
ORDER_VARIABLE = "REMOVAL_SEGMENTER"
AUTO_ORDER = ("maskrcnn", "builtin")
"""What `auto` tries in turn."""
FETCHED_BY_AUTO = ("maskrcnn",)
"""The only ones whose weights are fetched without being asked for by name."""

Builder = Callable[[str, "str | os.PathLike[str] | None", Precision], Segmenter]


@dataclass(frozen=True)
class SegmenterRecord:
    """All that is known of a segmenter before it is built.

    name: what `load_segmenter` and the command line call it. build: called with device, weights and
        precision; imports its module when it is called. title: how sentences call it. finds: what, in a few
        words. licence: of code and weights. weights: the published ones; None = it needs none. memory_gb:
        what it and its weights take for a photo of 12 megapixels on the processor; None = not measured.
        sees_px: the longer side to which it shrinks a photo; None = not known, or it does not.
        second_look_measured: whether dropping what a second look does not find again was measured to be
        right. packages: that it needs besides ours, and `extra`, the extra of this distribution that brings
        them.
    """

    name: str
    build: Builder
    title: str = ""
    finds: str = ""
    licence: str = ""
    weights: PretrainedWeights | None = None
    memory_gb: float | None = None
    sees_px: int | None = None
    second_look_measured: bool = False
    packages: tuple[str, ...] = ()
    extra: str = ""

    def is_ready(self) -> bool:
        """Whether it can run without fetching anything."""
        return not self.missing_packages() and (self.weights is None or self.weights.is_cached())

    def missing_packages(self) -> str:
        """What is not installed and how to get it, in words; empty where all is there."""
        missing = " and ".join(name for name in self.packages if find_spec(name) is None)
        return f"{missing} not installed: pip install 'removal[{self.extra}]'" if missing else ""


def _maskrcnn(device: str, weights: str | os.PathLike[str] | None, precision: Precision) -> Segmenter:
    from segment.maskrcnn import load_maskrcnn

    return load_maskrcnn("maskrcnn", device=device, weights=weights, precision=precision)


def _maskrcnn_v1(device: str, weights: str | os.PathLike[str] | None, precision: Precision) -> Segmenter:
    from segment.maskrcnn import load_maskrcnn

    return load_maskrcnn("maskrcnn-v1", device=device, weights=weights, precision=precision)


def _builtin(device: str, weights: str | os.PathLike[str] | None, precision: Precision) -> Segmenter:
    from segment.builtin import load_builtin

    return load_builtin(device=device, weights=None if weights is None else Path(weights))


def _transformers(
    weights_record: PretrainedWeights, sees_px: int, memory_gb: float | None
) -> SegmenterRecord:
    """The record of a model that the transformers library runs."""
    name, title = weights_record.name, weights_record.architecture

    def build(device: str, weights: str | os.PathLike[str] | None, precision: Precision) -> Segmenter:
        from segment.transformers_models import load_transformers_model

        return load_transformers_model(name, device=device, weights=weights)

    return SegmenterRecord(
        name,
        build,
        title,
        _COCO,
        weights_record.licence,
        weights_record,
        memory_gb,
        sees_px,
        packages=("transformers",),
        extra="transformers",
    )


_COCO = "COCO's 80 classes"
_TORCHVISION = "BSD-3-Clause code"
_RECORDS = (
    SegmenterRecord("maskrcnn", _maskrcnn, "Mask R-CNN V2", _COCO, _TORCHVISION, MASKRCNN_V2, sees_px=1333),
    SegmenterRecord(
        "maskrcnn-v1", _maskrcnn_v1, "Mask R-CNN V1", _COCO, _TORCHVISION, MASKRCNN_V1, sees_px=1333
    ),
    *map(_transformers, RF_DETR, (312, 384, 432, 504, 624), (0.3, 0.3, None, None, None)),
    *map(_transformers, MASK2FORMER, (384,) * 4, (None,) * 4),
    SegmenterRecord(
        "builtin",
        _builtin,
        "the built-in person finder",
        "people",
        "MIT and Apache-2.0",
        sees_px=512,
        second_look_measured=True,
    ),
)
_own = {known.name: known for known in _RECORDS}


def register_segmenter(name: str, builder: Builder, **facts: object) -> None:
    """Makes `load_segmenter(name)` call `builder(device, weights, precision)`; a name is taken once.

    facts: further fields of `SegmenterRecord`.
    """
    if name in segmenter_names():
        raise ValueError(f"the segmenter name {name!r} is taken")
    _own[name] = SegmenterRecord(name, builder, **facts)  # type: ignore[arg-type]


def segmenter_names() -> tuple[str, ...]:
    """All names that `load_segmenter` takes."""
    return tuple(dict.fromkeys(("auto", *_own, *plugin_names(GROUP))))


def record(name: str) -> SegmenterRecord:
    """What is known of a segmenter; a short name (`segment.published.SHORT_NAMES`) is understood.

    Raises:
        UnknownModelError: no segmenter has that name.
        PluginError: another distribution's cannot be used.
    """
    name = SHORT_NAMES.get(name, name)
    if name in plugin_names(GROUP):
        return plugin_record(GROUP, name, SegmenterRecord, taken=_own)
    if name not in _own:
        raise UnknownModelError.of(name, segmenter_names(), option="segmenter")
    return _own[name]


def auto_order() -> tuple[str, ...]:
    """What `auto` tries in turn: as REMOVAL_SEGMENTER, the user's settings, or AUTO_ORDER
    say."""
    return order_from(ORDER_VARIABLE, AUTO_ORDER, lambda: (*segmenter_names(), *SHORT_NAMES))


def load_segmenter(
    name: str = "auto",
    *,
    device: str = "auto",
    weights: str | os.PathLike[str] | None = None,
    precision: Precision = "auto",
    refine_boxes: bool | None = False,
) -> Segmenter:
    """The segmenter called `name`, ready to be called on photos.

    name: "maskrcnn" (torchvision's V2), "maskrcnn-v1", "builtin" (people only, weights in the package), or
        "auto": Mask R-CNN where its weights are in the cache or can be fetched, else the built-in one, whose
        `fallback` then says so.
    device: "auto", "cuda", "cuda:N", "mps" or "cpu".
    weights: file or folder of weights to use instead of the published ones; None = published.
    precision: "auto" = bfloat16 where the processor or GPU has it, "float32" = never.
    refine_boxes: a second look at what is small (`segment.second_look`): True = in every photo, None = in
        photos that hold more than the segmenter sees of them at once, False = never.

    Raises ValueError for unknown names and for files that do not hold this model, FileNotFoundError for a
    missing file, `segment.WeightsError` where published weights cannot be had (except for "auto").
    """
    if precision not in PRECISIONS:
        raise ValueError(f"expected precision to be one of {', '.join(PRECISIONS)}, got {precision!r}")
    if name == "auto" and weights is not None:
        raise ValueError(f"weights {os.fspath(weights)!r} need the segmenter's name, got 'auto'")
    chosen, reason = resolve_auto() if name == "auto" else (record(name), "")
    segmenter = chosen.build(device, weights, precision)
    if reason:
        segmenter.fallback = f"segmenter: using {chosen.title or chosen.name}, because {reason}"
    if refine_boxes is False:
        return segmenter
    from segment.second_look import SecondLook

    return SecondLook(
        segmenter, chosen.sees_px, always=refine_boxes is True, drops=chosen.second_look_measured
    )


def resolve_auto() -> tuple[SegmenterRecord, str]:
    """The best segmenter that can run here, and why no better one can (empty where it is the best).

    Its weights are fetched where that is allowed without asking. Nothing heavy is imported.

    Raises:
        WeightsError: none of the order can run.
    """
    reasons: list[str] = []
    for name in auto_order():
        known = record(name)
        if missing := known.missing_packages():
            reasons.append(f"{name}: {missing}")
        elif known.weights is None:
            return known, "; ".join(reasons)
        elif name in FETCHED_BY_AUTO or known.weights.is_cached():
            try:
                fetch(known.weights)
            except WeightsError as error:
                reasons.append(str(error))
            else:
                return known, "; ".join(reasons)
        else:
            file = known.weights.repository or known.weights.file_name
            reasons.append(f"{file} is not in the cache; `remove weights fetch {name}` fetches it")
    raise WeightsError(
        f"none of {', '.join(auto_order())} can run here: {'; '.join(reasons)}", option="segmenter"
    )
