"""The loop with a network of three numbers, a critic of one, and losses that do what the test needs."""

import json
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inpaint.training.batch import Batch, Sample
from inpaint.training.distributed import Processes
from inpaint.training.loop import RunResult, _check_finite, train
from inpaint.training.objectives import Losses, Objective, Stages
from inpaint.training.settings import TrainingSettings
from inpaint.training.state import STATE
from inpaint.training.training_folder import CONFIG, LOG

MakeSamples = Callable[..., list[Sample]]
Differences = Callable[[Any, Any], list[str]]


class Tint(Objective):
    """One colour for the hole, and a critic that weighs it; `spoil` changes the losses of a call."""

    def __init__(self) -> None:
        self.network = nn.Conv2d(3, 3, 1, groups=3, bias=False)
        self.critic: nn.Module = nn.Conv2d(3, 1, 1, bias=False)
        nn.init.constant_(self.network.weight, 0.5)
        nn.init.constant_(self.critic.weight, 0.1)
        self.asked = 0
        self.spoil: Callable[[int, Tensor], Tensor] = lambda call, loss: loss

    def stages(self, network: nn.Module, batch: Batch) -> Stages:
        return (network(batch.damaged),)

    def generator_losses(self, batch: Batch, stages: Stages, *, adversarial: bool) -> Losses:
        self.asked += 1
        found = {"l1": self.spoil(self.asked, (stages[-1] - batch.images).abs().mean())}
        if adversarial:
            found["adversarial"] = -self.critic(stages[-1]).mean()
        return found

    def critic_losses(self, batch: Batch, stages: Stages, rng: torch.Generator) -> Losses:
        noise = torch.rand(1, generator=rng)
        return {"critic": (self.critic(stages[-1]) - self.critic(batch.images)).mean() * noise.mean()}

    def figures(self, network: nn.Module, batch: Batch) -> dict[str, float]:
        return {"training": float(network.training), "photos": float(len(batch))}

    def pictures(self, network: nn.Module, batch: Batch) -> tuple[Tensor, ...]:
        return batch.damaged, batch.images


class Harness:
    """Runs `train` in a folder, again and again."""

    def __init__(self, out: Path, make_samples: MakeSamples) -> None:
        self.out = out
        self.make_samples = make_samples
        self.objective = Tint()
        self.reported: list[str] = []
        self.kept: list[int] = []
        self.on_report: Callable[[str], None] = lambda line: None
        self.passed_over: dict[int, tuple[str, ...]] = {}
        self.processes = Processes()

    def samples(self, first: int, passes: int) -> Iterator[list[Sample]]:
        for position in range(first, first + passes):
            (one,) = self.make_samples(1, size_px=16, seed=position)
            yield [Sample(one.image, one.damaged, one.mask, self.passed_over.get(position, ()))]

    def report(self, line: str) -> None:
        self.reported.append(line)
        self.on_report(line)

    def __call__(
        self, *, resume: bool = False, validation: int = 0, config: Any = None, **values: Any
    ) -> RunResult:
        usual = {
            "steps": 6,
            "batch": 1,
            "device": "cpu",
            "log_every": 1,
            "show_every": 100,
            "save_every": 100,
        }
        return train(
            self.objective,
            self.samples,
            self.make_samples(validation, size_px=16, seed=99),
            TrainingSettings().with_values(usual | {"learning_rate": 0.01, "ema": 0.5} | values),
            self.out,
            config={"network": "tint"} | (config or {}),
            keep=lambda network, step: self.kept.append(step),
            resume=resume,
            processes=self.processes,
            report=self.report,
        )

    def stop_after(self, line_of: int) -> None:
        """Send SIGTERM at the report of that step: the run ends after the next."""
        self.on_report = lambda line: (
            signal.raise_signal(signal.SIGTERM) if line.startswith(f"step {line_of} ") else None
        )

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / LOG).read_text().splitlines()]

    @property
    def state(self) -> Any:
        return torch.load(self.out / STATE, weights_only=True)


@pytest.fixture
def harness(tmp_path: Path, make_samples: MakeSamples, monkeypatch: pytest.MonkeyPatch) -> Harness:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    return Harness(tmp_path / "run", make_samples)


def untimed(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in line.items() if key not in ("photos/s", "waiting for photos")}
        for line in log
    ]


def test_a_run_leaves_config_log_state_and_says_that_it_is_done(harness: Harness) -> None:
    result = harness(steps=4, log_every=2)
    assert (result.step, result.finished) == (4, True)
    assert not result.network.training
    assert json.loads((harness.out / CONFIG).read_text()) == {"network": "tint"}
    assert [(line["step"], line["kind"]) for line in harness.log] == [(2, "training"), (4, "training")]
    assert harness.log[0].keys() == {
        *("step", "kind", "critic", "l1", "adversarial", "photos/s", "waiting for photos", "learning_rate")
    }
    assert harness.state["step"] == 4
    assert harness.kept == [4]
    assert [line.partition(":")[0] for line in harness.reported] == ["step 2 of 4", "step 4 of 4"]


def test_lines_are_means_over_their_interval(harness: Harness) -> None:
    harness.objective.spoil = lambda call, loss: loss * 0 + call
    harness(steps=5, log_every=2)
    assert [line["l1"] for line in harness.log] == [1.5, 3.5, 5]


def test_a_loss_that_comes_in_later_is_a_mean_over_its_own_steps(harness: Harness) -> None:
    # The generator alone for three of four steps, then both: the critic's losses are of the last alone.
    harness(steps=4, log_every=4, generator_share=0.75)
    (together,) = harness.log
    other = Harness(harness.out.parent / "other", harness.make_samples)
    other(steps=4, log_every=1, generator_share=0.75)
    assert together["critic"] == other.log[3]["critic"]
    assert together["adversarial"] == other.log[3]["adversarial"]
    assert together["l1"] == pytest.approx(sum(line["l1"] for line in other.log) / 4, abs=2e-6)


def test_checkpoints_and_figures_come_when_told_and_at_the_end(harness: Harness) -> None:
    harness(steps=5, validation=3, save_every=2, show_every=3, log_every=100)
    assert harness.kept == [2, 4, 5]
    shown = [line for line in harness.log if line["kind"] == "validation"]
    assert [line["step"] for line in shown] == [3, 5]
    assert shown[0] == {"step": 3, "kind": "validation", "training": 0, "photos": 1}
    assert sorted(path.name for path in (harness.out / "pictures").iterdir()) == [
        "00000003.png",
        "00000005.png",
    ]


def test_looking_at_the_validation_photos_changes_nothing(harness: Harness) -> None:
    harness(ema=0.0, validation=2, show_every=1)
    seen = Harness(harness.out.parent / "unseen", harness.make_samples)
    seen(ema=0.0)
    assert torch.equal(harness.state["parts"]["network"]["weight"], seen.state["parts"]["network"]["weight"])


def test_the_network_learns_on_in_training_mode(harness: Harness) -> None:
    modes = []
    stages = harness.objective.stages

    def watched(network: nn.Module, batch: Batch) -> Stages:
        modes.append(network.training)
        return stages(network, batch)

    harness.objective.stages = watched  # type: ignore[method-assign]
    harness(ema=0.0, validation=1, show_every=1)
    assert modes == [True] * 6


@pytest.mark.parametrize("accumulate", [1, 2])
def test_every_pass_is_used_once_and_in_order(harness: Harness, accumulate: int) -> None:
    given: list[tuple[int, int]] = []
    samples = harness.samples

    def watched(first: int, passes: int) -> Iterator[list[Sample]]:
        given.append((first, passes))
        return samples(first, passes)

    harness.samples = watched  # type: ignore[method-assign]
    harness.stop_after(1)
    harness(accumulate=accumulate)
    harness.on_report = lambda line: None
    harness(accumulate=accumulate, resume=True)
    assert given == [(0, 6 * accumulate), (2 * accumulate, 4 * accumulate)]


@pytest.mark.parametrize("line_of", [1, 2, 3, 4])
def test_stop_signal_ends_after_the_step_and_going_on_is_as_if_it_had_not(
    harness: Harness, line_of: int, differences: Differences
) -> None:
    harness.stop_after(line_of)
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    stopped = harness()
    assert (stopped.step, stopped.finished) == (line_of + 1, False)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == handlers
    assert harness.kept == [line_of + 1]
    harness.on_report = lambda line: None
    harness.objective = Tint()
    assert harness(resume=True).finished
    unbroken = Harness(harness.out.parent / "unbroken", harness.make_samples)
    unbroken()
    assert untimed(harness.log) == untimed(unbroken.log)
    assert differences(harness.state, unbroken.state) == []


def test_a_second_signal_ends_at_once(harness: Harness) -> None:
    def twice(line: str) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    harness.on_report = twice
    before = signal.getsignal(signal.SIGINT)  # a shell's background job ignores it
    with pytest.raises(KeyboardInterrupt):
        harness()
    assert signal.getsignal(signal.SIGINT) is before


def test_one_of_several_processes_ends_in_order_however_often_it_is_told(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Processes, "any", lambda self, flag: flag)
    monkeypatch.setattr(Processes, "average_gradients", lambda self, parameters: None)
    harness.processes = Processes(0, 2)
    harness.on_report = lambda line: [signal.raise_signal(signal.SIGINT) for _ in range(2)]
    assert harness().step == harness.state["step"] == 2


def test_a_run_is_saved_before_its_pictures_are_made(harness: Harness) -> None:
    def interrupted(network: nn.Module, batch: Batch) -> dict[str, float]:
        raise KeyboardInterrupt

    harness.objective.figures = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        harness(validation=1)
    assert harness.state["step"] == 6


def test_time_is_up(harness: Harness) -> None:
    result = harness(minutes=1e-9)
    assert (result.step, result.finished) == (1, False)
    result = harness(resume=True)
    assert (result.step, result.finished) == (6, True)


def test_a_killed_run_goes_on_from_its_last_checkpoint(harness: Harness, differences: Differences) -> None:
    def kill(line: str) -> None:
        if line.startswith("step 5 "):
            raise SystemExit

    harness.on_report = kill
    with pytest.raises(SystemExit):
        harness(save_every=3)
    assert harness.state["step"] == 3
    assert [line["step"] for line in harness.log] == [1, 2, 3, 4, 5]
    harness.on_report = lambda line: None
    harness.objective = Tint()
    harness(save_every=3, resume=True)
    unbroken = Harness(harness.out.parent / "unbroken", harness.make_samples)
    unbroken(save_every=3)
    assert untimed(harness.log) == untimed(unbroken.log)
    assert differences(harness.state, unbroken.state) == []


def test_a_finished_run_has_nothing_left_to_do(harness: Harness) -> None:
    harness()
    before = (harness.out / STATE).read_bytes(), harness.log
    result = harness(resume=True)
    assert (result.step, result.finished) == (6, True)
    assert ((harness.out / STATE).read_bytes(), harness.log) == before


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step(harness: Harness, value: float) -> None:
    harness.objective.spoil = lambda call, loss: loss * value if call == 5 else loss
    with pytest.raises(FloatingPointError, match=f"at step 5 the loss l1 is {value}"):
        harness(save_every=2)
    assert harness.state["step"] == 4
    assert harness.kept == [2, 4]
    harness.objective = Tint()
    assert harness(save_every=2, resume=True).finished


def test_weights_that_are_not_finite_are_never_saved(harness: Harness) -> None:
    """A finite loss may have gradients that are not: the square root at 0."""
    harness.objective.spoil = lambda call, loss: loss + ((loss * 0).sqrt() if call == 4 else 0)
    with pytest.raises(FloatingPointError, match="at step 4 weights of the network are not finite"):
        harness(save_every=2)
    assert harness.state["step"] == 2
    assert all(torch.isfinite(value).all() for value in harness.state["parts"]["network"].values())
    assert harness.kept == [2]


def test_a_run_that_starts_anew_leaves_no_state_of_another(harness: Harness) -> None:
    harness()

    def kill(line: str) -> None:
        raise SystemExit

    harness.on_report = kill
    with pytest.raises(SystemExit):
        harness(config={"batch": 7})
    assert not (harness.out / STATE).exists()


def test_unreadable_photos_are_named_once(harness: Harness) -> None:
    harness.passed_over = {1: ("a.jpg: cut off",), 2: ("a.jpg: cut off", "b.jpg: empty")}
    harness(log_every=100)
    named = [line for line in harness.reported if line.startswith("passed over")]
    assert named == ["passed over a.jpg: cut off", "passed over b.jpg: empty"]


def test_going_on_is_refused_where_the_run_was_told_otherwise(harness: Harness) -> None:
    harness(config={"batch": 1})
    before = (harness.out / CONFIG).read_text(), harness.log
    with pytest.raises(ValueError, match="batch 1 there and 2 now"):
        harness(config={"batch": 2}, resume=True)
    assert ((harness.out / CONFIG).read_text(), harness.log) == before


def test_nothing_to_go_on_from_leaves_no_folder(harness: Harness) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no state\.pt"):
        harness(resume=True)
    assert not harness.out.exists()


def test_tensorboard_shows_losses_figures_and_pictures(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard")  # no longer kept from being imported
    harness.stop_after(2)
    # Its files are read in the order of their names, which begin with the second they were made in.
    monkeypatch.setattr("time.time", lambda: 2e9)
    harness(validation=2, show_every=2)
    harness.on_report = lambda line: None
    monkeypatch.setattr("time.time", lambda: 2e9 + 60)
    harness(validation=2, show_every=2, resume=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of protobuf and the like
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    events = EventAccumulator(str(harness.out / "tensorboard")).Reload()
    losses = {f"training/{name}" for name in ("critic", "l1", "adversarial", "photos/s", "learning_rate")}
    assert losses | {"validation/photos"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("training/l1")] == [1, 2, 3, 4, 5, 6]
    assert [event.step for event in events.Images("validation")] == [2, 3, 4, 6]
    logged = [line["l1"] for line in harness.log if line["kind"] == "training"]
    assert [event.value for event in events.Scalars("training/l1")] == pytest.approx(logged)


def test_a_loss_that_is_not_finite_in_another_process_ends_this_one_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(Processes, "any", lambda processes, flag: asked.append(flag) or True)
    with pytest.raises(FloatingPointError, match="at step 3 a loss of another process is not finite"):
        _check_finite({"l1": torch.tensor(1.0)}, 3, Processes(0, 2))
    assert asked == [False]
