"""The real command on small data sets."""

import json
import subprocess
import sys

import pytest

from inpaint.checkpoints import save_network
from inpaint.formats import build_network

TASK = ("--images", "photos", "--holes", "holes")


def trained(path, name):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_network(build_network(name, {"width": 0.05}), path)


def test_two_networks_of_one_name_and_a_classical_one(invoke, holes_set, tmp_path):
    for run in ("a", "b"):
        trained(tmp_path / f"runs/{run}/weights.safetensors", "deepfillv2")
    words = (*TASK, "telea", "deepfillv2=runs/a/weights.safetensors",
             "deepfillv2=runs/b/weights.safetensors", "--size", "32", "--plain")  # fmt: skip
    result = invoke("compare", *words)
    assert result.exit_code == 0, result.output
    assert "2 photos worked on, 0 done by an earlier run; see comparison/table.md" in result.stdout
    content = json.loads((tmp_path / "comparison/results.json").read_text())
    labels = [row["inpainter"] for row in content["rows"]]
    assert labels == ["telea", "deepfillv2 a/weights", "deepfillv2 b/weights"]
    assert all("plain" in content["models"][f"inpainter {label}"] for label in labels[1:])
    assert list(json.loads((tmp_path / "comparison/config.json").read_text()))[:2] == ["kind", "settings"]
    assert (tmp_path / "comparison/sheet.jpg").read_bytes()[:2] == b"\xff\xd8"
    again = invoke("compare", *words)
    assert again.exit_code == 0
    assert "0 photos worked on, 2 done by an earlier run" in again.stdout
    other = invoke("compare", *words, "--seed", "1")
    assert other.exit_code == 2
    assert "seed changed" in other.stderr
    assert invoke("compare", *words, "--seed", "1", "--overwrite").exit_code == 0


def test_photos_that_cannot_be_read_or_have_no_hole_are_named(invoke, holes_set, tmp_path):
    (tmp_path / "holes/2.png").unlink()
    (tmp_path / "photos/broken.jpg").write_bytes(b"no photo")
    (tmp_path / "holes/broken.png").write_bytes((tmp_path / "holes/1.png").read_bytes())
    result = invoke("compare", *TASK, "telea")
    assert result.exit_code == 1
    assert "Left out: 2.png: no holes for it in 'holes'" in result.stderr
    assert "Left out: broken.jpg: " in result.stderr
    text = (tmp_path / "comparison/table.md").read_text()
    assert text.count("\n| telea |") == 1
    assert "Photos: 1;" in text
    assert "Left out: 2 photos" in text


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ((*TASK, "magic"), 2, "expected one of auto, deepfillv2, lama"),
        ((*TASK, "telea=w.pth"), 2, "telea has no weights"),
        ((*TASK, "telea", "telea"), 2, "twice"),
        ((*TASK, "glcic="), 2, "[LABEL:]NAME[=WEIGHTS]"),
        (("--images", "photos", "telea"), 2, "--holes: say what is to be filled"),
        ((*TASK, "--damage", "box", "telea"), 2, "--holes: say what is to be filled"),
        (("--images", "photos", "--damage", "wear", "telea"), 2, "got wear"),
        ((*TASK, "glcic=none.pth"), 1, "there is no file none.pth"),
        ((*TASK, "autoencoder"), 1, "no weights of the autoencoder are published"),
        ((*TASK, "telea", "glcic=other.safetensors"), 1, "other.safetensors: no GLCIC generator"),
        ((*TASK, "--out", "photos/run", "telea"), 2, "lies in the folder of the photos"),
    ],
)
def test_bad_input_is_told_in_one_line(invoke, holes_set, tmp_path, words, status, message):
    trained(tmp_path / "other.safetensors", "autoencoder")
    result = invoke("compare", *words)
    assert result.exit_code == status, result.output
    told = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert len(told) == 1
    assert message in told[0]
    assert not (tmp_path / "comparison").exists()


def test_methods_must_be_named(invoke, holes_set):
    result = invoke("compare", *TASK)
    assert result.exit_code == 2
    assert "[LABEL:]NAME[=WEIGHTS]" in result.stderr


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from removal.cli.main import cli; cli(['compare', '--help'], standalone_mode=False);"
        "print('loaded', {'torch', 'cv2', 'numba', 'PIL', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded set()"


def test_blind_rows_stand_beside_those_that_know_the_damage(invoke, holes_set, tmp_path):
    words = ("--images", "photos", "--damage", "scratches", "--blind", "telea", "navier-stokes")
    assert invoke("compare", *words).exit_code == 0
    content = json.loads((tmp_path / "comparison/results.json").read_text())
    rows = [(row["mask_source"], row["inpainter"]) for row in content["rows"]]
    assert rows == [(source, name) for source in ("holes", "blind") for name in ("telea", "navier-stokes")]
    other = invoke("compare", *words, "--threshold", "0.3")
    assert other.exit_code == 2
    assert "threshold changed" in other.stderr
    without = invoke("compare", *TASK, "--blind", "telea", "-o", "other")
    assert without.exit_code == 2
    assert "--damage: a blind row finds damage, not holes" in without.stderr
