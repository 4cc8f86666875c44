from dataclasses import fields
from typing import Any

import pytest

from inpaint.training.settings import (
    DEFAULTS,
    LossWeights,
    Optimisation,
    Phase,
    RunSettings,
    Schedule,
    TrainingSettings,
)

OUT_OF_RANGE: dict[type, dict[str, tuple[Any, ...]]] = {
    Schedule: {
        "steps": (0, 10**9 + 1),
        "generator_share": (-0.1, 1.1, float("nan")),
        "critic_share": (-0.1, 1.1),
        "critic_updates": (0, 101),
    },
    Optimisation: {
        "optimiser": ("sgd",),
        "learning_rate": (0, 11, float("nan")),
        "critic_learning_rate": (0, 11),
        "betas": ((1.0, 0.9), (0.9, -0.1)),
        "decay": ("linear",),
        "warmup_steps": (-1,),
        "ema": (-0.1, 1.0),
        "clip": (-1.0,),
    },
    LossWeights: {
        "reconstruction": (-1.0,),
        "coarse": (-1.0,),
        "known": (-1.0,),
        "adversarial": (-1.0, float("inf")),
        "gradient_penalty": (-1.0,),
        "discount": (0, 1.1),
        "map": (-1.0,),
        "edges": (-1.0,),
        "feature_matching": (-1.0,),
    },
    RunSettings: {
        "batch": (0, 4097),
        "accumulate": (0,),
        "seed": (-1, 2**63),
        "workers": (-1, 257),
        "precision": ("float64",),
        "log_every": (0,),
        "show_every": (0,),
        "save_every": (0,),
        "minutes": (-1.0,),
    },
    TrainingSettings: {"size_px": (15, 2049)},
}
REFUSED = [
    (kind, name, value)
    for kind, names in OUT_OF_RANGE.items()
    for name, values in names.items()
    for value in values
]


@pytest.mark.parametrize(("kind", "name", "value"), REFUSED)
def test_values_out_of_range_are_refused_by_name(kind: Any, name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"expected {name} of .*, got"):
        kind(**{name: value})


@pytest.mark.parametrize("kind", [Schedule, Optimisation, LossWeights, RunSettings])
def test_every_setting_but_the_device_has_a_range(kind: Any) -> None:
    assert {entry.name for entry in fields(kind)} - {"device"} == OUT_OF_RANGE[kind].keys()


def test_phases_learn_one_after_the_other() -> None:
    schedule = Schedule(steps=10, generator_share=0.3, critic_share=0.2)
    alone, critic, both = (True, False), (False, True), (True, True)
    assert [schedule.learns(step) for step in range(10)] == [alone] * 3 + [critic] * 2 + [both] * 5


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 10, 11])
@pytest.mark.parametrize("shares", [(0.0, 0.0), (0.5, 0.5), (0.25, 0.25), (0.18, 0.02), (1.0, 0.0)])
def test_steps_of_the_phases_are_those_that_learn(steps: int, shares: tuple[float, float]) -> None:
    schedule = Schedule(steps=steps, generator_share=shares[0], critic_share=shares[1])
    counts = [schedule.steps_of(phase) for phase in Phase]
    assert min(counts) >= 0
    expected = [phase.value for phase, count in zip(Phase, counts, strict=True) for _ in range(count)]
    assert [schedule.learns(step) for step in range(steps)] == expected


def test_without_shares_both_learn_from_the_first_step() -> None:
    assert Schedule(steps=3).learns(0) == (True, True)


def test_generator_share_of_one_is_all_alone() -> None:
    schedule = Schedule(steps=7, generator_share=1.0)
    assert {schedule.learns(step) for step in range(7)} == {(True, False)}


@pytest.mark.parametrize("generator_share", [0.1, 0.3, 0.6, 0.7, 0.9])
def test_shares_may_add_up_to_one(generator_share: float) -> None:
    # 1 - 0.9 is less than 0.1 in floating point
    schedule = Schedule(steps=10, generator_share=generator_share, critic_share=round(1 - generator_share, 1))
    assert schedule.learns(9) == (False, True)


def test_shares_may_not_add_up_to_more() -> None:
    with pytest.raises(ValueError, match="critic_share"):
        Schedule(generator_share=0.6, critic_share=0.5)


def test_values_go_to_their_groups() -> None:
    settings = TrainingSettings().with_values(
        {"size_px": 64, "steps": 5, "clip": 1.0, "known": 2.0, "batch": 3, "betas": (0.1, 0.2)}
    )
    assert settings.size_px == 64
    assert settings.schedule == Schedule(steps=5)
    assert settings.optimisation == Optimisation(clip=1.0, betas=(0.1, 0.2))
    assert settings.losses == LossWeights(known=2.0)
    assert settings.run == RunSettings(batch=3)


def test_no_values_change_nothing() -> None:
    for settings in DEFAULTS.values():
        assert settings.with_values({}) == settings


def test_unknown_names_are_refused_and_the_known_listed() -> None:
    with pytest.raises(ValueError, match=r"expected settings of accumulate, .*, got \['rate', 'stepz'\]"):
        TrainingSettings().with_values({"stepz": 5, "rate": 1, "batch": 3})


def test_replaced_values_are_checked_too() -> None:
    with pytest.raises(ValueError, match="expected batch of 1 to 4096, got 0"):
        TrainingSettings().with_values({"batch": 0})


def test_no_name_is_in_two_groups() -> None:
    names = [
        entry.name
        for kind in (Schedule, Optimisation, LossWeights, RunSettings, TrainingSettings)
        for entry in fields(kind)
    ]
    assert len(names) == len(set(names))


def test_as_dict_holds_every_group() -> None:
    told = DEFAULTS["glcic"].as_dict()
    assert told["size_px"] == 256
    assert told["schedule"]["generator_share"] == 0.18
    assert told["optimisation"]["optimiser"] == "adadelta"
    assert told["losses"]["adversarial"] == 0.0004
    assert told["run"]["batch"] == 96


def test_glcic_learns_in_the_papers_phases() -> None:
    schedule = DEFAULTS["glcic"].schedule
    found = [schedule.learns(step) for step in (89_999, 90_000, 99_999, 100_000)]
    assert found == [(True, False), (False, True), (False, True), (True, True)]
