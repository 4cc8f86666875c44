"""Diffusion models of the library diffusers, run in windows as every other network is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from _removal_support.device import resolve_device
from _removal_support.errors import one_line
from _removal_support.hub import HubError, fetch_snapshot, is_repository_name
from _removal_support.pretrained import TIMEOUT_S, WeightsError, is_offline
from inpaint.blending import pull_push
from inpaint.diffusion_contract import NEGATIVE_PROMPT, PROMPT, DiffusionContract, DiffusionError
from inpaint.inpainter import InpainterOptions
from inpaint.networks.batches import check_batches, continue_by_reflection
from inpaint.networks.fill_network import FillNetwork, Option
from inpaint.precision import choose_precision
from inpaint.record import InpainterRecord, weights_path
from inpaint.tensors import tensor_to_images

if TYPE_CHECKING:
    from inpaint.network_inpainter import NetworkInpainter

CELL_PX = 8
"""A pixel of what the model works on (the latent image) stands for so many of the picture, each way."""
_SAFE = ("*.json", "*/*.json", "*/*.txt")  # of a repository; no pickles
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class DiffusionNetwork(FillNetwork):
    """A pipeline behind the contract of `FillNetwork`.

    pipeline: of diffusers, called with prompt, image and mask. contract: what it is given besides. seed: each
    image starts from the same noise, so that its fill does not depend on those beside it. precision: that it
    was loaded in.
    """

    def __init__(
        self,
        pipeline: Any,
        contract: DiffusionContract,
        name: str,
        *,
        seed: int = 0,
        precision: Literal["float32", "bfloat16", "float16"] = "float32",
    ) -> None:
        super().__init__()
        modules = {key: part for key, part in pipeline.components.items() if isinstance(part, nn.Module)}
        self.parts = nn.ModuleDict(modules)  # so that they move to the device with the network
        self.pipeline, self.contract, self.seed = pipeline, contract, seed
        self.name = self.title = name  # type: ignore[misc]
        self.native_px, self.own_precision = contract.native_px, precision
        self.options: dict[str, Option] = {}

    @property
    def summary(self) -> str:
        """Steps, guidance, and the words where they are not our own: all decide the pixels."""
        contract = self.contract
        parts = [f"{contract.steps} steps", f"guidance {contract.guidance:g}"]
        if contract.prompt != PROMPT:
            parts.append(f"prompt {contract.prompt!r}")
        if contract.negative_prompt != NEGATIVE_PROMPT:
            parts.append(f"against {contract.negative_prompt!r}")
        return ", ".join(parts)

    def forward(self, images: Tensor, masks: Tensor) -> tuple[Tensor]:
        """(filled,), as the base class says."""
        check_batches(images, masks)
        pairs = zip(images.split(1), masks.split(1), strict=True)
        return (torch.cat([self._fill_one(image, mask) for image, mask in pairs]),)

    def _fill_one(self, image: Tensor, mask: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        image, mask = (continue_by_reflection(b, grid_px=CELL_PX, least_px=CELL_PX) for b in (image, mask))
        cells = functional.max_pool2d(mask, CELL_PX)  # a cell with any hole is hole: thin ones are not missed
        hole = functional.interpolate(cells, scale_factor=CELL_PX)[0, 0].cpu().numpy() > 0
        # A start from less than pure noise would let what lies in the hole shine through.
        picture = smoothed_over(tensor_to_images(image)[0], hole)
        padded_height, padded_width = hole.shape
        found = self.pipeline(
            prompt=self.contract.prompt,
            negative_prompt=self.contract.negative_prompt,
            image=Image.fromarray(picture),
            mask_image=Image.fromarray(hole.astype(np.uint8) * np.uint8(255)),
            height=padded_height,
            width=padded_width,
            strength=self.contract.strength,
            num_inference_steps=self.contract.steps,
            guidance_scale=self.contract.guidance,
            generator=torch.Generator().manual_seed(self.seed),  # on the CPU: the same noise on every device
            output_type="pt",
        )
        if any(getattr(found, "nsfw_content_detected", None) or ()):
            raise DiffusionError(
                f"the safety checker of {self.name} held its picture back and gave black; the photo is left "
                "as it was. Another seed or prompt may pass",
                option="seed",
            )
        filled: Tensor = found.images.to(image.device, torch.float32)
        if filled.shape != image.shape:
            got = tuple(filled.shape)
            raise DiffusionError(f"{self.name}: expected a picture of {tuple(image.shape)}, got {got}")
        return (filled * 2 - 1)[:, :, :height, :width]


def smoothed_over(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The image, uint8 (H, W, 3), with the surroundings' colours spread smoothly over the hole."""
    spread = pull_push(image.astype(np.float32), (~hole).astype(np.float32))
    return np.where(hole[..., None], np.clip(np.rint(spread), 0, 255).astype(np.uint8), image)


def load_pipeline(folder: Path, contract: DiffusionContract, name: str, dtype: torch.dtype) -> Any:
    """The pipeline in a folder, on the CPU. No code and no pickle in it is run.

    Raises:
        DiffusionError: it holds no such pipeline.
    """
    check_kind(folder, contract, name)
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    half = next(folder.glob("unet/*.fp16.safetensors"), None) is not None
    full = any(".fp16" not in file.name for file in folder.glob("unet/*.safetensors"))
    try:
        pipeline = getattr(diffusers, contract.pipeline).from_pretrained(
            str(folder),
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            variant="fp16" if half and not full else None,
        )
    except Exception as error:  # of three libraries, by what is damaged
        reason = one_line(str(error))[:200] or type(error).__name__
        raise DiffusionError(
            f"{folder}: expected a whole {contract.pipeline} as safetensors: {reason}", option="weights"
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    channels = pipeline.unet.config.in_channels
    if channels not in (4, 9):
        raise DiffusionError(
            f"{folder}: expected a UNet of 9 channels (or 4), got {channels}: it is no model for {name}",
            option="weights",
        )
    return pipeline


def check_kind(folder: Path, contract: DiffusionContract, name: str) -> None:
    """Raise DiffusionError unless the folder's index names the kind of pipeline that the contract does."""
    index = folder / "model_index.json"
    try:
        found = json.loads(index.read_text(encoding="utf-8"))["_class_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DiffusionError(
            f"{folder}: expected a folder as diffusers saves it, whose model_index.json names its kind",
            option="weights",
        ) from error
    if found not in (contract.pipeline, contract.pipeline.replace("Inpaint", "")):
        raise DiffusionError(
            f"{folder}: expected a {contract.pipeline} for {name}, got a {found}", option="weights"
        )


def pipeline_folder(known: InpainterRecord, weights: str | Path | None) -> tuple[Path, str]:
    """The folder of a pipeline, fetched where it has to be, and where it is from in words.

    weights: a folder, a repository owner/name, or None = the published ones.

    Raises:
        WeightsError, FileNotFoundError: it cannot be had.
    """
    if weights is not None and Path(weights).is_dir():
        return Path(weights), Path(weights).name
    if weights is None or not is_repository_name(str(weights)):
        folder = weights_path(known, weights)
        default = known.default()
        repository = default.repository if default is not None else known.name
    else:
        repository = str(weights)
        try:
            folder = fetch_snapshot(
                repository, (*_SAFE, "*/*.fp16.safetensors"), offline=is_offline(), timeout_s=TIMEOUT_S
            )
            if not any(folder.glob("unet/*.safetensors")):
                folder = fetch_snapshot(
                    repository, (*_SAFE, "*/*.safetensors"), offline=is_offline(), timeout_s=TIMEOUT_S
                )
        except HubError as error:
            raise WeightsError(
                f"there is no folder {repository}, and as a repository it cannot be had: {error}",
                option="weights",
            ) from error
    return folder, f"{repository} at {folder.name[:8]}"


def check_words(pipeline: Any, contract: DiffusionContract) -> None:
    """Raise DiffusionError for a prompt that is longer than the model reads: its end would be cut off."""
    longest = pipeline.tokenizer.model_max_length
    for option in ("prompt", "negative_prompt"):
        count = len(pipeline.tokenizer(getattr(contract, option)).input_ids)
        if count > longest:
            raise DiffusionError(
                f"expected at most {longest} tokens (pieces of words), got {count}: shorten it", option=option
            )


def with_options(contract: DiffusionContract, options: InpainterOptions) -> DiffusionContract:
    """The contract with what the options say otherwise. Raises DiffusionError for what is out of range."""
    names = ("prompt", "negative_prompt", "steps", "guidance")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    return replace(contract, **given)


def build(
    known: InpainterRecord, options: InpainterOptions, published: DiffusionContract
) -> NetworkInpainter:
    """The inpainter as `load_inpainter` gives it.

    Raises:
        WeightsError, FileNotFoundError: the model cannot be had.
        DiffusionError: it is no such model, or the options do not suit it.
    """
    from inpaint.network_inpainter import NetworkInpainter, settings_of

    contract = with_options(published, options)
    device = torch.device(resolve_device(options.device))
    precision = choose_precision(options.precision, device)
    if options.precision == "auto" and device.type != "cuda":
        precision = "float32"
    elif options.precision == "auto":
        precision = "float16"  # as these are published
    folder, source = pipeline_folder(known, options.weights)
    pipeline = load_pipeline(folder, contract, known.name, _DTYPES[precision])
    check_words(pipeline, contract)
    network = DiffusionNetwork(pipeline, contract, known.name, seed=options.seed, precision=precision).eval()
    return NetworkInpainter(
        network,
        source=source,
        device=str(device),
        seed=options.seed,
        settings=settings_of(options),
        say=options.say,
    )
