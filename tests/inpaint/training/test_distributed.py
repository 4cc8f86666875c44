import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from inpaint.checkpoints import load_network
from inpaint.training.distributed import Processes, processes
from inpaint.training.photos import TrainingPhoto
from inpaint.training.state import STATE
from inpaint.training.training_folder import CONFIG, LOG
from inpaint.training.training_run import WEIGHTS, Run, start

pytestmark = pytest.mark.slow  # starts processes of its own

TinyRun = Callable[..., Run]

SCRIPT = """
import json
import sys
from pathlib import Path

import torch

torch.set_num_threads(1)
sys.modules["torch.utils.tensorboard"] = None  # saves its import

from inpaint.training.distributed import processes
from inpaint.training.photos import TrainingPhoto
from inpaint.training.training_run import Run, start
from inpaint.training.settings import DEFAULTS

photos, out, values = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
with processes() as these:
    values["batch"] //= these.world
    run = Run.of(
        "deepfillv2",
        [TrainingPhoto(path) for path in sorted(photos.iterdir())],
        [],
        settings=DEFAULTS["deepfillv2"].with_values(values),
        options={"width": 0.05},
        critic_width=0.05,
    )
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([1.0, 10.0]) * (these.rank + 1)
    unused = torch.nn.Parameter(torch.zeros(3))
    these.average_gradients([parameter, unused])
    report = []
    start(run, out / f"written by {these.rank}", processes=these, report=report.append)
    found = {
        "rank": these.rank,
        "world": these.world,
        "leads": these.leads,
        "mean": parameter.grad.tolist(),
        "unused": unused.grad is None,
        "any": [these.any(False), these.any(these.rank == 1), these.any(True)],
        "reported": len(report),
    }
    (out / f"{these.rank}.json").write_text(json.dumps(found))
"""
VALUES = {
    "size_px": 32,
    "steps": 3,
    "batch": 4,
    "workers": 0,
    "device": "cpu",
    "learning_rate": 1e-3,
    "critic_learning_rate": 1e-3,
    "ema": 0.9,
    "log_every": 1,
    "seed": 3,
}


@pytest.fixture(scope="module")
def two_processes(few_photos: list[TrainingPhoto], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes leave that torchrun started on the CPU."""
    out = tmp_path_factory.mktemp("two")
    script = out / "train.py"
    script.write_text(SCRIPT)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        str(script),
    ]
    folder = few_photos[0].path.parent
    done = subprocess.run(
        [*command, str(folder), str(out), json.dumps(VALUES)],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def said_by(rank: int, out: Path) -> dict[str, Any]:
    return json.loads((out / f"{rank}.json").read_text())


def test_two_processes_learn_what_one_does_from_twice_the_batch(
    two_processes: Path, few_photos: list[TrainingPhoto], tiny_run: TinyRun, tmp_path: Path
) -> None:
    run = tiny_run("deepfillv2", **VALUES, decay="constant", warmup_steps=0)
    start(
        Run.of("deepfillv2", few_photos, [], settings=run.settings, options=run.options, critic_width=0.05),
        tmp_path,
    )
    states = [
        torch.load(out / STATE, weights_only=True) for out in (two_processes / "written by 0", tmp_path)
    ]
    for part in ("network", "critic"):
        two, one = (state["parts"][part] for state in states)
        for name, expected in one.items():
            torch.testing.assert_close(two[name], expected, rtol=1e-4, atol=3e-5, msg=f"{part} {name}")
    shared, alone = (
        [json.loads(line) for line in (out / LOG).read_text().splitlines()]
        for out in (two_processes / "written by 0", tmp_path)
    )
    assert [line["step"] for line in shared] == [line["step"] for line in alone] == [1, 2, 3]


def test_half_the_batch_is_not_the_same(tiny_run: TinyRun, tmp_path: Path) -> None:
    """Half the batch alone, as one process without the other would learn it, is much further off."""
    weights = []
    for batch in (4, 2):
        run = tiny_run("deepfillv2", **{**VALUES, "batch": batch})
        start(run, tmp_path / str(batch))
        weights.append(load_network(tmp_path / str(batch) / WEIGHTS).state_dict())
    differences = [float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0]]
    assert max(differences) > 1e-3


def test_only_the_leader_writes_and_reports(two_processes: Path) -> None:
    assert {path.name for path in (two_processes / "written by 0").iterdir()} == {CONFIG, LOG, STATE, WEIGHTS}
    assert not (two_processes / "written by 1").exists()
    assert [said_by(rank, two_processes)["reported"] for rank in (0, 1)] == [3, 0]
    assert [said_by(rank, two_processes)["leads"] for rank in (0, 1)] == [True, False]


def test_gradients_become_their_mean(two_processes: Path) -> None:
    for rank in (0, 1):
        assert said_by(rank, two_processes)["mean"] == [1.5, 15.0]
        assert said_by(rank, two_processes)["unused"]


def test_one_process_that_must_stop_stops_all(two_processes: Path) -> None:
    for rank in (0, 1):
        assert said_by(rank, two_processes)["any"] == [False, True, True]


def test_one_process_is_alone_without_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with processes() as these:
        assert these == Processes(rank=0, world=1, local_rank=0)
    assert these.leads
    assert [these.any(False), these.any(True)] == [False, True]
    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.tensor([2.0])
    these.average_gradients([parameter])
    assert parameter.grad.tolist() == [2.0]
