"""The inpainters of this package: to add one, write its file and add its record here.

Nothing is imported but numpy: a builder imports its module when it is called.
"""

from __future__ import annotations

from inpaint import lama, migan, sdxl, stable_diffusion
from inpaint.diffusion_contract import DiffusionContract
from inpaint.inpainter import Inpainter, InpainterOptions
from inpaint.published import DEEPFILLV1, DEEPFILLV2, GLCIC
from inpaint.record import InpainterRecord


def _exemplar(options: InpainterOptions) -> Inpainter:
    from inpaint.exemplar.completion import ExemplarInpainter

    return ExemplarInpainter(seed=options.seed, effort=options.effort)


def _telea(options: InpainterOptions) -> Inpainter:
    from inpaint.classical import ClassicalInpainter

    return ClassicalInpainter("telea")


def _navier_stokes(options: InpainterOptions) -> Inpainter:
    from inpaint.classical import ClassicalInpainter

    return ClassicalInpainter("navier-stokes")


def _reconstruction(options: InpainterOptions) -> Inpainter:
    from inpaint.reconstruction_inpainter import build

    return build(options)


def _network(name: str, title: str, **facts: object) -> InpainterRecord:
    """The record of a network of `inpaint.formats`, which `inpaint.network_inpainter` runs in windows."""

    def build(options: InpainterOptions) -> Inpainter:
        from inpaint.network_inpainter import build

        return build(INPAINTERS[name], options)

    return InpainterRecord(name, build, title, is_network=True, **facts)  # type: ignore[arg-type]


def _script(name: str, title: str, **facts: object) -> InpainterRecord:
    """The record of a network that comes as TorchScript (`inpaint.scripted`)."""

    def build(options: InpainterOptions) -> Inpainter:
        from inpaint.scripted import build

        return build(INPAINTERS[name], options)

    return InpainterRecord(name, build, title, is_network=True, **facts)  # type: ignore[arg-type]


def _diffusion(name: str, title: str, contract: DiffusionContract, **facts: object) -> InpainterRecord:
    """The record of a pipeline of diffusers (`inpaint.diffusion`)."""

    def build(options: InpainterOptions) -> Inpainter:
        from inpaint.diffusion import build

        return build(INPAINTERS[name], options, contract)

    return InpainterRecord(
        name,
        build,
        title,
        is_network=True,
        takes_prompt=True,
        packages=("diffusers", "transformers"),
        extra="diffusers",
        **facts,  # type: ignore[arg-type]
    )


def _onnx(options: InpainterOptions) -> Inpainter:
    from inpaint.onnx_network import build

    return build(INPAINTERS["onnx"], options)


_OURS = "MIT"
_PUBLISHED = "MIT code; weights: see `remove weights list`"
_RECORDS = (
    _network(
        "deepfillv2",
        "DeepFillv2",
        fills="anything, with structure it has learned",
        licence=_PUBLISHED,
        weights=DEEPFILLV2,
        default_weights="deepfillv2-places",
        memory_mb=1700,
    ),
    _script(
        "lama",
        "LaMa",
        fills="anything, large holes and repeated structure well",
        licence="Apache-2.0 code",
        weights=(lama.WEIGHTS,),
        default_weights="lama",
        memory_mb=1900,
        auto_when_cached=True,
        contract=lama.CONTRACT,
    ),
    _script(
        "mi-gan",
        "MI-GAN",
        fills="anything, small and quick",
        licence="MIT",
        weights=(migan.WEIGHTS,),
        default_weights="mi-gan",
        memory_mb=1700,
        auto_when_cached=True,
        contract=migan.CONTRACT,
    ),
    _diffusion(
        "stable-diffusion",
        "Stable Diffusion",
        stable_diffusion.CONTRACT,
        fills="anything, by words; invents, and wants a GPU",
        licence=stable_diffusion.WEIGHTS.licence,
        weights=(stable_diffusion.WEIGHTS,),
        default_weights="stable-diffusion",
    ),
    _diffusion(
        "sdxl",
        "Stable Diffusion XL",
        sdxl.CONTRACT,
        fills="the same at 1024 px; wants a large GPU",
        licence=sdxl.WEIGHTS.licence,
        weights=(sdxl.WEIGHTS,),
        default_weights="sdxl",
    ),
    _script("torchscript", "TorchScript network", fills="as a network of your own does", licence="yours"),
    InpainterRecord(
        "onnx", _onnx, "ONNX network", fills="as a network of your own does", licence="yours", is_network=True
    ),
    InpainterRecord(
        "exemplar", _exemplar, fills="anything, with the photo's own texture", licence=_OURS, memory_mb=1500
    ),
    InpainterRecord("telea", _telea, fills="scratches and specks, smoothly", licence=_OURS, memory_mb=700),
    InpainterRecord("navier-stokes", _navier_stokes, fills="scratches and specks, smoothly", licence=_OURS),
    _network(
        "deepfillv1",
        "DeepFillv1",
        fills="anything; for comparisons",
        licence=_PUBLISHED,
        weights=DEEPFILLV1,
        default_weights="deepfillv1-places",
    ),
    _network(
        "glcic",
        "GLCIC",
        fills="anything; for comparisons",
        licence=_PUBLISHED,
        weights=GLCIC,
        default_weights="glcic-places",
    ),
    _network("context-encoder", "context encoder", fills="small photos; for comparisons", licence=_OURS),
    _network("autoencoder", "autoencoder", fills="small photos; for comparisons", licence=_OURS),
    InpainterRecord(
        "reconstruction",
        _reconstruction,
        "reconstruction",
        fills="damage, and keeps what is left of a pixel",
        licence=_OURS,
        is_network=True,
        keeps_rest=True,
    ),
)
INPAINTERS = {known.name: known for known in _RECORDS}
"""By the names that `load_inpainter` takes."""
