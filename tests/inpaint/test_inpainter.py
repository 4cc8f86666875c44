import os
import subprocess
import sys

import numpy as np
import pytest

import inpaint
from _removal_support.orders import ConfigError
from _removal_support.pretrained import PretrainedWeights, WeightsError
from inpaint.inpainter import Inpainter, NothingLeftError, WindowInpainter, check_inputs
from inpaint.record import InpainterRecord
from inpaint.registry import inpainter_names, load_inpainter, register, resolve_auto

OURS = ("exemplar", "telea", "navier-stokes")


class Grey(WindowInpainter):
    """Fills with one grey and remembers what it was shown."""

    name = "grey"
    description = "one grey"
    even_seams = False

    def __init__(self) -> None:
        self.shown: list[tuple[np.ndarray, np.ndarray, np.ndarray | None]] = []

    def fill_window(self, image, mask, protect):
        self.shown.append((image, mask, protect))
        return np.full_like(image, 77)


def photo(rng, height=60, width=80):
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def square(height=60, width=80):
    mask = np.zeros((height, width), bool)
    mask[20:40, 30:50] = True
    return mask


def test_only_the_hole_changes_and_arguments_are_not_written(rng):
    image, mask = photo(rng), square()
    kept = image.copy()
    image.setflags(write=False)
    mask.setflags(write=False)
    filled = Grey()(image, mask)
    assert filled.dtype == np.uint8
    assert filled.shape == (60, 80, 3)
    assert (filled[mask] == 77).all()
    assert np.array_equal(filled[~mask], kept[~mask])
    assert np.array_equal(image, kept)
    assert filled.flags.writeable


def test_arrays_in_any_memory_order_work(rng):
    image, mask = photo(rng, 120, 160)[::2, ::2], square().T.copy().T
    filled = Grey()(image, mask)
    assert (filled[mask] == 77).all()
    assert np.array_equal(filled[~mask], image[~mask])


def test_an_empty_mask_gives_a_copy(rng):
    image = photo(rng)
    inpainter = Grey()
    filled = inpainter(image, np.zeros((60, 80), bool))
    assert np.array_equal(filled, image)
    assert not np.shares_memory(filled, image)
    assert inpainter.shown == []


def test_a_repair_fills_the_mask_whatever_is_left_of_it(rng):
    image, mask = photo(rng), square()
    level = mask.astype(np.float32) * np.float32(0.3)
    repaired = Grey().repair(image, mask, level)
    assert np.array_equal(repaired.image, Grey()(image, mask))
    assert repaired.edges is None
    with pytest.raises(NothingLeftError, match="all of the photo was found damaged"):
        Grey().repair(image, np.ones_like(mask), level)
    with pytest.raises(TypeError, match="image as a uint8 array, got list"):
        Grey().repair([[0]], mask, level)
    with pytest.raises(TypeError, match="mask as a bool array, got uint8"):
        Grey().repair(image, mask.astype(np.uint8), level)
    with pytest.raises(TypeError, match="mask as a bool array"):
        Grey().repair(image, None, level)
    with pytest.raises(ValueError, match=r"mask of the image's size \(60, 80\)"):
        Grey().repair(image, mask[:-1], level)
    with pytest.raises(TypeError, match="level as a float32 array, got float64"):
        Grey().repair(image, mask, level.astype(float))
    with pytest.raises(ValueError, match=r"level of shape \(60, 80\)"):
        Grey().repair(image, mask, level[:-1])


def test_protect_is_handed_on_and_dropped_where_nothing_would_be_left(rng):
    image, mask = photo(rng), square()
    protect = np.zeros_like(mask)
    protect[:, :10] = True
    inpainter = Grey()
    inpainter(image, mask, protect)
    assert inpainter.shown[0][2].sum() == protect.sum()
    inpainter(image, mask, ~mask)
    assert inpainter.shown[1][2] is None


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([[0]], np.zeros((1, 1), bool)), TypeError, "expected image as a uint8 array, got list"),
        ((np.zeros((4, 4, 3)), np.zeros((4, 4), bool)), TypeError, "got float64"),
        ((np.zeros((4, 4), np.uint8), np.zeros((4, 4), bool)), ValueError, r"\(H, W, 3\), got \(4, 4\)"),
        ((np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8)), TypeError, "mask of dtype bool"),
        ((np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5), bool)), ValueError, r"\(4, 4\), got \(4, 5\)"),
        ((np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), bool)), ValueError, "covers all of it"),
        (
            (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), bool), np.zeros((3, 4), bool)),
            ValueError,
            "expected protect",
        ),
        ((np.zeros((0, 4, 3), np.uint8), np.zeros((0, 4), bool)), ValueError, "expected image"),
    ],
)
def test_what_breaks_the_contract_is_named(arguments, error, words):
    with pytest.raises(error, match=words):
        check_inputs(*arguments)
    with pytest.raises(error, match=words):
        Grey()(*arguments)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"auto.*exemplar.*telea.*got 'photoshop'"):
        load_inpainter("photoshop")


def test_a_name_is_taken_once_and_auto_never():
    with pytest.raises(ValueError, match="'telea' is taken"):
        register("telea", lambda options: Grey())
    with pytest.raises(ValueError, match="'auto' is taken"):
        register("auto", lambda options: Grey())


def test_auto_takes_the_first_that_can_run_and_says_why(monkeypatch, tmp_path):
    import inpaint.registry as registry

    def weights(name: str) -> PretrainedWeights:
        return PretrainedWeights(name, f"{name}.pth", "http://localhost:9/", None, "", "", "", "")

    def network(name: str) -> InpainterRecord:
        return InpainterRecord(
            name, lambda o: Grey(), is_network=True, weights=(weights(name),), default_weights=name
        )

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("REMOVAL_OFFLINE", "1")
    plain = InpainterRecord("plain", lambda o: Grey())
    records = {"asked": network("asked"), "other": network("other"), "plain": plain}
    monkeypatch.setattr(registry, "INPAINTERS", records)
    monkeypatch.setattr(registry, "FETCHED_BY_AUTO", ("asked",))
    monkeypatch.setattr(registry, "AUTO_ORDER", ("asked", "other", "plain"))
    name, reason = resolve_auto()
    assert name == "plain"
    assert "asked.pth is not in the cache and REMOVAL_OFFLINE is set" in reason
    assert reason.endswith("other.pth is not in the cache; `remove weights fetch other` fetches it")
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (cache / "other.pth").write_bytes(b"x")
    assert resolve_auto().name == "other"
    monkeypatch.setenv("REMOVAL_INPAINTER", "plain, asked")
    assert resolve_auto() == ("plain", "")
    monkeypatch.setenv("REMOVAL_INPAINTER", "asked")
    with pytest.raises(WeightsError, match=r"none of asked can run here: asked\.pth is not in the cache"):
        resolve_auto()
    monkeypatch.setenv("REMOVAL_INPAINTER", "photoshop")
    with pytest.raises(ConfigError, match="names out of asked, other, plain, got photoshop"):
        resolve_auto()


def test_auto_and_the_records_load_nothing_heavy(tmp_path):
    code = (
        "import sys; from inpaint import resolve_auto; from segment.registry import resolve_auto as find; "
        "print(resolve_auto().name, find()[0].name, sorted({'torch', 'torchvision'} & set(sys.modules)))"
    )
    environment = os.environ | {"TORCH_HOME": str(tmp_path), "REMOVAL_OFFLINE": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert ran.stdout.split(maxsplit=2) == ["exemplar", "builtin", "[]\n"]


@pytest.mark.parametrize("name", OURS)
def test_each_inpainter_keeps_the_contract(name, rng):
    image, mask = photo(rng), square()
    mask[0, 0] = True  # a speck
    inpainter = load_inpainter(name)
    assert isinstance(inpainter, Inpainter)
    assert inpainter.name == name
    assert inpainter.description
    image.setflags(write=False)
    filled = inpainter(image, mask)
    assert np.array_equal(filled[~mask], image[~mask])
    assert not np.array_equal(filled[mask], image[mask])
    assert np.array_equal(filled, load_inpainter(name)(image, mask))


def test_names_are_listed_and_exported():
    assert inpainter_names()[0] == "auto"
    assert set(OURS) <= set(inpainter_names())
    assert inpaint.load_inpainter is load_inpainter
    with pytest.raises(AttributeError, match="no attribute 'erase'"):
        inpaint.erase  # noqa: B018


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, inpaint; inpaint.load_inpainter; "
        "print(sorted({'torch', 'cv2', 'numba'} & set(sys.modules)))"
    )
    root = os.path.dirname(os.path.dirname(inpaint.__file__))
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": root}
    )
    assert ran.stdout.strip() == "[]"
