import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from inpaint.training import plan as module
from inpaint.training.batch import Sample
from inpaint.training.distributed import Processes
from inpaint.training.photos import TrainingPhoto
from inpaint.training.plan import Plan, plan
from inpaint.training.settings import DEFAULTS
from inpaint.training.state import STATE
from inpaint.training.trainer import Trainer
from inpaint.training.training_folder import CONFIG
from inpaint.training.training_run import Run, build_objective, start

MakeSamples = Callable[..., list[Sample]]
TinyRun = Callable[..., Run]
EXAMPLE = Plan(
    name="deepfillv2",
    device="cpu",
    size_px=256,
    parameters=4_052_478,
    critic_parameters=5_946_816,
    operations=3.456e12,
    memory_mb=9876.5,
    photos_per_second=1.25,
    waiting=0.031,
    photos=5000,
    kept_apart=16,
    steps=1000,
    photos_per_step=16,
    epochs=3.2,
    hours=16000 / 1.25 / 3600,
    paper_steps=1_000_000,
    paper_batch=16,
    paper_hours=16e6 / 1.25 / 3600,
    checkpoint_mb=136.4,
    weights_mb=16.21,
)


@pytest.fixture
def steps_taken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, bool]]:
    """Who learnt in each step that was taken."""
    taken: list[tuple[bool, bool]] = []
    step = Trainer.step

    def watched(self: Trainer, group: Any, number: int) -> Any:
        taken.append(self.settings.schedule.learns(number))
        return step(self, group, number)

    monkeypatch.setattr(Trainer, "step", watched)
    return taken


def test_lines_for_people() -> None:
    assert EXAMPLE.lines() == [
        "deepfillv2 on cpu",
        "  parameters  4,052,478, critic 5,946,816",
        "  work        3.46 T operations for 16 photos of 256 px, a step",
        "  memory      9,876 MB at the peak of a step, besides the libraries",
        "  speed       1.25 photos/s on this machine, 3 % of the time waiting for them",
        "  photos      5,000, seen 3.2 times each; 16 more are kept apart",
        "  this run    1,000 steps of 16: 3.6 hours",
        "  in full     1,000,000 steps of 16 (the paper's, where there is one): 148.1 days with this network "
        "at this size",
        "  disk        136.4 MB of state, 16.2 MB of weights; nothing was written now",
    ]


def test_lines_without_critic_and_memory() -> None:
    lines = replace(EXAMPLE, critic_parameters=0, memory_mb=None, hours=0.5, operations=2.5e7).lines()
    assert lines[1] == "  parameters  4,052,478"
    assert lines[2].startswith("  work        25 M operations")
    assert lines[3] == "  memory      not known on this system"
    assert lines[6] == "  this run    1,000 steps of 16: 30.0 minutes"


def test_as_dict_is_fit_for_json() -> None:
    assert Plan(**json.loads(json.dumps(EXAMPLE.as_dict()))) == EXAMPLE


def test_numbers_of_a_run(tiny_run: TinyRun) -> None:
    run = tiny_run("deepfillv2", steps=1000, accumulate=2)
    found = plan(run)
    objective = build_objective(run)
    assert isinstance(objective.critic, nn.Module)
    assert found.parameters == sum(value.numel() for value in objective.network.parameters())
    assert found.critic_parameters == sum(value.numel() for value in objective.critic.parameters())
    assert (found.name, found.device, found.size_px) == ("deepfillv2", "cpu", 32)
    assert (found.photos, found.kept_apart) == (4, 2)
    assert (found.steps, found.photos_per_step, found.epochs) == (1000, 4, 1000.0)
    assert found.photos_per_second * found.hours * 3600 == pytest.approx(4000)
    assert (found.paper_steps, found.paper_batch) == (1_000_000, 16)
    assert found.paper_hours == pytest.approx(found.hours * 1000 * 4)
    assert 0 <= found.waiting < 1
    assert found.memory_mb is not None
    assert found.memory_mb >= 0


def test_another_schedule_may_be_priced(tiny_run: TinyRun) -> None:
    found = plan(
        tiny_run("autoencoder", steps=10),
        paper=DEFAULTS["autoencoder"].with_values({"steps": 30, "batch": 1}),
    )
    assert (found.paper_steps, found.paper_batch) == (30, 1)
    assert found.paper_hours == pytest.approx(found.hours * 3 / 2)


def test_disk_is_what_the_run_then_takes(tiny_run: TinyRun, tmp_path: Path) -> None:
    run = tiny_run("deepfillv2", steps=3, options={"width": 0.25})
    found = plan(run)
    start(run, tmp_path)
    assert found.checkpoint_mb == pytest.approx((tmp_path / STATE).stat().st_size / 1e6, rel=0.15)
    assert found.weights_mb == pytest.approx(
        (tmp_path / "weights.safetensors").stat().st_size / 1e6, rel=0.15
    )


def test_operations_are_those_that_torch_counts(tiny_run: TinyRun, make_samples: MakeSamples) -> None:
    run = tiny_run("deepfillv2")
    trainer = Trainer.of(build_objective(run), run.settings, Processes())
    with FlopCounterMode(display=False) as counter:
        trainer.step([make_samples(2)], 0)
    assert plan(run).operations == pytest.approx(counter.get_total_flops(), rel=1e-6)


def test_operations_of_one_convolution_by_hand() -> None:
    conv = nn.Conv2d(3, 5, 3, padding=1, bias=False)
    images = torch.rand(2, 3, 8, 8)
    with module._Operations() as counter:
        conv(images)
    forward = 2 * (2 * 5 * 8 * 8) * (3 * 3 * 3)
    assert counter.total == forward
    with module._Operations() as counter:
        conv(images).sum().backward()
    assert counter.total == 2 * forward  # the images want no gradient


def test_a_penalty_on_gradients_is_counted_too(tiny_run: TinyRun) -> None:
    once = plan(tiny_run("deepfillv1", critic_updates=1)).operations
    assert plan(tiny_run("deepfillv1", critic_updates=3)).operations > once


@pytest.mark.parametrize(
    ("values", "phases"),
    [
        ({"generator_share": 0.5, "critic_share": 0.1}, [(True, False), (False, True), (True, True)]),
        ({"generator_share": 1.0, "critic_share": 0.0}, [(True, False), (True, True)]),  # the paper has both
        ({"generator_share": 0.0, "critic_share": 0.0}, [(True, True)]),
    ],
)
def test_each_phase_is_timed_after_a_step_to_warm_up(
    values: dict[str, float],
    phases: list[tuple[bool, bool]],
    tiny_run: TinyRun,
    steps_taken: list[tuple[bool, bool]],
) -> None:
    plan(tiny_run("deepfillv2", **values))
    assert steps_taken == [phase for phase in phases for _ in range(1 + module.TIMED)]


def test_long_steps_are_taken_once(
    tiny_run: TinyRun, steps_taken: list[tuple[bool, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    assert plan(tiny_run("deepfillv2")).photos_per_second > 0
    assert steps_taken == [(True, True)]


def test_phases_count_as_long_as_they_last(tiny_run: TinyRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten steps five take 1 s, one takes 2 s and four take 4 s."""
    seconds = {(True, False): 1.0, (False, True): 2.0, (True, True): 4.0}

    def timed(trainer: Trainer, stream: object, step: int) -> tuple[float, float]:
        return seconds[trainer.settings.schedule.learns(step)], 0.5

    monkeypatch.setattr(module, "_timed_step", timed)
    found = plan(tiny_run("deepfillv2", steps=10, generator_share=0.5, critic_share=0.1))
    assert found.hours == pytest.approx((5 * 1 + 1 * 2 + 4 * 4) / 3600)
    assert found.waiting == pytest.approx(5 / 23)
    assert found.photos_per_second == pytest.approx(20 / 23)
    assert found.paper_hours == pytest.approx(1e6 * 4 / 3600 * 16 / 2)


@pytest.mark.parametrize("workers", [0, 1])
def test_nothing_is_written(
    workers: int, tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = tiny_run("autoencoder", workers=workers)
    folder = run.photos[0].path.parent
    before = sorted(folder.rglob("*"))
    plan(run)
    assert list(tmp_path.iterdir()) == []
    assert sorted(folder.rglob("*")) == before


def test_planning_changes_no_run(tiny_run: TinyRun, tmp_path: Path) -> None:
    run = tiny_run("deepfillv2", steps=1)
    start(run, tmp_path / "before")
    plan(run)
    start(run, tmp_path / "after")
    states = [torch.load(tmp_path / name / STATE, weights_only=True) for name in ("before", "after")]
    first, second = (state["parts"]["network"] for state in states)
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert json.loads((tmp_path / "after" / CONFIG).read_text())["steps"] == 1


def test_photos_that_cannot_be_read_are_told(tiny_run: TinyRun, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no photo")
    run = replace(tiny_run("autoencoder"), photos=[TrainingPhoto(bad)])
    with pytest.raises(ValueError, match=r"bad\.png"):
        plan(run)


def test_it_says_what_it_does_and_warns_of_a_precision_that_the_machine_only_imitates(
    tiny_run: TinyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inpaint.precision.has_bfloat16", lambda device: False)
    run = tiny_run("autoencoder")
    settings = run.settings.with_values({"precision": "bfloat16"})
    lines: list[str] = []
    plan(replace(run, settings=settings), report=lines.append)
    assert lines[0].startswith("building autoencoder, and trying a few steps of ")
    assert lines[1].startswith("precision: this processor has no instructions for bfloat16")
    assert lines[2].startswith("step 1, training the network")
    assert len(lines) >= 6
