"""What a training run is told, in groups; `DEFAULTS` are each paper's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import Enum
from typing import Any, Literal, get_args

Optimiser = Literal["adam", "adadelta"]
Decay = Literal["constant", "cosine"]
Precision = Literal["float32", "bfloat16", "float16"]


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"expected {name} of {least} to {most}, got {value}")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"expected {name} of {', '.join(choices)}, got {value!r}")


class Phase(Enum):
    """Who learns: (the generator, the critic)."""

    GENERATOR = (True, False)
    CRITIC = (False, True)
    BOTH = (True, True)


@dataclass(frozen=True)
class Schedule:
    """How long, and which part learns when.

    steps: updates of the generator.
    generator_share: of the steps, the first during which the generator learns without its critic.
    critic_share: of the steps, those that follow, during which the critic learns alone.
    critic_updates: of the critic, for each of the generator, on the same photos.
    """

    steps: int = 100_000
    generator_share: float = 0.0
    critic_share: float = 0.0
    critic_updates: int = 1

    def __post_init__(self) -> None:
        _check("steps", self.steps, 1, 10**9)
        _check("generator_share", self.generator_share, 0, 1)
        _check("critic_share", self.critic_share, 0, round(1 - self.generator_share, 9))
        _check("critic_updates", self.critic_updates, 1, 100)

    def learns(self, step: int) -> tuple[bool, bool]:
        """Whether (the generator, the critic) learns at `step`, counted from 0."""
        for phase in Phase:
            step -= self.steps_of(phase)
            if step < 0:
                return phase.value
        return Phase.BOTH.value

    def steps_of(self, phase: Phase) -> int:
        """How many of the steps are of that phase; they come in the order of `Phase`."""
        alone = round(self.generator_share * self.steps)
        judged = min(round(self.critic_share * self.steps), self.steps - alone)
        return {Phase.GENERATOR: alone, Phase.CRITIC: judged, Phase.BOTH: self.steps - alone - judged}[phase]


@dataclass(frozen=True)
class Optimisation:
    """How the weights follow the gradients.

    learning_rate, critic_learning_rate: of Adam or Adadelta; betas: Adam's.
    decay: "cosine" brings both rates to 0 at the last step.
    warmup_steps: the rates rise from 0 over these.
    ema: decay for each step of the running average of the weights that is saved and shown; 0 = off.
    clip: bound on the norm of the gradients of each network; 0 = off.
    """

    optimiser: Optimiser = "adam"
    learning_rate: float = 1e-4
    critic_learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.5, 0.999)
    decay: Decay = "constant"
    warmup_steps: int = 0
    ema: float = 0.0
    clip: float = 0.0

    def __post_init__(self) -> None:
        _check_choice("optimiser", self.optimiser, get_args(Optimiser))
        _check_choice("decay", self.decay, get_args(Decay))
        _check("learning_rate", self.learning_rate, 1e-9, 10)
        _check("critic_learning_rate", self.critic_learning_rate, 1e-9, 10)
        for beta in self.betas:
            _check("betas", beta, 0, 0.99999)
        _check("warmup_steps", self.warmup_steps, 0, 10**7)
        _check("ema", self.ema, 0, 0.99999)
        _check("clip", self.clip, 0, 1e6)


@dataclass(frozen=True)
class LossWeights:
    """What each loss counts; a network uses those that its paper has.

    reconstruction: of the distance to the photo. known: of the distance outside the hole. coarse: multiplies
    both for the first of two stages. adversarial: of what the critic says.
    gradient_penalty: of the critic's. discount: the base of the spatially discounted loss. map, edges: of the
    blind networks' own losses. feature_matching: of how alike the critic's layers answer.
    """

    reconstruction: float = 1.0
    coarse: float = 1.0
    known: float = 0.0
    adversarial: float = 1.0
    gradient_penalty: float = 10.0
    discount: float = 0.99
    map: float = 1.0
    edges: float = 1.0
    feature_matching: float = 10.0

    def __post_init__(self) -> None:
        for entry in fields(self):
            least, most = (1e-6, 1) if entry.name == "discount" else (0, 1e6)
            _check(entry.name, getattr(self, entry.name), least, most)


@dataclass(frozen=True)
class RunSettings:
    """How it runs; what is learnt depends on `batch`, `accumulate`, `seed` and `precision` alone.

    batch: photos of one process and one pass. accumulate: passes for each update.
    workers: processes that decode photos; 0 = in the loop itself.
    device: "auto", "cpu", "cuda", "cuda:1".
    log_every, show_every, save_every: steps between lines of the log, figures and pictures of the validation
        set, checkpoints.
    minutes: stop after the step at which these have passed, ready to resume; 0 = off.
    """

    batch: int = 16
    accumulate: int = 1
    seed: int = 0
    workers: int = 2
    device: str = "auto"
    precision: Precision = "float32"
    log_every: int = 50
    show_every: int = 1000
    save_every: int = 1000
    minutes: float = 0.0

    def __post_init__(self) -> None:
        _check("batch", self.batch, 1, 4096)
        _check("accumulate", self.accumulate, 1, 4096)
        _check("seed", self.seed, 0, 2**63 - 1)
        _check("workers", self.workers, 0, 256)
        _check_choice("precision", self.precision, get_args(Precision))
        for name in ("log_every", "show_every", "save_every"):
            _check(name, getattr(self, name), 1, 10**9)
        _check("minutes", self.minutes, 0, 10**6)


@dataclass(frozen=True)
class TrainingSettings:
    """Everything a run is told besides the photos and the damage.

    size_px: height and width of what the network sees while it learns.
    """

    size_px: int = 256
    schedule: Schedule = field(default_factory=Schedule)
    optimisation: Optimisation = field(default_factory=Optimisation)
    losses: LossWeights = field(default_factory=LossWeights)
    run: RunSettings = field(default_factory=RunSettings)

    def __post_init__(self) -> None:
        _check("size_px", self.size_px, 16, 2048)

    def as_dict(self) -> dict[str, Any]:
        """For config.json."""
        return asdict(self)

    def with_values(self, values: Mapping[str, Any]) -> TrainingSettings:
        """The same with some values replaced, each by its own name, whatever group it is in.

        Raises ValueError for an unknown name or a value out of range.
        """
        known = {"size_px"}
        groups: dict[str, Any] = {}
        for group in ("schedule", "optimisation", "losses", "run"):
            part = getattr(self, group)
            names = {entry.name for entry in fields(part)}
            known |= names
            groups[group] = replace(part, **{name: values[name] for name in names & values.keys()})
        unknown = values.keys() - known
        if unknown:
            raise ValueError(f"expected settings of {', '.join(sorted(known))}, got {sorted(unknown)}")
        return replace(self, size_px=values.get("size_px", self.size_px), **groups)


DEFAULTS: Mapping[str, TrainingSettings] = {
    # No paper's own: the batch, rate and size of the context encoder, whose layers it has.
    "autoencoder": TrainingSettings(
        size_px=128,
        schedule=Schedule(steps=100_000),
        optimisation=Optimisation(learning_rate=2e-4, critic_learning_rate=2e-4),
        run=RunSettings(batch=64),
    ),
    # Pathak et al. 2016, section 4 and the released code: 0.999 and 0.001, the critic slower by ten.
    "context-encoder": TrainingSettings(
        size_px=128,
        schedule=Schedule(steps=100_000),
        optimisation=Optimisation(learning_rate=2e-3, critic_learning_rate=2e-4),
        losses=LossWeights(reconstruction=0.999, adversarial=0.001),
        run=RunSettings(batch=64),
    ),
    # Iizuka et al. 2017, section 3.4 and 4: 90,000 steps of completion, 10,000 of the critic, 400,000
    # of both.
    "glcic": TrainingSettings(
        size_px=256,
        schedule=Schedule(steps=500_000, generator_share=0.18, critic_share=0.02),
        optimisation=Optimisation(optimiser="adadelta", learning_rate=1.0, critic_learning_rate=1.0),
        losses=LossWeights(adversarial=0.0004),
        run=RunSettings(batch=96),
    ),
    # Yu et al. 2018 and the authors' code (inpaint.yml of release v1.0.0); the base of the discount is the
    # paper's 0.99, the code has 0.9.
    "deepfillv1": TrainingSettings(
        size_px=256,
        schedule=Schedule(steps=1_000_000, critic_updates=5),
        optimisation=Optimisation(betas=(0.5, 0.9)),
        losses=LossWeights(reconstruction=1.2, coarse=1.2, known=1.2, adversarial=0.001),
        run=RunSettings(batch=16),
    ),
    # Yu et al. 2019, section 3.3: hinge and L1, 1:1; rates and batch of the authors' code (release v2.0.0),
    # which runs until it is stopped: the steps are mmagic's.
    "deepfillv2": TrainingSettings(
        size_px=256,
        schedule=Schedule(steps=1_000_000),
        run=RunSettings(batch=16),
    ),
    # No paper's own.
    "mask-prediction": TrainingSettings(
        size_px=256,
        schedule=Schedule(steps=100_000),
        optimisation=Optimisation(learning_rate=1e-3, betas=(0.9, 0.999), decay="cosine", ema=0.999),
        losses=LossWeights(adversarial=0.0),
        run=RunSettings(batch=16),
    ),
    # EdgeConnect (Nazeri et al. 2019, section 4.1 and the released config.yml); the cross entropy is ours.
    "edge-prediction": TrainingSettings(
        size_px=256,
        schedule=Schedule(steps=2_000_000),
        optimisation=Optimisation(critic_learning_rate=1e-5, betas=(0.0, 0.9)),
        run=RunSettings(batch=8),
    ),
    # As DeepFillv2.
    "reconstruction": TrainingSettings(
        size_px=256, schedule=Schedule(steps=1_000_000), run=RunSettings(batch=16)
    ),
}
