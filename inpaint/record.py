"""What is known of an inpainter before it is built, and where its weights are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from _removal_support.errors import RemovalError
from _removal_support.pretrained import PretrainedWeights, WeightsError, fetch
from inpaint.contract import Contract
from inpaint.inpainter import Inpainter, InpainterOptions

Builder = Callable[[InpainterOptions], Inpainter]


class MissingPackageError(RemovalError, RuntimeError):
    """A model needs a package that is not installed; the message names the extra that brings it."""


@dataclass(frozen=True)
class InpainterRecord:
    """All that is known of an inpainter before it is built.

    name: what `load_inpainter` and the command line call it. build: imports its module when it is called.
    title: how sentences call it. fills: what it is good for, in a few words. licence: of the code and, where
        they differ, of the weights.
    is_network: it has weights, and is given a working size and other settings of networks.
    weights: the published ones; default_weights: the name of those it runs with where none are given, None =
        none are published.
    keeps_rest: it repairs what is partly destroyed and keeps the rest (`Inpainter.repair`).
    auto_when_cached: `auto` takes it where its weights are in the cache already.
    contract: of a network that comes as TorchScript or ONNX; None = it stands beside the file.
    takes_prompt: it draws by words and steps (`InpainterOptions.prompt` and those after it).
    packages: that it needs besides ours, and `extra`, the extra of this distribution that brings them.
    memory_mb: the most that a process takes that fills 15 % of a photo of 12 megapixels on the CPU, in MB;
        None = not measured.
    reference_db: PSNR in dB of `remove weights check NAME --run` with the published file; None = nobody has
        measured it yet.
    """

    name: str
    build: Builder
    title: str = ""
    fills: str = ""
    licence: str = ""
    is_network: bool = False
    weights: tuple[PretrainedWeights, ...] = ()
    default_weights: str | None = None
    keeps_rest: bool = False
    auto_when_cached: bool = False
    contract: Contract | None = None
    takes_prompt: bool = False
    packages: tuple[str, ...] = ()
    extra: str = ""
    memory_mb: int | None = None
    reference_db: float | None = None

    def default(self) -> PretrainedWeights | None:
        """The record of the default weights."""
        return next((known for known in self.weights if known.name == self.default_weights), None)

    def is_ready(self) -> bool:
        """Whether it can run without fetching or installing anything."""
        if self.missing_packages():
            return False
        default = self.default()
        return default.is_cached() if default is not None else not self.is_network or self.keeps_rest

    def missing_packages(self) -> str:
        """What is not installed and how to get it, in words; empty where all is there."""
        missing = [name for name in self.packages if find_spec(name) is None]
        return (
            f"{' and '.join(missing)} not installed: pip install 'removal[{self.extra}]'" if missing else ""
        )

    def check_packages(self) -> None:
        """Raise MissingPackageError unless all packages are there."""
        if missing := self.missing_packages():
            raise MissingPackageError(f"{self.name} cannot run: {missing}", option="inpainter")


def weights_path(known: InpainterRecord, weights: str | Path | None) -> Path:
    """The file of an inpainter's weights, fetched where it has to be.

    Args:
        known: the inpainter.
        weights: a file, the name of published weights, or None = the default ones.

    Raises:
        WeightsError: published weights cannot be had, or none are published.
        FileNotFoundError: there is no such file.
    """
    published = {one.name: one for one in known.weights}
    if weights is None:
        if known.default_weights is None:
            raise WeightsError(
                f"no weights of the {known.title or known.name} are published: expected a file of your own",
                option="weights",
            )
        weights = known.default_weights
    if isinstance(weights, str) and weights in published:
        return fetch(published[weights])
    path = Path(weights)
    if not path.is_file():
        names = ", ".join(published) or "none"
        raise FileNotFoundError(f"there is no file {path}, nor published weights of that name ({names})")
    return path
