"""LaMa, tested with a stand-in of its contract."""

import numpy as np
import pytest
import torch

from inpaint import lama, load_inpainter, resolve_auto
from inpaint.contract import Contract
from inpaint.registry import AUTO_ORDER, record
from tests.scripts import Mean

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*is deprecated:FutureWarning")


def test_its_contract_and_its_record():
    assert Contract("image, mask", (0.0, 1.0), (0.0, 1.0), (0.0, 1.0), False, 8, 0) == lama.CONTRACT
    assert lama.WEIGHTS.size_bytes == 205_669_692
    assert lama.WEIGHTS.sha256_prefix == "344c77bbcb158f17dd143070d1e789f38a66c04202311ae3a258ef66667a9ea9"


def test_lama_is_given_and_gives_what_its_contract_says(tmp_path):
    path = tmp_path / "big.pt"
    torch.jit.script(Mean()).save(str(path))
    inpainter = load_inpainter("lama", weights=path, device="cpu")
    image = np.full((70, 90, 3), (200, 100, 50), np.uint8)  # 70 and 90 are no multiples of 8
    mask = np.zeros((70, 90), bool)
    mask[20:40, 30:60] = True
    image[mask] = 0
    filled = inpainter(image, mask)
    assert np.abs(filled[mask].astype(int) - (200, 100, 50)).max() <= 1
    assert np.array_equal(filled[~mask], image[~mask])
    assert "lama (big.pt), float32 on cpu" in inpainter.description


def test_auto_takes_it_before_mi_gan_and_only_where_it_is_cached(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("REMOVAL_OFFLINE", "1")
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (cache / "migan_traced.pt").write_bytes(b"other")
    (cache / "big-lama.pt").write_bytes(b"other")
    assert AUTO_ORDER == ("deepfillv2", "lama", "mi-gan", "exemplar")
    assert record("lama").is_ready()
    (cache / "big-lama.pt").unlink()
    (cache / "migan_traced.pt").unlink()
    assert resolve_auto().name == "exemplar"
    assert "big-lama.pt is not in the cache; `remove weights fetch lama`" in resolve_auto().reason
