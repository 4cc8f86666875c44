"""A Ray cluster of two workers on this machine."""

import json
import logging
import shutil
import socket
import tempfile
import textwrap
from collections import Counter
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

if find_spec("ray") is None:
    pytest.skip("needs the extra removal[cluster]", allow_module_level=True)

from removal.batch.jobs import Job, Outcome
from removal.batch.run import run
from removal.batch.work import Task
from removal.cli.main import cli
from removal.cluster.engine import (
    Crew,
    RayEngine,
    assignments_of,
    crew_for,
    first_line,
    groups,
    quiet_ray,
    silence,
    without_stderr,
)
from removal.cluster.paths import path_from, store
from removal.cluster.worker import ATTEMPTS, Assignment, Ledger, PhotoWorker, local_job
from removal.errors import PlanError, RunError
from removal.options import RunOptions

pytestmark = pytest.mark.slow  # starts processes of its own

HEIGHT, WIDTH = 60, 80
# A file system on which reading some photos ends the process as a lack of memory would: "killer" the first
# time, "poison" each time.
DEADLY = """
    import os, pathlib, signal
    from fsspec.implementations.local import LocalFileSystem

    class Deadly(LocalFileSystem):
        protocol = "deadly"

        @classmethod
        def _strip_protocol(cls, path):
            return path.removeprefix("deadly://photos")

        def get_file(self, path, local, **options):
            super().get_file(path, local, **options)
            died = pathlib.Path(path + ".died")
            if "poison" in path or ("killer" in path and not died.exists()):
                with died.open("a") as file:
                    file.write("x")
                os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def invoke(monkeypatch, tmp_path):
    """Runs the real command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(cli, [str(arg) for arg in args])


def command_error(invoke, *args):
    result = invoke("--masks", "masks", "--engine", "ray", *args)
    (line,) = result.stderr.splitlines()
    return result.exit_code, line


def test_a_cluster_that_does_not_answer_is_one_line(invoke, tmp_path):
    """Before there is a cluster that answers: Ray is connected to one at a time."""
    draw(tmp_path, ["a.png"])
    status, line = command_error(invoke, "in", "-o", "out", "--ray-address", "127.0.0.1:9")
    assert (status, line) == (1, "Error: no Ray cluster at 127.0.0.1:9: Connection refused")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Ray on this machine with two processors, whose processes know `deadly://`."""
    modules = tmp_path_factory.mktemp("modules")
    (modules / "deadly.py").write_text(textwrap.dedent(DEADLY))
    (modules / "deadly-1.dist-info").mkdir()
    (modules / "deadly-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: deadly\nVersion: 1\n")
    (modules / "deadly-1.dist-info/entry_points.txt").write_text("[fsspec.specs]\ndeadly=deadly:Deadly\n")
    import fsspec

    folder = tempfile.mkdtemp(prefix="ray-")  # pytest's own is too long a name for sockets
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(modules))
        patch.setenv("REMOVAL_OFFLINE", "1")
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.syspath_prepend(modules)
        patch.delenv("RAY_ADDRESS", raising=False)
        fsspec.register_implementation("deadly", "deadly.Deadly")
        ray = quiet_ray()
        with silence(), without_stderr():
            ray.init(
                address="local",
                num_cpus=2,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                object_store_memory=80 << 20,
                _temp_dir=folder,
            )
        yield ray
        with silence():
            ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def draw(folder, names):
    """Photos of a coloured ground with a white square, and a mask of each square beside them in masks/."""
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    (folder / "in").mkdir(exist_ok=True)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[20:40, 30:50] = 255
    for number, name in enumerate(names):
        photo = np.random.default_rng(number).integers(0, 200, (HEIGHT, WIDTH, 3), np.uint8)
        photo[mask > 0] = 255
        cv2.imwrite(str(folder / "in" / name), photo)
        cv2.imwrite(str(folder / "masks" / f"{Path(name).stem}.png"), mask)


def options(folder, out, **others):
    return RunOptions(
        masks=folder / "masks", output=out, refine=False, inpainter="telea", engine="ray", **others
    )


def results(folder):
    """The contents of a folder's files, its record left out."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.name != "removal.jsonl"}


def ended(out):
    """How often the record of a folder says what of which photo."""
    lines = [json.loads(line) for line in (out / "removal.jsonl").read_text().splitlines()]
    return Counter(
        (line["file"], line["outcome"]) for line in lines if line.get("outcome") not in (None, "started")
    )


@pytest.mark.slow
def test_one_of_two_workers_is_killed_half_way_and_nothing_is_lost(cluster, tmp_path):
    names = [f"{number:02}.png" for number in range(16)]
    names[1], names[8] = "01-poison.png", "08-killer.png"
    draw(tmp_path, names)
    (tmp_path / "in/05.png").write_bytes(b"no photo")
    there, by_ray, by_one = path_from(f"deadly://photos{tmp_path}/in"), tmp_path / "ray", tmp_path / "local"

    outcomes = list(run([there], options(tmp_path, by_ray, workers=2)))
    assert [outcome.job.source.name for outcome in outcomes] == names
    failed = {outcome.job.source.name: outcome.error for outcome in outcomes if outcome.outcome == "failed"}
    assert failed == {
        "01-poison.png": f"{there}/01-poison.png: 3 workers died at this photo, perhaps for want of memory",
        "05.png": f"{there}/05.png: is not a photo; AVIF, BMP, HEIF, JPEG, PNG, TIFF, WebP can be read",
    }
    assert Counter(outcome.outcome for outcome in outcomes) == {"done": 14, "failed": 2}
    assert (tmp_path / "in/08-killer.png.died").read_text() == "x"
    assert (tmp_path / "in/01-poison.png.died").read_text() == "xxx"
    assert set(ended(by_ray).values()) == {1}
    assert len(ended(by_ray)) == 16

    here = [tmp_path / "in" / name for name in names if "poison" not in name]
    local = replace(options(tmp_path, by_one), engine="local")
    assert Counter(outcome.outcome for outcome in run(here, local)) == {"done": 14, "failed": 1}
    assert results(by_ray) == results(by_one)
    assert len(results(by_one)) == 14


@pytest.mark.slow
def test_ray_and_the_local_engine_take_turns_on_one_folder(cluster, tmp_path):
    draw(tmp_path, ["a.png", "b.png", "c.png"])
    out = tmp_path / "out"
    by_hand = out / "c.png"
    out.mkdir()
    by_hand.write_bytes(b"somebody's own")
    both = options(tmp_path, out, save_masks=True)
    outcomes = list(run([tmp_path / "in"], both))
    assert [outcome.outcome for outcome in outcomes] == ["done", "done", "failed"]
    assert outcomes[2].error.endswith(f"'{by_hand}' exists, and nothing says to write over it")
    assert by_hand.read_bytes() == b"somebody's own"
    by_hand.unlink()
    (out / "b.mask.png").unlink()
    outcomes = list(run([tmp_path / "in"], replace(both, engine="local")))
    assert [outcome.outcome for outcome in outcomes] == ["skipped", "done", "done"]
    assert [outcome.outcome for outcome in run([tmp_path / "in"], both)] == ["skipped"] * 3
    with pytest.raises(PlanError, match=r"made with other settings \(seed changed"):
        list(run([tmp_path / "in"], replace(both, seed=1)))


@pytest.mark.slow
def test_photos_masks_and_results_elsewhere(cluster, tmp_path):
    draw(tmp_path, ["a.png", "sub.jpg", "unmasked.png"])
    (tmp_path / "masks/unmasked.png").unlink()
    (tmp_path / "in/sub").mkdir()
    (tmp_path / "in/sub.jpg").rename(tmp_path / "in/sub/b.jpg")
    (tmp_path / "masks/sub.png").rename(tmp_path / "masks/b.png")
    there = path_from(f"local://{tmp_path}")
    chosen = options(tmp_path, there / "out", save_masks=True, only_masked=True)
    chosen = replace(chosen, masks=there / "masks")
    store(b"half", there / "out/.b.jpg.0123abcd.part")
    outcomes = list(run([there / "in"], chosen))
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert outcomes[1].record()["output"] == f"local://{tmp_path}/out/sub/b.jpg"
    assert outcomes[1].inputs["mask_file"]["path"] == f"local://{tmp_path}/masks/b.png"
    files = {str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*.*")}
    assert files == {"a.png", "a.mask.png", "sub/b.jpg", "sub/b.mask.png", "removal.jsonl"}
    assert [outcome.outcome for outcome in run([there / "in"], chosen)] == ["skipped", "skipped"]

    local = RunOptions(masks=tmp_path / "masks", output=tmp_path / "local", refine=False, inpainter="telea")
    assert len(list(run([tmp_path / "in"], local))) == 3
    assert (tmp_path / "local/sub/b.jpg").read_bytes() == (tmp_path / "out/sub/b.jpg").read_bytes()
    assert (tmp_path / "local/a.png").read_bytes() == (tmp_path / "out/a.png").read_bytes()


@pytest.mark.slow
def test_what_a_machine_lacks_is_said_in_one_line(cluster, tmp_path):
    draw(tmp_path, ["a.png"])
    lacking = replace(options(tmp_path, tmp_path / "out"), masks=path_from(f"local://{tmp_path}/none"))
    with pytest.raises(RunError, match=f"^local://{tmp_path}/none: No such file or directory$"):
        list(run([tmp_path / "in"], lacking))
    assert not (tmp_path / "out/a.png").exists()
    with pytest.raises(PlanError, match=r"^[^\n]*class[^\n]*$"):
        list(run([tmp_path / "in"], options(tmp_path, tmp_path / "out", classes=("person",))))
    with pytest.raises(RunError, match="no machine of the Ray cluster has a GPU"):
        RayEngine(RunOptions(classes=("person",), device="cuda", engine="ray"), print)
    assert cluster.is_initialized()


def test_the_ledger_counts_the_dead_and_keeps_what_ended():
    ledger, outcome = Ledger(), Outcome(Job(Path("a"), Path("b")), "done")
    assert ledger.turn(None, 7) == (0, None)
    assert ledger.turn(None, 7) == (1, None)
    assert ledger.turn((7, outcome), 8) == (0, None)
    assert ledger.turn(None, 7) == (0, outcome)
    assert ledger.turn((8, outcome), None) == (0, None)
    ledger.forget([7])
    assert ledger.turn(None, 7) == (0, None)
    assert ledger.turn(None, 8) == (0, outcome)


def test_a_photo_at_which_workers_die_is_given_up():
    worker, job = object.__new__(PhotoWorker), Job(Path("a.png"), Path("b.png"))
    outcome = worker.outcome_of(Assignment(0, job, False), ATTEMPTS)
    assert outcome.record() == {
        "input": "a.png",
        "output": "b.png",
        "outcome": "failed",
        "error": "a.png: 3 workers died at this photo, perhaps for want of memory",
    }


def test_a_machine_with_other_models_is_named(tmp_path, monkeypatch):
    draw(tmp_path, ["a.png"])
    monkeypatch.setattr("removal.cluster.worker.use_threads", lambda count: None)
    with pytest.raises(RunError, match=f"^{socket.gethostname()} would use other models than the first"):
        PhotoWorker(options(tmp_path, tmp_path / "out"), {"inpainter": "other"}, None, 1)


TELEA = RunOptions(masks=Path("masks"), inpainter="telea", engine="ray")
PERSON = RunOptions(classes=("person",), engine="ray")


@pytest.mark.parametrize(
    ("chosen", "resources", "crew"),
    [
        (TELEA, {"CPU": 2.0}, Crew(2, 2, threads=1, cpus=0.75, gpus=0.0)),
        (TELEA, {"CPU": 64.0, "GPU": 4.0}, Crew(64, 64, threads=1, cpus=0.75, gpus=0.0)),
        (replace(TELEA, workers=4), {"CPU": 16.0}, Crew(4, 4, threads=4, cpus=3.0, gpus=0.0)),
        (replace(TELEA, workers=9), {"CPU": 4.0}, Crew(9, 5, threads=1, cpus=0.75, gpus=0.0)),
        (PERSON, {"CPU": 32.0, "GPU": 2.0}, Crew(4, 4, threads=8, cpus=6.0, gpus=0.5)),
        (replace(PERSON, device="cpu"), {"CPU": 8.0, "GPU": 2.0}, Crew(8, 8, 1, cpus=0.75, gpus=0.0)),
        (PERSON, {}, Crew(1, 1, threads=1, cpus=0.75, gpus=0.0)),
    ],
)
def test_workers_are_as_many_as_there_is_room_for(chosen, resources, crew):
    assert crew_for(chosen, resources) == crew


def test_photos_are_handed_out_one_by_one_until_there_are_very_many():
    task = Task(Job(Path("a.png"), Path("b.png"), mask=Path("b.mask.png")))
    few, many = assignments_of([task] * 3), assignments_of([task] * 20_001)
    assert [[one.index for one in group] for group in groups(few)] == [[0], [1], [2]]
    assert len(groups(many)) == 10_001
    assert len(groups(many)[0]) == 2
    assert few[0].job.source == Path.cwd() / "a.png"
    assert few[0].job.mask == Path.cwd() / "b.mask.png"
    assert few[0].job.sheet is None
    assert groups([]) == []


def test_a_photo_from_elsewhere_keeps_its_folders_and_its_results_their_names(tmp_path):
    there = path_from("s3://bucket/set/a.png")
    job = local_job(Job(there, path_from("s3://bucket/out/a.png"), Path("/masks/a.mask.png")), tmp_path)
    assert job.source == tmp_path / "in/bucket/set/a.png"
    assert job.target == tmp_path / "out/a.png"
    assert job.mask == Path("/masks/a.mask.png")
    assert job.sheet is None


def test_an_error_elsewhere_is_one_line():
    text = "ray::describe()\n  File x\nremoval.models.RunError: no weights\n  at all\n"
    assert first_line(RuntimeError(text)) == "no weights"
    text = (
        "ray::x()\n  File x\nray.exceptions.OutOfMemoryError: full\n\nray.exceptions.UserError: x\nTo change"
    )
    assert first_line(RuntimeError(text)) == "ray.exceptions.OutOfMemoryError: full"
    assert first_line(RuntimeError("one\ntwo")) == "two"
    assert first_line(ValueError("")) == "ValueError"


def test_what_the_command_refuses(invoke, tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    draw(tmp_path, ["a.png"])
    status, line = command_error(invoke, "in", "-o", "out", "--ray-address", "ray://head:10001")
    assert (status, line[:57]) == (2, "Error: --ray-address: expected host:port of the cluster's")
    assert command_error(invoke, "nowhere://b/in", "-o", "out") == (
        2,
        "Error: nowhere://b/in: Protocol not known: nowhere",
    )
    status, line = command_error(invoke, "in", "-o", "out", "--batch-size", "2")
    assert (status, line[:41]) == (2, "Error: --batch-size: expected the engine ")
    result = invoke("--masks", "masks", "s3://bucket/in", "-o", "out")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: --engine: expected ray for 's3://bucket/in', which is not on this machine, got local\n"
    )
    result = invoke("--masks", "masks", "in", "-o", "out", "--ray-address", "head:6379")
    assert result.exit_code == 2
    assert result.stderr == "Error: --ray-address: expected the engine ray for its address, got local\n"
    assert not (tmp_path / "out").exists()


def test_without_ray_or_a_driver_the_package_is_named(invoke, tmp_path, monkeypatch):
    draw(tmp_path, ["a.png"])

    def lacking(*args, **options):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.url_to_fs", lacking)
    assert command_error(invoke, "s3://bucket/in", "-o", "out") == (
        2,
        "Error: s3://bucket/in: Install s3fs to access S3",
    )
    monkeypatch.setattr("removal.options.find_spec", lambda name: None)
    assert command_error(invoke, "in", "-o", "out") == (
        2,
        "Error: --engine: ray needs the package ray: pip install 'removal[cluster]'",
    )
