"""Inpainters by name: our own (`inpaint.records`), registered ones, and those of other distributions.

Another distribution adds one with an entry point in the group `removal.inpainters` whose value is an
`InpainterRecord` or a builder (docs/adding-a-model.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from _removal_support.orders import order_from
from _removal_support.plugins import UnknownModelError, plugin_names, plugin_record
from _removal_support.pretrained import PretrainedWeights, WeightsError
from inpaint.inpainter import Effort, Inpainter, InpainterOptions
from inpaint.record import Builder, InpainterRecord, weights_path
from inpaint.records import INPAINTERS

GROUP = "removal.inpainters"
ORDER_VARIABLE = "REMOVAL_INPAINTER"
_WHEN_CACHED = tuple(known.name for known in INPAINTERS.values() if known.auto_when_cached)
AUTO_ORDER = ("deepfillv2", *_WHEN_CACHED, "exemplar")
"""What `auto` tries in turn; those in the middle only where their weights are in the cache already."""
FETCHED_BY_AUTO = ("deepfillv2",)
"""The only ones whose weights are fetched without being asked for by name."""


class AutoChoice(NamedTuple):
    """The inpainter that `auto` stands for, and why no better one can run (empty where it is the best)."""

    name: str
    reason: str


_registered: dict[str, InpainterRecord] = {}


def register(name: str, builder: Builder, **facts: object) -> None:
    """Make `load_inpainter(name)` call `builder`.

    Args:
        name: a name nobody has taken.
        builder: takes `InpainterOptions`; imports its module when called, not before.
        facts: further fields of `InpainterRecord`.

    Raises:
        ValueError: the name is taken, or is "auto".
    """
    if name in inpainter_names():
        raise ValueError(f"the inpainter name {name!r} is taken")
    _registered[name] = InpainterRecord(name, builder, **facts)  # type: ignore[arg-type]


def _own() -> dict[str, InpainterRecord]:
    return INPAINTERS | _registered


def inpainter_names() -> tuple[str, ...]:
    """The names that `load_inpainter` knows, "auto" first."""
    return tuple(dict.fromkeys(("auto", *_own(), *plugin_names(GROUP))))


def record(name: str) -> InpainterRecord:
    """What is known of an inpainter.

    Raises:
        UnknownModelError: no inpainter has that name.
        PluginError: another distribution's cannot be used.
    """
    own = _own()
    if name in plugin_names(GROUP):
        return plugin_record(GROUP, name, InpainterRecord, taken=own)
    if name not in own:
        raise UnknownModelError.of(name, inpainter_names(), option="inpainter")
    return own[name]


def published_weights() -> dict[str, PretrainedWeights]:
    """The published weights of the inpainters of this package, by name."""
    return {weights.name: weights for known in _own().values() for weights in known.weights}


def inpainter_of(weights: str) -> str:
    """The inpainter that published weights belong to. Raises UnknownModelError where they are none's."""
    for name, known in _own().items():
        if weights in (one.name for one in known.weights):
            return name
    raise UnknownModelError(f"{weights} are no weights of an inpainter: only these can be run by themselves")


def is_network(name: str) -> bool:
    """Whether settings of networks concern this inpainter, or may: "auto" may stand for one."""
    return name == "auto" or record(name).is_network


def takes_prompt(name: str) -> bool:
    """Whether an inpainter draws by words and steps."""
    return name != "auto" and record(name).takes_prompt


def auto_order() -> tuple[str, ...]:
    """What `auto` tries in turn: as REMOVAL_INPAINTER, the user's settings, or AUTO_ORDER
    say."""
    return order_from(ORDER_VARIABLE, AUTO_ORDER, inpainter_names)


def resolve_auto(options: InpainterOptions | None = None) -> AutoChoice:
    """The best inpainter that can run here, and why a better one cannot. Nothing heavy is imported.

    Args:
        options: what `load_inpainter` would be given; None = its defaults.

    Raises:
        ConfigError: the order names one that nobody knows, or the file of settings is not as it must be.
        FileNotFoundError, WeightsError: the weights that the options name cannot be had, or none can run.
    """
    weights = (options or InpainterOptions()).weights
    reasons: list[str] = []
    for name in auto_order():
        reason = _why_not(record(name), weights)
        if reason is None:
            return AutoChoice(name, "; ".join(reasons))
        reasons.append(reason)
    raise WeightsError(
        f"none of {', '.join(auto_order())} can run here: {'; '.join(reasons)}", option="inpainter"
    )


def _why_not(known: InpainterRecord, weights: str | Path | None) -> str | None:
    """Why an inpainter cannot run here and what would help; None where it can. Weights that are named are no
    reason to take another one."""
    if not known.is_network or known.keeps_rest:
        return None
    if missing := known.missing_packages():
        return f"{known.name}: {missing}"
    if weights is not None:
        weights_path(known, weights)
        return None
    default = known.default()
    if default is not None and not default.is_cached() and known.name not in FETCHED_BY_AUTO:
        return f"{default.file_name} is not in the cache; `remove weights fetch {default.name}` fetches it"
    try:
        weights_path(known, None)
    except WeightsError as error:
        return str(error)
    return None


def load_inpainter(
    name: str = "auto",
    *,
    device: str = "auto",
    weights: str | Path | None = None,
    seed: int = 0,
    effort: Effort = "normal",
    precision: str = "auto",
    working_size_px: int = 512,
    detail: bool = True,
    colour: bool = True,
    compile: bool = False,
    prompt: str | None = None,
    negative_prompt: str | None = None,
    steps: int | None = None,
    guidance: float | None = None,
) -> Inpainter:
    """Build an inpainter by name.

    Args:
        name: one of `inpainter_names()`; "auto" = what `resolve_auto` says.
        device, weights, seed, effort, precision, working_size_px, detail, colour, compile, prompt,
            negative_prompt, steps, guidance: as `InpainterOptions` says.

    Raises:
        ValueError: no inpainter or effort has that name.
        FileNotFoundError: `weights` names neither a file nor published weights (networks, and auto).
    """
    options = InpainterOptions(
        device=device,
        weights=weights,
        seed=seed,
        effort=effort,
        precision=precision,
        working_size_px=working_size_px,
        detail=detail,
        colour=colour,
        compile=compile,
        prompt=prompt,
        negative_prompt=negative_prompt,
        steps=steps,
        guidance=guidance,
    )
    return build_inpainter(name, options)


def build_inpainter(name: str, options: InpainterOptions) -> Inpainter:
    """As `load_inpainter`, with every option there is.

    Raises:
        ValueError: no inpainter has that name.
        MissingPackageError: it needs a package that is not installed.
    """
    known = record(resolve_auto(options).name if name == "auto" else name)
    known.check_packages()
    return known.build(options)
