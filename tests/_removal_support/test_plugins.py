"""Models of other distributions, from a tiny package in a temporary folder to the real command."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from _removal_support.plugins import PluginError, load_plugin, plugin_names

INPAINTER = """
import numpy as np
from inpaint import Inpainter, InpainterRecord


class Green(Inpainter):
    name = "green"
    description = "green paint"

    def fill(self, image, mask, protect):
        return np.broadcast_to(np.array([0, 200, 0], np.uint8), image.shape).copy()


RECORD = InpainterRecord("green", lambda options: Green(), fills="anything, with green")


def builder(options):
    return Green()
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A function that writes a distribution with entry points into a folder on the path."""
    from _removal_support.plugins import _found

    site = tmp_path / "site"

    def write(name: str, module: str, entries: str) -> None:
        site.mkdir(exist_ok=True)
        (site / f"{name}.py").write_text(module)
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entries)

    monkeypatch.syspath_prepend(str(site))
    _found.cache_clear()
    yield write
    _found.cache_clear()


def test_the_command_fills_with_the_inpainter_of_another_distribution(install, tmp_path):
    install("green_fill", INPAINTER, "[removal.inpainters]\ngreen = green_fill:RECORD\n")
    ground = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(ground).save(tmp_path / "photo.png")
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 20:40] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    words = ["--masks", "mask.png", "--no-refine", "--inpainter", "green", "photo.png", "-o", "out.png"]
    paths = [str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")]), *sys.path]
    done = subprocess.run(
        [sys.executable, "-m", "removal.cli.start", *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = np.asarray(Image.open(tmp_path / "out.png"))
    assert (result[mask > 0] == (0, 200, 0)).all()
    assert np.array_equal(result[mask == 0], ground[mask == 0])


def test_a_builder_alone_is_enough_and_names_are_listed(install):
    from inpaint import inpainter_names, load_inpainter

    install("green_two", INPAINTER, "[removal.inpainters]\nverdant = green_two:builder\n")
    assert "verdant" in inpainter_names()
    image, mask = np.zeros((8, 8, 3), np.uint8), np.eye(8, dtype=bool)
    assert (load_inpainter("verdant")(image, mask)[mask] == (0, 200, 0)).all()


def test_a_name_of_ours_is_not_taken(install):
    from inpaint import load_inpainter

    install("green_three", INPAINTER, "[removal.inpainters]\ntelea = green_three:RECORD\n")
    with pytest.raises(PluginError, match=r"green_three 1\.0 takes 'telea', a name of ours"):
        load_inpainter("telea")
    assert load_inpainter("navier-stokes").name == "navier-stokes"


def test_two_distributions_of_one_name_are_both_named(install):
    for name in ("one_green", "two_green"):
        install(name, INPAINTER, f"[removal.inpainters]\ngreen = {name}:RECORD\n")
    with pytest.raises(PluginError, match=r"one_green 1\.0 and two_green 1\.0 both register it"):
        load_plugin("removal.inpainters", "green", taken=())


def test_a_broken_one_is_named_and_breaks_no_other(install):
    from segment import load_segmenter, segmenter_names

    install("broken", "raise RuntimeError('no\\nluck')", "[removal.segmenters]\nbroken = broken:X\n")
    assert "broken" in segmenter_names()
    with pytest.raises(PluginError, match=r"'broken' of broken 1\.0 cannot be imported: RuntimeError"):
        load_segmenter("broken")
    assert load_segmenter("builtin").name == "builtin"
    install("number", "X = 5", "[removal.segmenters]\nnumber = number:X\n")


def test_what_is_no_record_is_refused(install):
    from segment import load_segmenter

    install("number", "X = 5", "[removal.segmenters]\nnumber = number:X\n")
    with pytest.raises(PluginError, match="expected a SegmenterRecord or a builder as 'number', got int"):
        load_segmenter("number")
    assert plugin_names("removal.segmenters") == ("number",)
