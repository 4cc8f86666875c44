import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inpaint.checkpoints import load_network
from inpaint.formats import NETWORKS
from inpaint.training.distributed import Processes
from inpaint.training.photos import TrainingPhoto
from inpaint.training.settings import DEFAULTS
from inpaint.training.state import STATE
from inpaint.training.training_folder import CONFIG, LOG
from inpaint.training.training_run import (
    DEFAULT_DAMAGE,
    KEPT_APART,
    WEIGHTS,
    DamageSettings,
    Run,
    RunExistsError,
    build_objective,
    start,
)

TinyRun = Callable[..., Run]
Differences = Callable[[Any, Any], list[str]]
TIMED = ("photos/s", "waiting for photos")


@pytest.fixture(autouse=True)
def without_tensorboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)


def log_of(out: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (out / LOG).read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in TIMED} for line in lines]


def state_of(out: Path) -> Any:
    return torch.load(out / STATE, weights_only=True)


def stop_at(step: int) -> Callable[[str], None]:
    """A report that asks the run to end after that step."""

    def report(line: str) -> None:
        if line.startswith(f"step {step - 1} "):
            signal.raise_signal(signal.SIGTERM)

    return report


@pytest.fixture(scope="module")
def unbroken() -> dict[str, Path]:
    """Folders of runs that were never stopped, by the network's name."""
    return {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "workers", "stops"),
    [
        ("deepfillv2", (0, 0, 0), (2, 4)),
        ("deepfillv2", (1, 1), (3,)),
        ("deepfillv2", (0, 1), (5,)),
        ("glcic", (1, 0), (3,)),
        ("deepfillv1", (0, 0), (2,)),
    ],
)
def test_stopped_anywhere_and_gone_on_with_is_bit_for_bit_as_without(
    name: str,
    workers: tuple[int, ...],
    stops: tuple[int, ...],
    tiny_run: TinyRun,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    unbroken: dict[str, Path],
    differences: Differences,
) -> None:
    phases = {"generator_share": 1 / 6, "critic_share": 1 / 6, "show_every": 3, "critic_updates": 2}
    if name not in unbroken:
        unbroken[name] = tmp_path_factory.mktemp(name)
        assert start(tiny_run(name, **phases), unbroken[name]).finished
    for number, (worker, stop) in enumerate(zip(workers, (*stops, None), strict=True)):
        report = stop_at(stop) if stop else str
        run = tiny_run(name, **phases, workers=worker)
        result = start(run, tmp_path, resume=number > 0, report=report)  # type: ignore[arg-type]
        assert (result.step, result.finished) == ((stop, False) if stop else (6, True))
    assert differences(state_of(tmp_path), state_of(unbroken[name])) == []
    weights = [load_network(out / WEIGHTS).state_dict() for out in (tmp_path, unbroken[name])]
    assert differences(*weights) == []
    trained = [line for line in log_of(tmp_path) if line["kind"] == "training"]
    assert trained == [line for line in log_of(unbroken[name]) if line["kind"] == "training"]
    assert [line for line in log_of(tmp_path) if line["step"] == 6] == [
        line for line in log_of(unbroken[name]) if line["step"] == 6
    ]


def test_a_run_leaves_all_that_is_needed(tiny_run: TinyRun, tmp_path: Path) -> None:
    run = tiny_run("deepfillv2", steps=2)
    result = start(run, tmp_path / "run")
    out = tmp_path / "run"
    assert {path.name for path in out.iterdir()} == {CONFIG, LOG, STATE, WEIGHTS, KEPT_APART, "pictures"}
    assert json.loads((out / CONFIG).read_text()) == run.told() | {"made with": {}}
    kept = sorted((out / KEPT_APART).iterdir())
    assert [path.resolve() for path in kept] == [photo.path.resolve() for photo in run.kept_apart]
    figures = [line for line in log_of(out) if line["kind"] == "validation"]
    assert figures[0].keys() == {"step", "kind", "l1 in the hole", "PSNR in the hole", "PSNR"}
    loaded = load_network(out / WEIGHTS)
    assert loaded.options == result.network.options
    shown = result.network.state_dict()
    assert all(torch.equal(value, shown[name]) for name, value in loaded.state_dict().items())


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_takes_steps_with_its_papers_losses(
    name: str, tiny_run: TinyRun, tmp_path: Path
) -> None:
    start(tiny_run(name, steps=2, generator_share=0.0, critic_share=0.0, critic_updates=1), tmp_path)
    line = log_of(tmp_path)[0]
    losses = [key for key in line if key not in ("step", "kind", "learning_rate")]
    assert ("critic" in " ".join(losses)) == (name != "autoencoder")
    assert all(np.isfinite(line[key]) for key in losses)


def test_photos_kept_apart_of_one_name_all_get_a_link(tiny_run: TinyRun, tmp_path: Path) -> None:
    run = tiny_run("autoencoder", steps=1)
    other = tmp_path / "other" / run.kept_apart[0].path.name
    other.parent.mkdir()
    other.write_bytes(run.kept_apart[0].path.read_bytes())
    start(replace(run, kept_apart=[*run.kept_apart, TrainingPhoto(other)]), tmp_path / "run")
    assert len(list((tmp_path / "run" / KEPT_APART).iterdir())) == 3


def test_a_folder_that_holds_a_run_is_left_alone(tiny_run: TinyRun, tmp_path: Path) -> None:
    start(tiny_run("autoencoder", steps=1), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(RunExistsError, match=r"expected a folder without a run, got .*: resume") as error:
        start(tiny_run("autoencoder", steps=2), tmp_path)
    assert error.value.option == "out"
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}


class Second(Processes):
    """The second of two processes, the first of which never answers."""

    def __init__(self) -> None:
        super().__init__(rank=1, world=2)

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        del parameters

    def any(self, flag: bool) -> bool:
        return flag


def test_only_the_process_that_writes_looks_whether_there_is_a_run(tiny_run: TinyRun, tmp_path: Path) -> None:
    """The leader may have written config.json already when another process comes to look."""
    (tmp_path / CONFIG).write_text("{}")
    assert start(tiny_run("autoencoder", steps=1), tmp_path, processes=Second()).finished
    assert [path.name for path in tmp_path.iterdir()] == [CONFIG]


def test_a_run_may_start_from_the_weights_that_it_overwrites(tiny_run: TinyRun, tmp_path: Path) -> None:
    start(tiny_run("autoencoder", steps=1), tmp_path)
    run = replace(tiny_run("autoencoder", steps=1), weights=tmp_path / WEIGHTS)
    assert start(run, tmp_path, overwrite=True).finished


def test_overwriting_starts_anew(tiny_run: TinyRun, tmp_path: Path) -> None:
    start(tiny_run("autoencoder", steps=3), tmp_path)

    def kill(line: str) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        start(tiny_run("autoencoder", steps=2), tmp_path, overwrite=True, report=kill)
    assert not (tmp_path / STATE).exists()
    assert not (tmp_path / WEIGHTS).exists()  # config.json would not be theirs
    assert [line["step"] for line in log_of(tmp_path)] == [1]


def test_a_refused_resume_changes_nothing(tiny_run: TinyRun, tmp_path: Path) -> None:
    run = tiny_run("autoencoder", steps=2)
    start(run, tmp_path)
    swapped = replace(run, photos=[*run.photos[:3], run.kept_apart[0]], kept_apart=[run.photos[3]])
    with pytest.raises(ValueError, match=r"told otherwise: photos_sha256 \w+ there and \w+ now"):
        start(swapped, tmp_path, resume=True)
    assert [path.name for path in sorted((tmp_path / KEPT_APART).iterdir())] == [
        photo.path.name for photo in run.kept_apart
    ]


def test_nothing_to_go_on_from_makes_no_folder(tiny_run: TinyRun, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no state\.pt"):
        start(tiny_run("autoencoder"), tmp_path / "run", resume=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"batch": 3}, "batch 2 there and 3 now"),
        ({"seed": 4}, "seed 3 there and 4 now"),
        ({"ema": 0.0}, "ema 0.9 there and 0.0 now"),
        ({"coarse": 2.0}, "weight of coarse 1.0 there and 2.0 now"),
        ({"options": {"width": 0.1}}, "network width 0.05 there and 0.1 now"),
    ],
)
def test_what_changed_is_named_on_going_on(
    change: dict[str, Any], named: str, tiny_run: TinyRun, tmp_path: Path
) -> None:
    start(tiny_run("autoencoder", steps=1), tmp_path)
    with pytest.raises(ValueError, match=f"told otherwise: {named}$"):
        start(tiny_run("autoencoder", steps=1, **change), tmp_path, resume=True)


def test_other_numbers_of_processes_do_not_go_on_with_it(tiny_run: TinyRun, tmp_path: Path) -> None:
    run = tiny_run("autoencoder", steps=1)
    start(run, tmp_path)
    with pytest.raises(ValueError, match="processes None there and 2 now"):
        start(run, tmp_path, resume=True, processes=Processes(0, 2))


def test_what_decides_nothing_may_change_on_going_on(tiny_run: TinyRun, tmp_path: Path) -> None:
    start(tiny_run("autoencoder", steps=2), tmp_path, report=stop_at(2))
    changed = {
        "workers": 1,
        "log_every": 2,
        "show_every": 1,
        "save_every": 1,
        "minutes": 5.0,
        "device": "auto",
    }
    if torch.cuda.is_available():
        changed["device"] = "cpu"
    assert start(tiny_run("autoencoder", steps=2, **changed), tmp_path, resume=True).finished


def test_a_damaged_state_is_refused(tiny_run: TinyRun, tmp_path: Path) -> None:
    run = tiny_run("autoencoder", steps=1)
    start(run, tmp_path)
    (tmp_path / STATE).write_bytes((tmp_path / STATE).read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"state\.pt is no state of a training run"):
        start(run, tmp_path, resume=True)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_photo_is_named_once_and_passed_over(
    workers: int, tiny_run: TinyRun, tmp_path: Path
) -> None:
    bad = tmp_path / "torn.jpg"
    bad.write_bytes(b"\xff\xd8\xff no photo")
    run = tiny_run("autoencoder", steps=5, workers=workers)
    run = replace(run, photos=[*run.photos[:3], TrainingPhoto(bad)])
    lines: list[str] = []
    assert start(run, tmp_path / "run", report=lines.append).finished
    assert len([line for line in lines if "torn.jpg" in line]) == 1
    assert next(line for line in lines if "torn.jpg" in line).startswith("passed over ")


def test_from_a_file_of_weights(tiny_run: TinyRun, tmp_path: Path) -> None:
    start(tiny_run("deepfillv2", steps=1), tmp_path / "first")
    weights = tmp_path / "first" / WEIGHTS
    run = replace(tiny_run("deepfillv2", steps=1), weights=weights)
    objective = build_objective(run)
    assert objective.network.training
    assert all(parameter.requires_grad for parameter in objective.network.parameters())
    expected = load_network(weights).state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in objective.network.state_dict().items())
    assert start(run, tmp_path / "second").finished
    assert run.told()["start"] == WEIGHTS


@pytest.mark.parametrize("name", ["deepfillv2", "mask-prediction"])
def test_weights_of_other_options_are_refused(name: str, tiny_run: TinyRun, tmp_path: Path) -> None:
    start(tiny_run(name, steps=1), tmp_path)
    run = replace(tiny_run(name), weights=tmp_path / WEIGHTS, options={"width": 0.1})
    with pytest.raises(ValueError, match=rf"{WEIGHTS}: expected {name} of width 0.1, got 0.05"):
        build_objective(run)


def test_fresh_weights_follow_from_the_seed(tiny_run: TinyRun) -> None:
    def weights(seed: int) -> torch.Tensor:
        objective = build_objective(tiny_run("deepfillv2", seed=seed))
        assert objective.critic is not None
        networks = objective.network, objective.critic
        return torch.cat([value.flatten() for network in networks for value in network.parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_a_size_that_the_network_does_not_have_is_refused(tiny_run: TinyRun) -> None:
    with pytest.raises(ValueError, match="expected context-encoder of a size_px of 128, got 64"):
        build_objective(tiny_run("context-encoder", size_px=128))


def test_unknown_networks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected a network of autoencoder, .*, got 'unet'"):
        Run.of("unet", [], [])


def test_defaults_are_the_networks_own() -> None:
    run = Run.of("glcic", [], [])
    assert run.settings == DEFAULTS["glcic"]
    assert run.damage == DamageSettings(DEFAULT_DAMAGE["glcic"])


def test_every_network_has_damage_and_settings() -> None:
    assert DEFAULT_DAMAGE.keys() == DEFAULTS.keys()
    assert NETWORKS.keys() <= DEFAULTS.keys()


@pytest.mark.parametrize(
    ("kinds", "options", "sees_hole"),
    [
        ({"mosaic": 1.0}, {}, True),
        ({"box": 1.0, "mosaic-box": 0.5}, {}, True),
        ({"box": 1.0}, {}, None),
        ({"mosaic": 1.0}, {"sees_hole": False}, False),
    ],
)
def test_mosaics_are_shown_to_the_network(
    kinds: dict[str, float], options: dict[str, Any], sees_hole: bool | None
) -> None:
    run = Run.of("deepfillv2", [], [], damage=DamageSettings(kinds), options=options)
    assert run.options.get("sees_hole") is sees_hole


def test_a_network_of_mosaics_learns_and_is_built_again(tiny_run: TinyRun, tmp_path: Path) -> None:
    plain = tiny_run("autoencoder", steps=1)
    run = Run.of(
        "autoencoder",
        plain.photos,
        [],
        settings=plain.settings,
        options={"width": 0.05},
        damage=DamageSettings({"mosaic-box": 1}),
    )
    start(run, tmp_path)
    assert load_network(tmp_path / WEIGHTS).sees_hole


def test_config_says_where_photos_differ_but_not_where_they_lie(tiny_run: TinyRun, tmp_path: Path) -> None:
    run = tiny_run("autoencoder")
    moved = replace(run, photos=[TrainingPhoto(tmp_path / photo.path.name) for photo in run.photos])
    assert moved.told() == run.told()
    fewer, turned = replace(run, photos=run.photos[:3]), replace(run, photos=run.photos[::-1])
    boxed = replace(run, photos=[replace(photo, region=(0, 0, 9, 9)) for photo in run.photos])
    digests = {each.told()["photos_sha256"] for each in (run, fewer, turned, boxed)}
    assert len(digests) == 4
    assert str(tmp_path) not in json.dumps(moved.told())


SCRIPT = """
import sys
from pathlib import Path
from inpaint.training.photos import TrainingPhoto
from inpaint.training.training_run import Run, start
from inpaint.training.settings import DEFAULTS

values = {"size_px": 32, "steps": 10**6, "batch": 2, "workers": 1, "device": "cpu", "log_every": 1}
settings = DEFAULTS["autoencoder"].with_values(values)
photos = [TrainingPhoto(path) for path in sorted(Path(sys.argv[1]).iterdir())]
run = Run.of("autoencoder", photos, [], settings=settings, options={"width": 0.05})
result = start(run, Path(sys.argv[2]), report=lambda line: print(line, flush=True))
print("ended", result.step, result.finished, flush=True)
"""


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_ends_a_run_and_its_workers_in_order(
    few_photos: list[TrainingPhoto], tmp_path: Path
) -> None:
    """A terminal sends SIGINT to the whole group of processes, those that read photos included."""
    command = [sys.executable, "-c", SCRIPT, str(few_photos[0].path.parent), str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("step 5 "):
                break
        os.killpg(process.pid, signal.SIGINT)
        rest, errors = process.communicate(timeout=120)
    last = rest.splitlines()[-1].split()
    assert (process.returncode, last[0], last[2]) == (0, "ended", "False"), errors
    assert "Traceback" not in errors
    assert state_of(tmp_path)["step"] == int(last[1])


def test_a_run_that_was_refused_as_it_began_stands_in_nobody_s_way(tiny_run: TinyRun, tmp_path: Path) -> None:
    run = tiny_run("autoencoder")
    (tmp_path / CONFIG).write_text("{}")
    (tmp_path / LOG).touch()
    assert start(run, tmp_path).finished
    with pytest.raises(FileExistsError, match="expected a folder without a run"):
        start(run, tmp_path)


def test_what_a_run_is_made_with_is_noted_and_may_change(tiny_run: TinyRun, tmp_path: Path) -> None:
    run = tiny_run("autoencoder")
    start(run, tmp_path, made_with={"version": "1"})
    assert json.loads((tmp_path / CONFIG).read_text())["made with"] == {"version": "1"}
    assert start(run, tmp_path, made_with={"version": "2"}, resume=True).finished
