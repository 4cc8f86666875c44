"""TorchScript networks, tested with stand-ins of the same contract: small scripts that note what they get."""

import hashlib

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from _removal_support.pretrained import WeightsError
from inpaint import load_inpainter, migan, resolve_auto
from inpaint.contract import Contract, ContractError
from inpaint.contract_network import ContractNetwork, in_windows
from inpaint.inpainter import InpainterOptions
from inpaint.network_inpainter import NetworkInpainter, NetworkSettings
from inpaint.network_output import NetworkOutputError
from inpaint.scripted import load_script
from inpaint.windows import windows
from tests.scripts import Mean

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*is deprecated:FutureWarning")


class MiganStandIn(nn.Module):
    """Checks MI-GAN's contract and returns what it was given of the image."""

    def forward(self, joined: Tensor) -> Tensor:
        assert joined.shape == (1, 4, 512, 512)
        mask = joined[:, :1]
        assert bool(((mask == 0.5) | (mask == -0.5)).all())
        image = joined[:, 1:]
        assert float((image * (mask < 0)).abs().max()) == 0.0
        return image + 0.25 * (mask < 0)


class Convolution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(4, 3, 9, padding=4)

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        return torch.sigmoid(self.layer(torch.cat([image, mask], dim=1)))


class NotANumber(nn.Module):
    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        return image / 0.0 * 0.0


def saved(module: nn.Module, path):
    torch.jit.script(module).save(str(path))
    return path


def photo(height=70, width=90):
    image = np.full((height, width, 3), (200, 100, 50), np.uint8)
    mask = np.zeros((height, width), bool)
    mask[20:40, 30:60] = True
    image[mask] = 0
    return image, mask


def test_mi_gan_is_given_one_size_and_its_masks_polarity(tmp_path):
    path = saved(MiganStandIn(), tmp_path / "m.pt")
    network = load_script(path, migan.CONTRACT, "mi-gan")
    images = torch.rand(2, 3, 300, 400) * 2 - 1
    masks = torch.zeros(2, 1, 300, 400)
    masks[0, :, 10:30, 10:30] = masks[1, :, 50:90, 60:99] = 1
    (filled,) = network(images, masks)
    assert filled.shape == images.shape
    torch.testing.assert_close(filled[masks.expand_as(filled) == 0], images[masks.expand_as(images) == 0])
    assert (filled[masks.expand_as(filled) == 1] == 0.25).all()
    image, mask = photo(600, 800)
    result = load_inpainter("mi-gan", weights=path, device="cpu", detail=False)(image, mask)
    assert np.array_equal(result[~mask], image[~mask])


def test_a_script_of_ones_own_needs_its_contract_beside_it(tmp_path):
    path = saved(Mean(), tmp_path / "mine.pt")
    with pytest.raises(ContractError, match=r"the contract of mine\.pt in .*mine\.toml.*no such file"):
        load_inpainter("torchscript", weights=path)
    sound = {
        "inputs": '"image, mask"', "image_range": "[0, 1]", "output_range": "[0, 1]",
        "mask_values": "[0, 1]", "masked": "false", "multiple": "8", "size_px": "0",
    }  # fmt: skip

    def write(**changes):
        lines = [f"{name} = {value}" for name, value in (sound | changes).items() if value is not None]
        (tmp_path / "mine.toml").write_text("\n".join(lines))

    write()
    image, mask = photo()
    filled = load_inpainter("torchscript", weights=path, device="cpu")(image, mask)
    assert np.abs(filled[mask].astype(int) - (200, 100, 50)).max() <= 1
    for changes, words in (
        ({"multiple": None, "masked": None}, "missing masked, multiple"),
        ({"colour": "1"}, "got colour"),
        ({"inputs": '"mask"'}, "expected inputs of"),
        ({"image_range": "[1, 1]"}, "two different numbers as image_range"),
        ({"mask_values": "[0]"}, "mask_values as two numbers"),
        ({"multiple": "0"}, "multiple from 1 to 4096"),
        ({"size_px": "500"}, "a size_px that is a multiple of 8"),
        ({"masked": "1"}, "masked as true or false"),
        ({"inputs": "mask"}, "expected TOML"),
    ):
        write(**changes)
        with pytest.raises(ContractError, match=words):
            load_inpainter("torchscript", weights=path)


def test_files_of_another_kind_and_broken_outputs_are_refused(tmp_path):
    (tmp_path / "page.pt").write_text("<html>")
    with pytest.raises(ContractError, match=r"page\.pt: expected a TorchScript file"):
        load_inpainter("mi-gan", weights=tmp_path / "page.pt")
    torch.save({"a": torch.zeros(1)}, tmp_path / "state.pth")
    with pytest.raises(ContractError, match="expected a TorchScript file"):
        load_inpainter("mi-gan", weights=tmp_path / "state.pth")
    image, mask = photo()
    network = ContractNetwork(NotANumber(), Contract(), "mine")
    with pytest.raises(NetworkOutputError, match="mine gave NaN or infinity; the photo is left as it was"):
        NetworkInpainter(network, device="cpu", precision="float32")(image, mask)
    other = saved(Mean(), tmp_path / "other.pt")  # takes two inputs, and not one of four channels
    with pytest.raises(
        ContractError, match="mi-gan: the file does not take what its contract says"
    ) as caught:
        load_inpainter("mi-gan", weights=other, device="cpu")(image, mask)
    assert "\n" not in str(caught.value)


def test_auto_takes_only_what_is_cached(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("REMOVAL_OFFLINE", "1")
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    assert resolve_auto().name == "exemplar"
    reason = resolve_auto().reason
    assert "migan_traced.pt is not in the cache; `remove weights fetch mi-gan` fetches it" in reason
    (cache / "migan_traced.pt").write_bytes(b"other")
    digest = hashlib.md5(b"other", usedforsecurity=False).hexdigest()
    with pytest.raises(WeightsError, match=rf"a MD5 of 76eb3b1a71c400ee3290524f7a11b89c, got {digest}"):
        load_inpainter("mi-gan")
    assert migan.WEIGHTS.url.endswith("/migan/migan_traced.pt")


def test_on_apples_gpu_it_runs_on_the_processor_and_says_so(monkeypatch):
    import _removal_support.device

    monkeypatch.setattr(_removal_support.device, "resolve_device", lambda name: "mps")
    said: list[str] = []
    network = ContractNetwork(Mean(), Contract(), "mine")
    inpainter = in_windows(network, "mine.pt", InpainterOptions(device="auto", say=said.append))
    assert inpainter.device == torch.device("cpu")
    assert said == ["mine: it runs on the processor, as it asks for more than mps can do"]


def test_in_windows_it_gives_what_it_gives_for_the_crop_alone(rng):
    """One hole: what a program that crops the same box and hands it to the network has too."""
    torch.manual_seed(0)
    body = Convolution().eval()
    contract = Contract(masked=False)
    image = rng.integers(0, 255, (900, 1200, 3), dtype=np.uint8)
    mask = np.zeros((900, 1200), bool)
    mask[400:520, 500:600] = True
    inpainter = NetworkInpainter(
        ContractNetwork(body, contract, "mine"), device="cpu", precision="float32",
        settings=NetworkSettings(colour=False, detail=False),
    )  # fmt: skip
    (window,) = windows(mask, context=inpainter.context, least_side_px=inpainter.least_side_px)
    top, left, bottom, right = window.view
    assert (bottom - top, right - left) == (360, 340)  # fits into 512 px, so nothing is shrunk
    crop = torch.from_numpy(image[top:bottom, left:right] / np.float32(255)).permute(2, 0, 1)[None]
    hole = torch.from_numpy(mask[top:bottom, left:right].astype(np.float32))[None, None]
    padded, marked = (nn.functional.pad(batch, (0, 4, 0, 0), mode="reflect") for batch in (crop, hole))
    with torch.no_grad():
        peer = (body(padded, marked)[0, :, :, :340] * 255).permute(1, 2, 0).round().numpy().astype(np.uint8)
    filled = inpainter(image, mask)
    alone = image.copy()
    alone[top:bottom, left:right][mask[top:bottom, left:right]] = peer[mask[top:bottom, left:right]]
    assert np.abs(filled.astype(int) - alone).max() <= 1  # by rounding


def test_contracts_by_default_are_plain():
    assert Contract() == Contract("image, mask", (0.0, 1.0), (0.0, 1.0), (0.0, 1.0), True, 8, 0)
