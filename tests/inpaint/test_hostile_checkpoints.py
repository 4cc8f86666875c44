"""Files of weights that claim more than they are, or wrap what they hold in unusual names."""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from inpaint.checkpoints import CheckpointError, check, load_network
from inpaint.formats import FORMATS, build_network
from inpaint.networks.glcic import GLCIC

KNOWN = next(known for known in FORMATS if known.network == "glcic")
WIDTH = 0.125


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    ours = GLCIC().state_dict()
    return {name: ours[key].clone() for name, key in KNOWN.key_map.items()}


@pytest.fixture
def first(published) -> str:
    return next(name for name, value in published.items() if value.ndim == 4)


def of_ours(path, options, **metadata) -> None:
    notes = {"format": "glcic", "layout": "ours", "options": options} | metadata
    save_file({"a": torch.zeros(1)}, path, metadata=notes)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"netG": state, "optimG": {"state": {}}},
        lambda state: {"model": state, "epoch": 3},
        lambda state: {"params": state},
        lambda state: {"params_ema": state, "params": {"other": torch.zeros(1)}},
        lambda state: {"model_state_dict": state},
        lambda state: {"gen": state},
        lambda state: {"weights": state},
        lambda state: {f"_orig_mod.{name}": value for name, value in state.items()},
        lambda state: {f"model.{name}": value for name, value in state.items()},
        lambda state: {"state_dict": {f"netG.module.{name}": value for name, value in state.items()}},
    ],
)
def test_the_wrappers_of_common_training_codes_are_taken_off(published, wrap):
    loaded = load_network(wrap(published), "glcic").state_dict()
    assert all(torch.equal(loaded[key], published[name]) for name, key in KNOWN.key_map.items())


def test_a_refused_pickle_names_the_class_and_the_way_to_convert_it(tmp_path, published):
    path = tmp_path / "args.pth"
    torch.save({"state_dict": published, "args": argparse.Namespace(lr=1)}, path)
    with pytest.raises(
        CheckpointError, match=r"it holds argparse\.Namespace.*torch\.save\(torch\.load\('args"
    ):
        check(path)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda shape: torch.zeros(1).expand(60000, 60000), r"of shape \(60000, 60000\) instead of"),
        (lambda shape: torch.zeros(1).expand(10**7, 10**7), r"instead of"),
        (lambda shape: torch.zeros(shape, device="meta"), "sparse, quantised or empty"),
        (lambda shape: torch.zeros(shape).to_sparse(), "sparse, quantised or empty"),
        (lambda shape: torch.zeros(shape).to(torch.float8_e4m3fn), "got torch.float8_e4m3fn"),
        (lambda shape: torch.zeros(shape, dtype=torch.complex64), "got torch.complex64"),
    ],
)
def test_a_tensor_is_looked_at_before_it_is_computed_with(tmp_path, published, first, make, said):
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": published | {first: make(tuple(published[first].shape))}}, path)
    with pytest.raises(CheckpointError, match=said):
        check(path)


@pytest.mark.parametrize(
    "options",
    [
        '{"width": 8}',
        '{"width": NaN}',
        '{"width": "a"}',
        '{"width": [1]}',
        '{"width": 1' + "0" * 400 + "}",
        "[" * 100_000,
        '{"generator": 5}',
        '{"self": 5}',
        '{"layout": "x"}',
        "[]",
        "{",
    ],
)
def test_options_that_build_no_network_of_ours_are_refused(tmp_path, options):
    path = tmp_path / "weights.safetensors"
    of_ours(path, options)
    with pytest.raises(CheckpointError, match=r"its metadata (name no network|build no glcic)"):
        check(path)


def test_a_layout_that_is_no_name_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    of_ours(path, json.dumps({"layout": ["x"]}), format="deepfillv2")
    with pytest.raises(CheckpointError, match="expected plain options, got 'layout' as list"):
        check(path)


def test_headers_that_cannot_be_right_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes((3 << 30).to_bytes(8, "little") + b'{"a":1}')
    with pytest.raises(CheckpointError, match="damaged"):
        check(path)
    path.write_bytes((5 << 20).to_bytes(8, "little") + b"{" + b" " * (5 << 20))
    with pytest.raises(
        CheckpointError, match="expected a header of at most 4,194,304 bytes, got one of 5,242,880"
    ):
        check(path)


def test_a_compressed_archive_is_refused_before_it_is_unpacked(tmp_path):
    plain = io.BytesIO()
    torch.save({"a": torch.zeros(1_000_000)}, plain)
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry.filename))
    with pytest.raises(CheckpointError, match=r"got one whose .* bytes unpack to 4,0"):
        check(path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.pth")
    with pytest.raises(CheckpointError, match="no regular file"):
        check(tmp_path / "pipe.pth")


def test_a_tiny_file_of_giants_costs_no_memory(tmp_path, published, first):
    """The whole command under an address space that the 11.6 GB of the old check do not fit in."""
    path = tmp_path / "tiny.pth"
    torch.save({"state_dict": published | {first: torch.zeros(1).expand(50000, 50000)}}, path)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))

    code = "import sys; from inpaint.checkpoints import check; check(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        preexec_fn=limited,
        check=False,
    )
    assert "CheckpointError" in done.stderr.splitlines()[-1], done.stderr[-500:]
    assert "of shape (50000, 50000) instead of" in done.stderr


def test_what_is_left_of_the_narrow_network_loads(tmp_path):
    path = tmp_path / "narrow.safetensors"
    state = {
        k: v
        for k, v in build_network("glcic", {"width": WIDTH}).state_dict().items()
        if v.is_floating_point()
    }
    notes = {"format": "glcic", "layout": "ours", "options": json.dumps({"width": WIDTH})}
    save_file(state, path, metadata=notes)
    assert load_network(path, "glcic").options["width"] == WIDTH
