import numpy as np
import pytest
import torch

from inpaint import InpainterOptions, build_inpainter, load_inpainter
from inpaint.checkpoints import save_network
from inpaint.networks.edge_prediction import EdgePredictor
from inpaint.networks.reconstruction import Reconstructor
from inpaint.reconstruction_inpainter import (
    ReconstructionInpainter,
    RepairSettings,
    tiles,
)

DRAWN = 150  # grey level


class Draws(torch.nn.Module):
    """Stands in for the network: it draws one grey, and remembers what it was shown."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def forward(self, images, maps, edges):
        self.shown.append((images.clone(), maps.clone(), edges.clone()))
        return (torch.lerp(images, torch.full_like(images, DRAWN / 127.5 - 1), maps),)


class NoEdges(torch.nn.Module):
    def edges(self, images, canny, masks):
        return torch.full_like(masks, 0.25)


def inpainter(**settings):
    return ReconstructionInpainter(
        Draws(),
        NoEdges(),
        device="cpu",
        precision="float32",
        settings=RepairSettings(**{"colour": False, **settings}),
    )


@pytest.fixture
def image(rng):
    return rng.integers(0, 120, (90, 130, 3), np.uint8)


def hole(top, left, bottom, right, *, size=(90, 130)):
    mask = np.zeros(size, bool)
    mask[top:bottom, left:right] = True
    return mask


def test_a_hole_is_filled_and_nothing_else_touched(image):
    mask, before = hole(20, 30, 50, 70), image.copy()
    filled = inpainter()(image, mask)
    assert (filled[mask] == DRAWN).all()
    assert np.array_equal(filled[~mask], before[~mask])
    assert np.array_equal(image, before)


def test_a_faint_speck_keeps_what_is_left_and_one_that_is_gone_is_filled_from_around(image):
    image[:] = 40
    mask = hole(20, 30, 24, 34) | hole(60, 30, 64, 34)
    image[60:64, 30:34] = 250
    level = np.where(hole(20, 30, 24, 34), np.float32(0.2), mask.astype(np.float32))
    repaired = inpainter().repair(image, mask, level).image
    assert np.abs(repaired[20:24, 30:34].astype(float) - (40 * 0.8 + DRAWN * 0.2)).max() <= 1
    assert np.abs(repaired[60:64, 30:34].astype(int) - 40).max() <= 3  # Telea rounds


def test_a_wide_faint_band_does_not_shrink_the_window(image):
    chosen = inpainter(tile_px=64)
    mask = np.ones(image.shape[:2], bool)
    chosen.repair(image, mask, np.full(mask.shape, 0.4, np.float32))
    assert {shown.shape[-2:] for shown, _, _ in chosen.network.shown} == {(64, 64)}
    assert len(chosen.network.shown) > 4


def test_partly_destroyed_pixels_keep_what_is_left(image):
    mask = hole(20, 30, 50, 70)
    level = np.where(mask, np.float32(0.25), np.float32(0.9))  # outside the mask it counts as 0
    repaired = inpainter().repair(image, mask, level).image
    expected = np.rint(image * 0.75 + DRAWN * 0.25)
    assert np.abs(repaired[mask].astype(float) - expected[mask]).max() <= 1
    assert np.array_equal(repaired[~mask], image[~mask])


def test_the_networks_see_photo_level_and_joined_edges(image):
    chosen, mask = inpainter(), hole(20, 30, 50, 70)
    edges = chosen.repair(image, mask, mask * np.float32(0.5)).edges
    ((images, maps, joined),) = chosen.network.shown
    assert images.shape[0] == 1
    assert images.shape[2:] == maps.shape[2:] == joined.shape[2:]
    assert set(maps.unique().tolist()) == {0, 0.5}
    assert int((maps > 0).sum()) == mask.sum()
    inner = joined[maps > 0]
    assert torch.allclose(inner, torch.tensor(0.125))  # half of what was predicted, and no edge of Canny's
    assert set(joined[maps == 0].unique().tolist()) <= {0, 1}
    assert edges.dtype == np.float32
    assert np.allclose(edges[mask], 0.125)


def test_tiles_with_damage_are_worked_on_and_no_others(rng):
    image = rng.integers(0, 120, (100, 400, 3), np.uint8)
    chosen, mask = inpainter(tile_px=64), hole(45, 5, 52, 395, size=(100, 400))
    mask[45:52, 150:250] = False
    filled = chosen(image, mask)
    assert (filled[mask] == DRAWN).all()
    assert np.array_equal(filled[~mask], image[~mask])
    assert all(shown[0].shape[2:] == (64, 64) for shown in chosen.network.shown)
    count = len(chosen.network.shown)
    assert 2 <= count < len(list(tiles(100, 400, 64)))


@pytest.mark.parametrize(
    ("height", "width", "side"), [(64, 64, 64), (50, 300, 64), (200, 130, 64), (65, 1, 64)]
)
def test_tiles_cover_every_pixel_once_and_fade_into_one_another(height, width, side):
    times, weight = np.zeros((height, width), int), np.zeros((height, width))
    for inside, core, fade in tiles(height, width, side):
        assert fade.shape == (min(side, height), min(side, width))
        assert 0 < fade.min() <= fade.max() <= 1
        for whole, part in zip(inside, core, strict=True):
            assert whole.start <= part.start < part.stop <= whole.stop
        times[core] += 1
        weight[inside] += fade
    assert (times == 1).all()
    assert weight.min() > 0.5
    assert np.isclose(weight[0, 0], 1)


def test_where_tiles_overlap_one_fades_into_the_other():
    first, second = tiles(1, 120, 64)
    assert (first[0][1], second[0][1]) == (slice(0, 64), slice(56, 120))
    assert (first[1][1], second[1][1]) == (slice(0, 60), slice(60, 120))
    assert np.allclose(first[2][0, 56:], np.arange(8, 0, -1) / 9)
    assert np.allclose(first[2][0, 56:] + second[2][0, :8], 1)


def test_a_window_of_too_many_pixels_is_shrunk(rng):
    image = rng.integers(0, 120, (200, 200, 3), np.uint8)
    mask = hole(0, 0, 200, 200, size=(200, 200))
    mask[::4] = False
    chosen = inpainter(tile_px=64, most_px=100 * 100)
    repaired = chosen.repair(image, mask, mask.astype(np.float32)).image
    assert np.array_equal(repaired[~mask], image[~mask])
    for _, maps, _ in chosen.network.shown:
        assert set(maps.unique().tolist()) == {0.5, 1}  # rows of 3 of 4, two by two
    # What is enlarged mixes rows of which the network drew half and all.
    assert 130 < repaired[mask].mean() < DRAWN


def test_a_wide_hole_is_seen_whole(rng):
    image = rng.integers(0, 120, (400, 400, 3), np.uint8)
    mask = hole(100, 100, 300, 300, size=(400, 400))
    chosen = inpainter(tile_px=64)
    filled = chosen(image, mask)
    assert np.abs(filled[mask].astype(int) - DRAWN).mean() < 3
    for _, maps, _ in chosen.network.shown:
        assert (maps == 0).any()


def test_an_empty_mask_gives_a_copy(image):
    mask = np.zeros(image.shape[:2], bool)
    result = inpainter().repair(image, mask, np.ones(mask.shape, np.float32))
    assert np.array_equal(result.image, image)
    assert result.image is not image
    assert not result.edges.any()


def test_all_of_a_photo_may_be_partly_destroyed(image):
    mask, level = np.ones(image.shape[:2], bool), np.full(image.shape[:2], 0.5, np.float32)
    repaired = inpainter().repair(image, mask, level).image
    assert np.abs(repaired - (image * 0.5 + DRAWN * 0.5)).max() <= 1
    with pytest.raises(ValueError, match="something is left"):
        inpainter().repair(image, mask, np.ones(mask.shape, np.float32))


def test_specks_are_filled(image):
    image[:] = 100
    mask = hole(40, 40, 42, 43)
    image[mask] = 255
    result = inpainter().repair(image, mask, mask.astype(np.float32)).image
    assert np.abs(result.astype(int) - 100).max() <= 1


def test_colour_steps_are_evened():
    image = np.full((90, 130, 3), 140, np.uint8)
    mask = hole(20, 30, 50, 70)
    step = np.abs(inpainter(colour=True)(image, mask)[mask].astype(int) - 140)
    assert step.max() <= 1  # and without it 10


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"image": np.zeros((9, 9, 3), np.float32)}, TypeError, "image of dtype uint8"),
        ({"image": np.zeros((9, 9), np.uint8)}, ValueError, r"\(H, W, 3\)"),
        ({"mask": np.zeros((9, 9), np.uint8)}, TypeError, "mask as a bool array"),
        ({"mask": np.zeros((9, 8), bool)}, ValueError, r"mask of the image's size \(9, 9\)"),
        ({"level": np.zeros((9, 9))}, TypeError, "level as a float32 array"),
        ({"level": np.zeros((8, 9), np.float32)}, ValueError, r"level of shape \(9, 9\)"),
        ({"level": np.full((9, 9), 2, np.float32)}, ValueError, r"level in \[0, 1\]"),
    ],
)
def test_bad_arguments(change, error, message):
    arguments = {
        "image": np.zeros((9, 9, 3), np.uint8),
        "mask": np.zeros((9, 9), bool),
        "level": np.zeros((9, 9), np.float32),
    }
    with pytest.raises(error, match=message):
        inpainter().repair(**(arguments | change))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"tile_px": 63}, "tile_px of at least 64"), ({"most_px": 99}, "at least a tile's")],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        RepairSettings(**settings)


@pytest.fixture
def files(tmp_path):
    networks = (Reconstructor(width=1 / 12), EdgePredictor(width=1 / 32))
    return [save_network(network, tmp_path / f"{network.name}.safetensors") for network in networks]


def test_it_is_built_by_its_name(files, image):
    options = InpainterOptions(
        device="cpu", precision="float32", blind_weights=tuple(files), working_size_px=128
    )
    chosen = build_inpainter("reconstruction", options)
    assert chosen.description == (
        "reconstruction (reconstruction.safetensors, edge-prediction.safetensors), float32 on cpu, "
        "at 128 px, colour restored"
    )
    assert chosen.parameters > 1000
    mask = hole(20, 30, 50, 70)
    filled = chosen(image, mask)
    assert np.array_equal(filled[~mask], image[~mask])
    assert not np.array_equal(filled[mask], image[mask])
    assert np.array_equal(chosen(image, mask), filled)


def test_the_networks_alone(files):
    chosen = build_inpainter(
        "reconstruction",
        InpainterOptions(device="cpu", precision="float32", blind_weights=tuple(files), plain=True),
    )
    assert isinstance(chosen, ReconstructionInpainter)
    assert (chosen.settings.tile_px > 10_000, chosen.settings.colour) == (True, False)


def test_a_file_of_another_network_is_refused(files):
    with pytest.raises(ValueError, match="expected weights of reconstruction"):
        build_inpainter("reconstruction", InpainterOptions(blind_weights=tuple(files), weights=files[1]))
    with pytest.raises(ValueError, match="one file for reconstruction"):
        build_inpainter("reconstruction", InpainterOptions(blind_weights=tuple(files), weights=files[0]))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_inpainter("reconstruction", weights="nowhere")
