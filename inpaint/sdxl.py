"""`sdxl`: Stable Diffusion XL for inpainting (Podell et al. 2023, arXiv 2307.01952)."""

from _removal_support.hub import HUB_URL
from _removal_support.pretrained import PretrainedWeights
from inpaint.diffusion_contract import DiffusionContract

_REPOSITORY = "diffusers/stable-diffusion-xl-1.0-inpainting-0.1"
CONTRACT = DiffusionContract(
    "StableDiffusionXLInpaintPipeline", native_px=1024, strength=0.99, steps=20, guidance=8.0
)
WEIGHTS = PretrainedWeights(
    name="sdxl",
    file_name="model_index.json",
    url=HUB_URL + _REPOSITORY,
    sha256_prefix=None,
    licence="CreativeML OpenRAIL++-M: its use restrictions bind whoever uses or passes on the model",
    architecture="Stable Diffusion XL inpainting, latent diffusion, 9-channel UNet",
    trained_on="not stated in full",
    input_contract="PIL RGB and L mask, white = fill, sides multiples of 8, 1024 px, strength below 1",
    repository=_REPOSITORY,
    patterns=("model_index.json", "*/*.json", "*/*.txt", "*/*.fp16.safetensors"),
)
