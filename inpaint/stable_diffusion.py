"""`stable-diffusion`: Stable Diffusion for inpainting (Rombach et al. 2022, arXiv 2112.10752)."""

from _removal_support.hub import HUB_URL
from _removal_support.pretrained import PretrainedWeights
from inpaint.diffusion_contract import DiffusionContract

_REPOSITORY = "stable-diffusion-v1-5/stable-diffusion-inpainting"
CONTRACT = DiffusionContract(
    "StableDiffusionInpaintPipeline", native_px=512, strength=1.0, steps=30, guidance=7.5
)
WEIGHTS = PretrainedWeights(
    name="stable-diffusion",
    file_name="model_index.json",
    url=HUB_URL + _REPOSITORY,
    sha256_prefix=None,
    licence="CreativeML OpenRAIL-M: its use restrictions bind whoever uses or passes on the model",
    architecture="Stable Diffusion inpainting, latent diffusion, 9-channel UNet",
    trained_on="LAION",
    input_contract="PIL RGB and L mask, white = fill, sides multiples of 8, 512 px",
    repository=_REPOSITORY,
    patterns=("model_index.json", "*/*.json", "*/*.txt", "*/*.fp16.safetensors"),
)
