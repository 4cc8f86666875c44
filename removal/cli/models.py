"""`remove models`: every segmenter, prompter and inpainter, and which of them this machine would take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import click

from removal.cli.errors import click_error
from removal.cli.terminal import tell

if TYPE_CHECKING:
    from _removal_support.pretrained import PretrainedWeights
    from inpaint.record import InpainterRecord
    from segment.prompts.registry import PrompterRecord
    from segment.registry import SegmenterRecord

    Candidate = tuple[str, bool, PretrainedWeights | None, str]
    """Its name, whether it can run as it is, its weights, and which packages it lacks, in words."""


@click.command()
def models() -> None:
    """List the models, what they need, and what `auto` takes here. Nothing is fetched."""
    from _removal_support.orders import config_file
    from inpaint import registry as inpainters
    from segment import registry as segmenters
    from segment.prompts import registry as prompters

    try:
        found = [
            (one.name, one.is_ready(), one.weights, one.missing_packages())
            for one in map(segmenters.record, segmenters.auto_order())
        ]
        fills = [
            (one.name, one.is_ready(), one.default(), one.missing_packages())
            for one in map(inpainters.record, inpainters.auto_order())
        ]
        prompter = prompters.resolve_auto().name
    except ValueError as error:
        raise click_error(error) from error
    tell("Segmenters (find what to remove)")
    listed(segmenters.segmenter_names(), lambda name: segmenter_lines(segmenters.record(name)))
    tell("Prompters (find the thing at a point or in a box)")
    listed(prompters.prompter_names(), lambda name: prompter_lines(prompters.record(name)))
    tell("Inpainters (fill the hole)")
    listed(inpainters.inpainter_names(), lambda name: inpainter_lines(inpainters.record(name)))
    said("segmenter", segmenters.ORDER_VARIABLE, found, segmenters.FETCHED_BY_AUTO)
    tell(f"auto prompter: {prompter} (the first of the order that is ready)")
    said("inpainter", inpainters.ORDER_VARIABLE, fills, inpainters.FETCHED_BY_AUTO)
    tell(
        f"{segmenters.ORDER_VARIABLE}, {prompters.ORDER_VARIABLE} and {inpainters.ORDER_VARIABLE}, or the "
        f"table [removal] in {config_file()}, set other orders."
    )


def said(kind: str, variable: str, order: Sequence[Candidate], fetched: tuple[str, ...]) -> None:
    """Print what `auto` takes, why, and the order that it follows."""
    from _removal_support.orders import order_source

    tell(f"auto {kind}: {choice(order, fetched)}")
    names = ", ".join(name for name, *_ in order)
    tell(f"  order of {order_source(variable)}: {names}")


def listed(names: Iterable[str], lines_of: Callable[[str], list[str]]) -> None:
    """Print each model; one that another distribution broke is one line and hides no other."""
    for name in names:
        if name == "auto":
            continue
        try:
            lines = lines_of(name)
        except ValueError as error:
            lines = [f"cannot be used: {error}"]
        tell(f"  {name}: {lines[0]}")
        for line in lines[1:]:
            tell(f"    {line}")


def segmenter_lines(known: SegmenterRecord) -> list[str]:
    lines = [known.finds or "not described", f"licence: {known.licence or 'not stated'}"]
    if known.memory_gb is not None:
        lines.append(f"memory: about {known.memory_gb:g} GB")
    if missing := known.missing_packages():
        lines.append(f"cannot run yet: {missing}")
    return [*lines, weights_line(known.weights) if known.weights else "needs no weights to be fetched"]


def prompter_lines(known: PrompterRecord) -> list[str]:
    lines = [known.finds, f"licence: {known.licence}"]
    if not known.repository:
        return [*lines, "needs no weights to be fetched"]
    state = "in the cache" if known.is_ready() else "not fetched"
    size = f"about {known.size_bytes / 1e6:.0f} MB"
    return [*lines, f"weights {known.repository}: {state}, {size}; needs removal[transformers]"]


def inpainter_lines(known: InpainterRecord) -> list[str]:
    lines = [known.fills or "not described", f"licence: {known.licence or 'not stated'}"]
    if known.memory_mb is not None:
        lines.append(f"memory: {known.memory_mb} MB for a photo of 12 megapixels")
    if missing := known.missing_packages():
        lines.append(f"cannot run yet: {missing}")
    if known.weights:
        return [*lines, *map(weights_line, known.weights)]
    is_own = known.is_network and not known.keeps_rest
    return [*lines, "needs a file of weights of your own" if is_own else "needs no weights to be fetched"]


def weights_line(weights: PretrainedWeights) -> str:
    """Name, state, size and licence of published weights; those for non-commercial use only are marked."""
    state = "in the cache" if weights.is_cached() else "by hand" if weights.by_hand else "not fetched"
    size = f"{weights.size_bytes / 1e6:.0f} MB" if weights.size_bytes else "size not published"
    mark = " [non-commercial]" if "NC" in weights.licence else ""
    return f"weights {weights.name}: {state}, {size}, {weights.licence}{mark}"


def choice(order: Sequence[Candidate], fetched: tuple[str, ...]) -> str:
    """What `auto` would take, and why not what stands before it."""
    from _removal_support.pretrained import OFFLINE_VARIABLE, is_offline

    offline = is_offline()
    reasons: list[str] = []
    for name, ready, weights, missing in order:
        if ready:
            return f"{name} ({'; '.join(reasons) or 'the first of the order, and ready'})"
        if missing:
            reasons.append(f"{name}: {missing}")
        elif weights is None:
            reasons.append(f"{name}: it needs weights of your own")
        elif name in fetched and not offline:
            return f"{name} (its weights are fetched at first use; if that fails, the next of the order)"
        else:
            reasons.append(
                f"{name}: its weights are not in the cache"
                + (f" and {OFFLINE_VARIABLE} is set" if offline else "")
            )
    return f"none ({'; '.join(reasons)})"
