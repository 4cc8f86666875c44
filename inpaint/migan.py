"""`mi-gan`: MI-GAN, made for phones (Sargsyan et al. 2023, ICCV)."""

from _removal_support.pretrained import PretrainedWeights
from inpaint.contract import Contract

CONTRACT = Contract(
    inputs="mask+image",
    image_range=(-1.0, 1.0),
    output_range=(-1.0, 1.0),
    mask_values=(0.5, -0.5),
    multiple=512,
    size_px=512,
)
WEIGHTS = PretrainedWeights(
    name="mi-gan",
    file_name="migan_traced.pt",
    url="https://github.com/Sanster/models/releases/download/migan/migan_traced.pt",
    sha256_prefix=None,
    md5="76eb3b1a71c400ee3290524f7a11b89c",
    licence="MIT",
    architecture="MI-GAN 512, TorchScript",
    trained_on="Places2",
    input_contract="float32 (1, 4, 512, 512): 0.5 - mask, RGB in [-1, 1] times (1 - mask)",
)
