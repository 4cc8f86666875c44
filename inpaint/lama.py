"""`lama`: LaMa, an inpainter with Fourier convolutions (Suvorov et al. 2022, arXiv 2109.07161)."""

from _removal_support.pretrained import PretrainedWeights
from inpaint.contract import Contract

CONTRACT = Contract(masked=False)
WEIGHTS = PretrainedWeights(
    name="lama",
    file_name="big-lama.pt",
    url="https://github.com/Sanster/models/releases/download/add_big_lama/big-lama.pt",
    sha256_prefix="344c77bbcb158f17dd143070d1e789f38a66c04202311ae3a258ef66667a9ea9",
    md5="e3aa4aaa15225a33ec84f9f4bc47e500",
    licence="Apache-2.0 code",
    architecture="LaMa with Fourier convolutions (big-lama), TorchScript",
    trained_on="Places2",
    input_contract="float32 (N, 3, H, W) RGB in [0, 1], mask (N, 1, H, W) 1 = hole, sides multiples of 8",
    size_bytes=205_669_692,
)
