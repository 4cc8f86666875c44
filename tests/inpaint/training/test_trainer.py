from collections.abc import Callable
from math import cos, pi
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inpaint.training.batch import Sample
from inpaint.training.distributed import Processes
from inpaint.training.trainer import Trainer
from inpaint.training.training_run import Run, build_objective

MakeSamples = Callable[..., list[Sample]]
TinyRun = Callable[..., Run]


def trainer_of(run: Run) -> Trainer:
    return Trainer.of(build_objective(run), run.settings, Processes())


def critic_of(trainer: Trainer) -> nn.Module:
    assert trainer.objective.critic is not None
    return trainer.objective.critic


def weights_of(network: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()]).clone()


def gradients_of(network: nn.Module) -> list[Tensor | None]:
    return [None if value.grad is None else value.grad.clone() for value in network.parameters()]


def same(first: list[Tensor | None], second: list[Tensor | None]) -> bool:
    return all(
        (one is None and other is None) or (one is not None and other is not None and torch.equal(one, other))
        for one, other in zip(first, second, strict=True)
    )


def test_glcic_learns_in_three_phases(tiny_run: TinyRun, make_samples: MakeSamples) -> None:
    trainer = trainer_of(tiny_run("glcic", steps=6, generator_share=1 / 3, critic_share=1 / 3))
    samples = make_samples(2, size_px=64)
    changed, found = [], []
    for step in range(6):
        before = weights_of(trainer.objective.network), weights_of(critic_of(trainer))
        found.append(set(trainer.step([samples], step)))
        after = weights_of(trainer.objective.network), weights_of(critic_of(trainer))
        changed.append(tuple(not torch.equal(*pair) for pair in zip(before, after, strict=True)))
    assert changed == [(True, False)] * 2 + [(False, True)] * 2 + [(True, True)] * 2
    alone, critic = {"mse"}, {"critic"}
    assert found == [alone] * 2 + [critic] * 2 + [alone | critic | {"adversarial"}] * 2


def test_critic_gets_no_gradients_from_the_generators_update(
    tiny_run: TinyRun, make_samples: MakeSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(tiny_run("deepfillv2"))
    objective, critic = trainer.objective, critic_of(trainer)
    seen: dict[str, list[Tensor | None]] = {}
    learns: list[bool] = []
    judged = objective.generator_losses

    def watch(*arguments: Any, **named: Any) -> dict[str, Tensor]:
        seen["critic"], seen["network"] = gradients_of(critic), gradients_of(objective.network)
        learns.extend(parameter.requires_grad for parameter in critic.parameters())
        return judged(*arguments, **named)

    monkeypatch.setattr(objective, "generator_losses", watch)
    trainer.step([make_samples(2)], 0)
    assert not any(learns)
    assert all(value is None for value in seen["network"])  # the critic's update leaves the network alone
    assert all(value is not None for value in seen["critic"])
    assert same(gradients_of(critic), seen["critic"])
    assert all(value is not None and value.any() for value in gradients_of(objective.network)[:1])
    assert all(parameter.requires_grad for parameter in critic.parameters())


def test_critic_learns_again_after_an_error(
    tiny_run: TinyRun, make_samples: MakeSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(tiny_run("deepfillv2"))

    def fail(*arguments: Any, **named: Any) -> dict[str, Tensor]:
        raise MemoryError

    monkeypatch.setattr(trainer.objective, "generator_losses", fail)
    with pytest.raises(MemoryError):
        trainer.step([make_samples(2)], 0)
    assert all(parameter.requires_grad for parameter in critic_of(trainer).parameters())


def test_critic_is_updated_as_often_as_told(tiny_run: TinyRun, make_samples: MakeSamples) -> None:
    trainer = trainer_of(tiny_run("deepfillv2", critic_updates=3))
    trainer.step([make_samples(2)], 0)
    assert trainer.critic_update is not None
    done = [
        {int(state["step"]) for state in update.optimiser.state.values()}
        for update in (trainer.critic_update, trainer.generator_update)
    ]
    assert done == [{3}, {1}]


def test_two_passes_are_one_batch_of_both(tiny_run: TinyRun, make_samples: MakeSamples) -> None:
    samples = make_samples(4)
    results, losses = [], []
    for accumulate, groups in ((1, [samples]), (2, [samples[:2], samples[2:]])):
        run = tiny_run("deepfillv2", accumulate=accumulate, batch=4 // accumulate, adversarial=0.0)
        trainer = trainer_of(run)
        for step in range(3):
            found = trainer.step(groups, step)
        results.append(weights_of(trainer.objective.network))
        losses.append({name: float(value) for name, value in found.items()})
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=2e-5)


def test_a_pass_more_is_not_the_same(tiny_run: TinyRun, make_samples: MakeSamples) -> None:
    samples = make_samples(4)
    results = []
    for groups in ([samples[:2]], [samples[:2], samples[2:]]):
        trainer = trainer_of(tiny_run("deepfillv2", adversarial=0.0))
        for step in range(3):
            trainer.step(groups, step)
        results.append(weights_of(trainer.objective.network))
    assert float((results[0] - results[1]).abs().max()) > 1e-3


def test_with_a_critic_passes_add_up_too(tiny_run: TinyRun, make_samples: MakeSamples) -> None:
    trainer = trainer_of(tiny_run("deepfillv2", accumulate=2))
    before = weights_of(trainer.objective.network), weights_of(critic_of(trainer))
    found = trainer.step([make_samples(2), make_samples(2, seed=1)], 0)
    assert found.keys() == {"critic", "l1", "l1 coarse", "adversarial"}
    after = weights_of(trainer.objective.network), weights_of(critic_of(trainer))
    assert not any(torch.equal(*pair) for pair in zip(before, after, strict=True))


def test_losses_are_means_over_the_passes_without_history(
    tiny_run: TinyRun, make_samples: MakeSamples
) -> None:
    first, second = make_samples(2), make_samples(2, seed=1)
    single = [float(trainer_of(tiny_run("deepfillv2")).step([part], 0)["l1"]) for part in (first, second)]
    found = trainer_of(tiny_run("deepfillv2")).step([first, second], 0)
    assert float(found["l1"]) == pytest.approx(sum(single) / 2, rel=1e-5)
    assert not any(value.requires_grad for value in found.values())


def test_rates_rise_and_fall_as_told(tiny_run: TinyRun, make_samples: MakeSamples) -> None:
    values = {"steps": 4, "learning_rate": 0.1, "critic_learning_rate": 0.02, "warmup_steps": 2}
    trainer = trainer_of(tiny_run("deepfillv2", **values))
    shares = [0.5, 0.5 * (1 + cos(pi / 4)), 0.5, 0.5 * (1 + cos(3 * pi / 4))]
    assert [trainer.learning_rate(step) for step in range(4)] == pytest.approx([0.1 * s for s in shares])
    trainer.step([make_samples(2)], 2)
    assert trainer.critic_update is not None
    rates = [
        update.optimiser.param_groups[0]["lr"] for update in (trainer.generator_update, trainer.critic_update)
    ]
    assert rates == pytest.approx([0.05, 0.01])


def test_constant_rate_after_the_warm_up(tiny_run: TinyRun) -> None:
    trainer = trainer_of(tiny_run("deepfillv2", decay="constant", learning_rate=0.4, warmup_steps=4))
    found = [trainer.learning_rate(step) for step in range(6)]
    assert found == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4])
    trainer = trainer_of(tiny_run("deepfillv2", decay="constant", learning_rate=0.4, warmup_steps=0))
    assert trainer.learning_rate(0) == 0.4


@pytest.mark.parametrize(("clip", "precision"), [(0.0, "float32"), (1e-3, "float32"), (1e-3, "float16")])
def test_gradients_are_bounded_for_each_network(
    tiny_run: TinyRun, make_samples: MakeSamples, clip: float, precision: str
) -> None:
    trainer = trainer_of(tiny_run("deepfillv2", clip=clip, precision=precision))
    trainer.step([make_samples(2)], 0)
    norms = [
        float(
            torch.cat(
                [value.grad.flatten() for value in network.parameters() if value.grad is not None]
            ).norm()
        )
        for network in (trainer.objective.network, critic_of(trainer))
    ]
    if clip:
        assert norms == pytest.approx([clip, clip], rel=1e-3)
    else:
        assert min(norms) > 1e-2


def test_optimisers_are_the_ones_asked_for(tiny_run: TinyRun) -> None:
    assert isinstance(trainer_of(tiny_run("glcic")).generator_update.optimiser, torch.optim.Adadelta)
    adam = trainer_of(tiny_run("deepfillv1")).generator_update.optimiser
    assert isinstance(adam, torch.optim.Adam)
    assert adam.defaults["betas"] == (0.5, 0.9)


def test_average_follows_the_network_and_is_shown(tiny_run: TinyRun, make_samples: MakeSamples) -> None:
    trainer = trainer_of(tiny_run("deepfillv2", ema=0.9))
    fresh = weights_of(trainer.objective.network)
    trainer.step([make_samples(2)], 0)
    first = weights_of(trainer.objective.network)
    assert trainer.shown is not trainer.objective.network
    torch.testing.assert_close(weights_of(trainer.shown), fresh * 2 / 11 + first * 9 / 11)


def test_without_average_the_network_itself_is_shown(tiny_run: TinyRun) -> None:
    trainer = trainer_of(tiny_run("deepfillv2", ema=0.0))
    assert trainer.shown is trainer.objective.network
    assert trainer.parts["average"] is None


@pytest.mark.parametrize("name", ["deepfillv1", "deepfillv2", "glcic"])
def test_equal_trainers_take_equal_steps(name: str, tiny_run: TinyRun, make_samples: MakeSamples) -> None:
    samples = make_samples(2, size_px=64)
    results = []
    for _ in range(2):
        trainer = trainer_of(tiny_run(name, size_px=64, generator_share=0.0, critic_share=0.0))
        torch.rand(3)  # the global generator has no say
        trainer.step([samples], 0)
        results.append(torch.cat([weights_of(trainer.objective.network), weights_of(critic_of(trainer))]))
    assert torch.equal(*results)


def test_random_numbers_of_a_step_follow_from_it_and_the_process(
    tiny_run: TinyRun, make_samples: MakeSamples
) -> None:
    samples = make_samples(2, size_px=64)
    run = tiny_run("deepfillv1", critic_updates=1)
    found = []
    for step, rank in ((0, 0), (1, 0), (0, 1), (0, 0)):
        trainer = trainer_of(run)
        trainer.processes = Processes(rank=rank)
        found.append(float(trainer.step([samples], step)["penalty whole"]))
    assert found[3] == found[0]
    assert len(set(found)) == 3


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_keeps_the_weights_whole(
    precision: str, tiny_run: TinyRun, make_samples: MakeSamples
) -> None:
    trainer = trainer_of(tiny_run("deepfillv2", precision=precision))
    full = trainer_of(tiny_run("deepfillv2"))
    samples = make_samples(2)
    found, exact = trainer.step([samples], 0), full.step([samples], 0)
    assert {value.dtype for value in trainer.objective.network.parameters()} == {torch.float32}
    assert float(found["l1"]) == pytest.approx(float(exact["l1"]), rel=0.02)
    assert bool(trainer.parts["scaler"].state_dict()) == (precision == "float16")
