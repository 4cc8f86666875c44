"""Settings of training as options of `remove train`: how long, rates, losses, the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from removal.cli.grouping import ValueType, grouped

PAPERS = "the paper's"


@dataclass(frozen=True)
class Setting:
    """A number or word of `inpaint.training.settings`, as an option: unset, the paper's stays."""

    name: str
    kind: ValueType
    about: str
    default: str = PAPERS

    def option(self, group: str) -> Any:
        flag = "--" + self.name.replace("_", "-")
        return grouped(
            group, flag, self.name, type=self.kind, help=f"{self.about}  [default: {self.default}]"
        )


def count(least: int, most: int | None = None) -> ValueType:
    return click.IntRange(least, most)


def share(most: float | None = 1.0) -> ValueType:
    return click.FloatRange(0, most)


SETTINGS = {
    "How long": (
        Setting("steps", count(1), "Update the network this many times."),
        Setting(
            "generator_share",
            share(),
            "Train without the critic for this share of the steps, the first ones.",
        ),
        Setting(
            "critic_share", share(), "Train the critic alone for this share of the steps, those that follow."
        ),
        Setting(
            "critic_updates", count(1, 100), "Update the critic this often for each update of the network."
        ),
    ),
    "Rates": (
        Setting("optimiser", click.Choice(["adam", "adadelta"]), "Choose the optimiser."),
        Setting("learning_rate", click.FloatRange(1e-9, 10), "Set the learning rate of the network."),
        Setting("critic_learning_rate", click.FloatRange(1e-9, 10), "Set the learning rate of the critic."),
        Setting(
            "decay",
            click.Choice(["constant", "cosine"]),
            "Choose how both rates change; cosine lets them fall to 0 at the last step.",
        ),
        Setting("warmup_steps", count(0), "Let the rates rise from 0 over this many steps."),
        Setting(
            "ema",
            share(0.99999),
            "Keep a running average of the weights, with this decay per step; 0 switches it off.",
        ),
        Setting("clip", share(None), "Bound the norm of the gradients by this; 0 switches it off."),
    ),
    "Losses": (
        Setting("reconstruction", share(None), "Weight the distance to the photo by this."),
        Setting("coarse", share(None), "Multiply the distances of the first of two stages by this."),
        Setting("known", share(None), "Weight the distance outside the hole by this."),
        Setting("adversarial", share(None), "Weight the adversarial loss by this; 0 switches it off."),
        Setting("map", share(None), "For blind repair, weight the loss of the damage map by this."),
        Setting("edges", share(None), "For blind repair, weight the cross entropy of the edges by this."),
        Setting(
            "feature_matching",
            share(None),
            "For blind repair, weight the feature matching of the edges by this.",
        ),
        Setting(
            "gradient_penalty", share(None), "Weight the gradient penalty of the Wasserstein critics by this."
        ),
        Setting(
            "discount",
            click.FloatRange(1e-6, 1),
            "Set the base of the spatially discounted loss; 1 switches it off.",
        ),
    ),
    "Run": (
        Setting("size_px", count(16, 2048), "Train on squares of this height and width."),
        Setting("batch", count(1, 4096), "Put this many photos through the network at once."),
        Setting(
            "accumulate", count(1, 4096), "Add up the gradients of this many passes for one update.", "1"
        ),
        Setting("workers", count(0, 256), "Read photos in this many processes.", "2"),
        Setting("device", click.STRING, "Compute on this device: auto, cpu, cuda or cuda:N.", "auto"),
        Setting(
            "precision",
            click.Choice(["float32", "bfloat16", "float16"]),
            "Compute in this precision; the weights are always float32.",
            "float32",
        ),
        Setting("seed", count(0, 2**63 - 1), "Start the random numbers here.", "0"),
        Setting("minutes", share(None), "Stop after this many minutes, ready for --resume.", "off"),
        Setting("log_every", count(1), "Write a line of the log every so many steps.", "50"),
        Setting("show_every", count(1), "Write figures and pictures every so many steps.", "1000"),
        Setting("save_every", count(1), "Write a checkpoint every so many steps.", "1000"),
    ),
}


def training_settings_options(command: Any) -> Any:
    for group, settings in reversed(SETTINGS.items()):
        for setting in reversed(settings):
            command = setting.option(group)(command)
    return command
