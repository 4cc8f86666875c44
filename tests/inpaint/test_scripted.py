"""TorchScript networks, tested with stand-ins of the same contract: small scripts that note what they get."""

import hashlib

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from _removal_support.pretrained import WeightsError
from inpaint import load_inpainter, resolve_auto
from inpaint.published import LAMA, MI_GAN
from inpaint.scripted import CONTRACTS, Contract, ScriptError, load_script

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*is deprecated:FutureWarning")


class LamaStandIn(nn.Module):
    """Checks LaMa's contract and returns the mean colour of what is kept, in [0, 1]."""

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        assert image.shape[2] % 8 == 0
        assert image.shape[3] % 8 == 0
        assert float(image.min()) >= 0.0
        assert float(image.max()) <= 1.0
        assert bool(((mask == 0) | (mask == 1)).all())
        kept = 1 - mask
        mean = (image * kept).sum(dim=(2, 3), keepdim=True) / kept.sum(dim=(2, 3), keepdim=True)
        return mean.expand_as(image)


class MiganStandIn(nn.Module):
    """Checks MI-GAN's contract and returns what it was given of the image."""

    def forward(self, joined: Tensor) -> Tensor:
        assert joined.shape == (1, 4, 512, 512)
        mask = joined[:, :1]
        assert bool(((mask == 0.5) | (mask == -0.5)).all())
        image = joined[:, 1:]
        assert float((image * (mask < 0)).abs().max()) == 0.0
        return image + 0.25 * (mask < 0)


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


def test_lama_is_given_and_gives_what_its_contract_says(tmp_path):
    path = saved(LamaStandIn(), tmp_path / "big.pt")
    inpainter = load_inpainter("lama", weights=path, device="cpu")
    image, mask = photo()  # 70 and 90 are no multiples of 8
    filled = inpainter(image, mask)
    assert np.abs(filled[mask].astype(int) - (200, 100, 50)).max() <= 1
    assert np.array_equal(filled[~mask], image[~mask])
    assert "lama (big.pt), float32 on cpu" in inpainter.description


def test_mi_gan_is_given_one_size_and_its_masks_polarity(tmp_path):
    path = saved(MiganStandIn(), tmp_path / "m.pt")
    network = load_script(path, CONTRACTS["mi-gan"], "mi-gan")
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
    path = saved(LamaStandIn(), tmp_path / "mine.pt")
    with pytest.raises(ScriptError, match=r"the contract of the script in .*mine\.toml.*no such file"):
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
        with pytest.raises(ScriptError, match=words):
            load_inpainter("torchscript", weights=path)


def test_files_of_another_kind_and_broken_outputs_are_refused(tmp_path):
    (tmp_path / "page.pt").write_text("<html>")
    with pytest.raises(ScriptError, match=r"page\.pt: expected a TorchScript file"):
        load_inpainter("lama", weights=tmp_path / "page.pt")
    torch.save({"a": torch.zeros(1)}, tmp_path / "state.pth")
    with pytest.raises(ScriptError, match="expected a TorchScript file"):
        load_inpainter("lama", weights=tmp_path / "state.pth")
    path = saved(NotANumber(), tmp_path / "nan.pt")
    image, mask = photo()
    with pytest.raises(ScriptError, match="lama gave NaN or infinity; the photo is left as it was"):
        load_inpainter("lama", weights=path, device="cpu")(image, mask)


def test_the_records_hash_is_held_to_and_auto_takes_only_what_is_cached(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("REMOVAL_OFFLINE", "1")
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    assert resolve_auto().name == "exemplar"
    assert "big-lama.pt is not in the cache; `remove weights fetch lama` fetches it" in resolve_auto().reason
    (cache / "migan_traced.pt").write_bytes(b"other")
    digest = hashlib.md5(b"other", usedforsecurity=False).hexdigest()
    with pytest.raises(WeightsError, match=rf"a MD5 of 76eb3b1a71c400ee3290524f7a11b89c, got {digest}"):
        load_inpainter("mi-gan")
    assert (LAMA[0].size_bytes, len(LAMA[0].sha256_prefix)) == (205_669_692, 64)
    assert MI_GAN[0].url.endswith("/migan/migan_traced.pt")


def test_contracts_by_default_are_plain():
    assert Contract() == Contract("image, mask", (0.0, 1.0), (0.0, 1.0), (0.0, 1.0), True, 8, 0)
