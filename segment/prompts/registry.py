"""Prompters by name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from _removal_support.hub import HUB_URL, cached_snapshot
from _removal_support.orders import order_from
from _removal_support.plugins import UnknownModelError
from _removal_support.pretrained import PretrainedWeights
from segment.prompts.contract import Embedded, Prompter

if TYPE_CHECKING:
    from segment.detections import Detections

__all__ = [
    "PUBLISHED",
    "Embedded",
    "Prompter",
    "PrompterRecord",
    "load_prompter",
    "prompter_names",
    "record",
    "resolve_auto",
]

ORDER_VARIABLE = "REMOVAL_PROMPTER"
AUTO_ORDER = ("sam2.1-large", "sam2.1-base-plus", "sam2.1-small", "sam2.1-tiny", "sam-base", "classical")
"""What `auto` tries in turn: the first that is ready. It fetches nothing."""


@dataclass(frozen=True)
class PrompterRecord:
    """All that is known of a prompter before it is built.

    name: what `load_prompter` and the command line call it. finds: what, in a few words. licence: of code and
    weights. kind: of the network, "sam" or "sam2"; "" = none. repository: where its weights are published;
    "" = it needs none. size_bytes: of these weights, as their count of parameters says.
    """

    name: str
    finds: str
    licence: str
    kind: str = ""
    repository: str = ""
    size_bytes: int = 0

    def is_ready(self) -> bool:
        """Whether it can run without fetching anything."""
        return not self.repository or (is_cached(self.repository) and find_spec("transformers") is not None)


def is_cached(repository: str) -> bool:
    """Whether a repository's weights are in the Hub's cache."""
    return cached_snapshot(repository, "model.safetensors") is not None


_SAM2 = "the thing under clicks or in a box (SAM 2.1)"
_SAM = "the thing under clicks or in a box (SAM)"
_APACHE = "Apache-2.0"
_RECORDS = {
    known.name: known
    for known in (
        PrompterRecord("classical", "the thing under clicks or in a box, by colours and edges", "MIT"),
        PrompterRecord("sam2.1-tiny", _SAM2, _APACHE, "sam2", "facebook/sam2.1-hiera-tiny", 156_000_000),
        PrompterRecord("sam2.1-small", _SAM2, _APACHE, "sam2", "facebook/sam2.1-hiera-small", 184_000_000),
        PrompterRecord(
            "sam2.1-base-plus", _SAM2, _APACHE, "sam2", "facebook/sam2.1-hiera-base-plus", 323_000_000
        ),
        PrompterRecord("sam2.1-large", _SAM2, _APACHE, "sam2", "facebook/sam2.1-hiera-large", 898_000_000),
        PrompterRecord("sam-base", _SAM, _APACHE, "sam", "facebook/sam-vit-base", 375_000_000),
    )
}


PUBLISHED = {
    known.name: PretrainedWeights(
        name=known.name,
        file_name="model.safetensors",
        url=HUB_URL + known.repository,
        sha256_prefix=None,
        licence=known.licence,
        architecture=known.repository.partition("/")[2],
        trained_on="SA-1B" if known.kind == "sam" else "SA-1B, SA-V and data that are not published",
        input_contract="float32 (1, 3, 1024, 1024) RGB, normalised as ImageNet's; points or boxes",
        size_bytes=known.size_bytes,
        repository=known.repository,
        patterns=("config.json", "model.safetensors"),
    )
    for known in _RECORDS.values()
    if known.repository
}
"""The weights of the networks, for `remove weights`."""


def prompter_names() -> tuple[str, ...]:
    """All names that `load_prompter` takes."""
    return ("auto", *_RECORDS)


def record(name: str) -> PrompterRecord:
    """What is known of a prompter. Raises UnknownModelError where none has that name."""
    if name not in _RECORDS:
        raise UnknownModelError.of(name, prompter_names(), option="prompter")
    return _RECORDS[name]


def auto_order() -> tuple[str, ...]:
    """What `auto` tries in turn: names in REMOVAL_PROMPTER, separated by commas, or AUTO_ORDER."""
    return order_from(ORDER_VARIABLE, AUTO_ORDER, prompter_names)


def resolve_auto() -> PrompterRecord:
    """The first prompter of the order that can run here without fetching anything, else `classical`."""
    for name in auto_order():
        if (known := record(name)).is_ready():
            return known
    return _RECORDS["classical"]


def load_prompter(
    name: str = "auto",
    *,
    detections: Detections | None = None,
    device: str = "auto",
    weights: str | os.PathLike[str] | None = None,
) -> Prompter:
    """The prompter called `name`, ready to look at photos. A network that was loaded stays loaded.

    Args:
        name: "classical" (no weights), a network such as "sam2.1-tiny", whose weights are fetched where they
            are not in the library's cache, or "auto": the best that can run here and fetches nothing.
        detections: what a detector found in the photo, of the photo's size; `classical` takes a click on one
            of these to mean that one. None = it looks for people itself; networks need none.
        device: "auto", "cuda", "cuda:N", "mps" or "cpu"; `classical` runs on the processor.
        weights: a folder with config.json and model.safetensors in place of the published ones.

    Raises:
        UnknownModelError: no prompter has that name.
        WeightsError: a network's package or weights cannot be had.
        ValueError: weights for a prompter that has none, or this machine has no such device.
    """
    if weights is not None and (name == "auto" or not record(name).kind):
        raise ValueError(f"expected the name of a network for {os.fspath(weights)!r}, got {name!r}")
    known = resolve_auto() if name == "auto" else record(name)
    if not known.kind:
        from segment.prompts.classical import ClassicalPrompter

        return ClassicalPrompter(detections)
    from segment.prompts.sam import load_sam

    folder = None if weights is None else os.fspath(weights)
    return load_sam(
        known.name,
        known.kind,
        known.repository,
        device=device,
        folder=folder,
        cached=is_cached(known.repository),
    )
