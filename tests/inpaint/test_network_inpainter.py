import copy
from dataclasses import replace
from typing import ClassVar

import cv2
import numpy as np
import pytest
import torch

from _removal_support.pretrained import WeightsError
from inpaint import load_inpainter, network_inpainter, precision
from inpaint.checkpoints import CheckpointError
from inpaint.inpainter import InpainterOptions
from inpaint.network_inpainter import NetworkInpainter, NetworkSettings, build
from inpaint.networks.deepfillv2 import DeepFillV2
from inpaint.networks.fill_network import FillNetwork
from inpaint.networks.layouts import LAYOUTS
from inpaint.registry import record, resolve_auto
from inpaint.tensors import images_to_tensor, masks_to_tensor

SMALL = NetworkSettings(working_size_px=64, context=0.5)


class Constant(FillNetwork):
    """Stands for a network: fills with one level, and remembers what it was given."""

    name = "constant"
    options: ClassVar = {"layout": "flat"}

    def __init__(self, level: int = 200) -> None:
        super().__init__()
        self.level = level
        self.calls: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []

    def forward(self, images, masks):
        return (torch.where(masks > 0, self.level / 127.5 - 1, images),)

    def fill(self, images, masks, *, avoid=None):
        self.calls.append((images, masks, avoid))
        return self(images, masks)[-1]


@pytest.fixture(scope="module")
def network():
    network = DeepFillV2(LAYOUTS["nipponjo_pt"]).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            scale = (4 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 0.1
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    return network


def photo(height: int, width: int) -> np.ndarray:
    """Soft blotches with grain."""
    rng = np.random.default_rng(1)
    blotches = cv2.resize(rng.uniform(60, 190, (6, 8, 3)).astype(np.float32), (width, height))
    return np.clip(blotches + rng.normal(0, 12, (height, width, 3)), 0, 255).astype(np.uint8)


def hole(height: int, width: int, top: int, left: int, size: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[top : top + size, left : left + size] = True
    return mask


@pytest.mark.parametrize(("height", "width", "size"), [(101, 83, 20), (203, 150, 60), (70, 300, 40)])
def test_the_photo_keeps_its_size_and_all_that_is_outside_the_hole(network, height, width, size):
    image, mask = photo(height, width), hole(height, width, 17, 21, size)
    before = image.copy()
    filled = NetworkInpainter(network, settings=SMALL)(image, mask)
    assert filled.shape == image.shape
    assert filled.dtype == np.uint8
    assert np.array_equal(filled[~mask], image[~mask])
    assert (filled[mask] != image[mask]).mean() > 0.5
    assert np.array_equal(image, before)


def test_a_window_that_fits_gets_the_networks_own_pixels_rounded(network):
    image, mask = photo(60, 64), hole(60, 64, 20, 20, 16)
    settings = NetworkSettings(working_size_px=64, colour=False)
    filled = NetworkInpainter(network, precision="float32", settings=settings)(image, mask)
    with torch.no_grad():
        _, refined = network(images_to_tensor([image]), masks_to_tensor([mask]))
    expected = ((refined[0].permute(1, 2, 0) + 1) * 127.5).numpy()[mask]
    assert np.abs(filled[mask] - expected).max() <= 0.501


def test_a_large_window_is_shrunk_with_no_hole_colour_averaged_into_the_rest():
    image, mask = photo(150, 300), hole(150, 300, 30, 50, 75)
    image[mask] = (255, 0, 255)
    network = Constant()
    settings = NetworkSettings(working_size_px=100, context=10, detail=False, colour=False)
    filled = NetworkInpainter(network, settings=settings)(image, mask)
    images, masks, _ = network.calls[0]
    assert images.shape == (1, 3, 50, 100)
    clean = image.copy()
    clean[mask] = 0
    kept = masks[0, 0] == 0
    expected = cv2.resize(clean, (100, 50), interpolation=cv2.INTER_AREA)
    shown = torch.round((images[0].permute(1, 2, 0) + 1) * 127.5).numpy()
    assert np.array_equal(shown[kept.numpy()], expected[kept.numpy()])
    inner = hole(150, 300, 36, 56, 63)
    assert np.abs(filled[inner].astype(int) - 200).max() <= 1  # enlarged again


def test_plain_is_the_network_alone_on_the_whole_photo():
    image, mask = photo(150, 300), hole(150, 300, 30, 50, 20)
    network = Constant()
    settings = NetworkSettings(working_size_px=64, plain=True)
    inpainter = NetworkInpainter(network, settings=settings)
    filled = inpainter(image, mask)
    ((images, masks, _),) = network.calls
    assert torch.equal(images, images_to_tensor([image]))
    assert torch.equal(masks, masks_to_tensor([mask]))
    assert (filled[mask] == 200).all()
    assert np.array_equal(filled[~mask], image[~mask])
    assert "plain, the whole photo at its size" in inpainter.description


def test_how_many_numbers_were_learned():
    network = DeepFillV2(LAYOUTS["nipponjo_pt"])
    assert NetworkInpainter(network).parameters == 4_052_478
    assert load_inpainter("telea").parameters == 0


def test_detail_takes_the_texture_of_the_photo_and_the_structure_of_the_network():
    image, mask = photo(160, 160), hole(160, 160, 50, 50, 60)
    level = int(image[~mask].mean())
    fills = {}
    for detail in (True, False):
        settings = NetworkSettings(working_size_px=80, context=1, detail=detail)
        fills[detail] = NetworkInpainter(Constant(level), settings=settings)(image, mask)[55:105, 55:105]
    grain = {key: float(np.std(fill - cv2.blur(fill, (7, 7)).astype(float))) for key, fill in fills.items()}
    assert grain[False] < 2
    assert grain[True] > 6  # the photo's own is about 12
    assert abs(float(fills[True].mean()) - float(fills[False].mean())) < 8


def test_colour_evens_a_step_at_the_edge():
    image, mask = np.full((96, 96, 3), 120, np.uint8), hole(96, 96, 40, 40, 16)
    steps = {}
    for colour in (True, False):
        settings = NetworkSettings(working_size_px=128, colour=colour)
        filled = NetworkInpainter(Constant(132), settings=settings)(image, mask)
        steps[colour] = abs(float(filled[40, 40:56].mean()) - 120)
    assert steps[False] == 12
    assert steps[True] <= 0.2 * 12


def test_windows_of_one_size_go_through_the_network_together(monkeypatch):
    image = photo(100, 1000)
    mask = hole(100, 1000, 40, 60, 16) | hole(100, 1000, 40, 500, 16) | hole(100, 1000, 40, 900, 16)
    network = Constant()
    filled = NetworkInpainter(network, settings=NetworkSettings(colour=False))(image, mask)
    assert [call[0].shape[0] for call in network.calls] == [3]
    assert (filled[mask] == 200).all()
    network = Constant()
    monkeypatch.setattr(network_inpainter, "BATCH_PX", 2 * 100 * 256)
    NetworkInpainter(network, settings=NetworkSettings(colour=False))(image, mask)
    assert [call[0].shape[0] for call in network.calls] == [2, 1]


def test_what_is_protected_is_not_attended_to():
    image, mask = photo(80, 80), hole(80, 80, 30, 30, 16)
    protect = hole(80, 80, 0, 0, 20)
    network = Constant()
    NetworkInpainter(network)(image, mask, protect)
    _, masks, avoid = network.calls[0]
    assert np.array_equal(masks[0, 0].numpy() > 0, mask)
    assert np.array_equal(avoid[0, 0].numpy() > 0, mask | protect)


def test_the_same_seed_gives_the_same_pixels(network):
    image, mask = photo(160, 160), hole(160, 160, 50, 50, 60)
    fills = [NetworkInpainter(network, seed=4, settings=SMALL)(image, mask) for _ in range(2)]
    assert np.array_equal(fills[0], fills[1])


def test_bfloat16_differs_little_from_float32(network):
    image, mask = photo(100, 100), hole(100, 100, 40, 40, 24)
    fills = [
        NetworkInpainter(network, precision=precision)(image, mask)[mask].astype(float)
        for precision in ("float32", "bfloat16")
    ]
    assert 0 < np.abs(fills[0] - fills[1]).max() <= 6


@pytest.mark.parametrize(
    ("device", "has_it", "expected"),
    [
        ("cuda", True, "bfloat16"),
        ("cuda", False, "float16"),
        ("cpu", True, "bfloat16"),
        ("cpu", False, "float32"),
        ("mps", False, "float32"),
    ],
)
def test_auto_precision_is_half_where_it_helps(monkeypatch, device, has_it, expected):
    monkeypatch.setattr(precision, "has_bfloat16", lambda name: has_it)
    assert precision.choose_precision("auto", torch.device(device)) == expected


def test_float32_on_cuda_is_float32_in_full():
    switches = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [switch.allow_tf32 for switch in switches]
    with precision.arithmetic("float32", torch.device("cuda")):
        assert [switch.allow_tf32 for switch in switches] == [False, False]
    assert [switch.allow_tf32 for switch in switches] == before
    assert before[0]  # cuDNN's own default, so the switch is needed


def test_load_inpainter_builds_it_from_a_file(tmp_path, network):
    key_map = LAYOUTS["nipponjo_pt"].key_map()
    state = network.state_dict()
    path = tmp_path / "mine.pth"
    torch.save({"G": {name: state[key] for name, key in key_map.items()}}, path)
    inpainter = load_inpainter("deepfillv2", weights=str(path), device="cpu", precision="float32", seed=7)
    assert inpainter.name == "deepfillv2"
    assert inpainter.description == (
        "deepfillv2 (layout nipponjo_pt, mine.pth), float32 on cpu, "
        "at 512 px, detail and colour restored, effort normal, seed 7"
    )
    image, mask = photo(64, 64), hole(64, 64, 20, 20, 16)
    expected = NetworkInpainter(network, device="cpu", precision="float32", seed=7)(image, mask)
    assert np.array_equal(inpainter(image, mask), expected)


def test_weights_that_cannot_be_had_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("REMOVAL_OFFLINE", "1")
    options = InpainterOptions()
    reason = resolve_auto(options).reason
    assert "deepfillv2_256x256_8x2_places_20200619-10d15793.pth is not in the cache" in reason
    with pytest.raises(WeightsError, match="put it in"):
        build(record("deepfillv2"), options)
    missing = InpainterOptions(weights=tmp_path / "none.pth")
    for fail in (lambda: build(record("deepfillv2"), missing), lambda: resolve_auto(missing)):
        with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.pth, nor published weights"):
            fail()
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"no weights")
    assert resolve_auto(InpainterOptions(weights=broken)) == ("deepfillv2", "")
    with pytest.raises(CheckpointError, match=r"broken\.pth"):
        build(record("deepfillv2"), InpainterOptions(weights=str(broken)))


def test_auto_never_passes_over_weights_that_were_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("REMOVAL_OFFLINE", "1")
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        load_inpainter("auto", weights=tmp_path / "none.pth")
    with pytest.raises(WeightsError, match=r"c96e5f12\.pth is not in the cache"):
        load_inpainter("auto", weights="deepfillv2-celeba")
    assert load_inpainter("auto").name == "exemplar"


def test_load_inpainter_hands_every_option_on(tmp_path, network, monkeypatch):
    key_map = LAYOUTS["nipponjo_pt"].key_map()
    state = network.state_dict()
    path = tmp_path / "mine.pth"
    torch.save({name: state[key] for name, key in key_map.items()}, path)
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module, **options: compiled.append(options))
    inpainter = load_inpainter(
        "deepfillv2", weights=path, working_size_px=128, detail=False, colour=False, compile=True
    )
    assert inpainter.settings == NetworkSettings(
        working_size_px=128, detail=False, colour=False, compile=True
    )
    assert compiled == [{"dynamic": True}] * 5
    assert load_inpainter("deepfillv2", weights=path).settings == NetworkSettings()
    assert len(compiled) == 5


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # torch's own, while it traces
def test_compiled_branches_take_several_sizes_and_batches(network, monkeypatch):
    """Traced, but not built into machine code, which takes minutes: what counts is that it stays traced."""
    plan = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module, **o: plan(module, backend="eager", **o))
    settings = NetworkSettings(working_size_px=128, compile=True, detail=False)
    compiled = NetworkInpainter(copy.deepcopy(network), precision="float32", settings=settings)
    eager = NetworkInpainter(network, precision="float32", settings=replace(settings, compile=False))
    with torch._dynamo.config.patch(fail_on_recompile_limit_hit=True):
        for height, width, count in [(64, 64, 1), (96, 80, 1), (72, 72, 2)]:
            images, masks = [photo(height, width)] * count, [hole(height, width, 20, 24, 16)] * count
            fills = [each.fill_windows(images, masks, [None] * count) for each in (compiled, eager)]
            for ours, theirs in zip(*fills, strict=True):
                assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_wrong_settings_are_refused(network):
    with pytest.raises(ValueError, match="working_size_px of at least 64, got 8"):
        NetworkSettings(working_size_px=8)
    with pytest.raises(ValueError, match="context of 0 or more, got -1"):
        NetworkSettings(context=-1)
    with pytest.raises(ValueError, match="a CUDA device for float16, got cpu"):
        NetworkInpainter(network, device="cpu", precision="float16")
    with pytest.raises(ValueError, match="precision of auto, float32, bfloat16, float16, got 'int8'"):
        NetworkInpainter(network, precision="int8")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU")
def test_a_gpu_that_is_not_there_is_refused(network):
    with pytest.raises(ValueError, match="no device 'cuda'"):
        NetworkInpainter(network, device="cuda")


def test_a_network_of_one_size_sees_no_more_and_detail_brings_the_rest():
    image, mask = photo(160, 160), hole(160, 160, 60, 60, 40)
    network = Constant(int(image[~mask].mean()))
    network.size_px = 64
    inpainter = NetworkInpainter(network, precision="float32", seed=3)
    filled = inpainter(image, mask)
    assert [call[0].shape for call in network.calls] == [(1, 3, 64, 64)]
    assert inpainter.description == (
        "constant (layout flat, given network), float32 on cpu, at 64 px, detail and colour restored, "
        "effort normal, seed 3"
    )
    grain = filled[65:95, 65:95]
    assert np.std(grain - cv2.blur(grain, (7, 7)).astype(float)) > 6  # the photo's own is about 12
    small = NetworkInpainter(Constant(), device="cpu", settings=SMALL)
    assert small.limit_px == SMALL.working_size_px
