"""`remove train`: one of the networks, on photos of one's own or a published data set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from removal.cli.erase import warn
from removal.cli.errors import click_error
from removal.cli.grouping import GroupedCommand
from removal.cli.shared_options import overwrite_option
from removal.cli.terminal import tell
from removal.cli.train_options import FOLDER, damage_options, photos_options, trained_network_options
from removal.cli.train_run import run_of
from removal.cli.train_settings import training_settings_options


@click.command(cls=GroupedCommand, no_args_is_help=True)
@click.argument("name", metavar="NAME")
@click.option("-o", "--out", type=FOLDER, required=True, help="Write the run into this folder.")
@click.option("--resume", is_flag=True, help="Continue from the last checkpoint of the run.")
@overwrite_option
@click.option("--dry-run", is_flag=True, help="Print parameters, work, memory and hours, and train nothing.")
@photos_options
@damage_options
@trained_network_options
@training_settings_options
def train(name: str, out: Path, resume: bool, overwrite: bool, dry_run: bool, **told: Any) -> None:
    """Train the network NAME on photos.

    NAME is autoencoder, context-encoder, glcic, deepfillv1 or deepfillv2; or, for repair without a mask,
    mask-prediction, edge-prediction or reconstruction. Settings that are not given are those of the
    network's paper. The run's folder gets config.json, log.jsonl, pictures, TensorBoard's events,
    state.pt and weights.safetensors, which `remove --inpainter NAME --weights FILE` uses. Ctrl-C stops after
    the step at hand; --resume goes on. For several processes put torchrun --nproc-per-node N -m
    removal.cli.start in place of remove.

    \b
    remove train deepfillv2 --images photos/ --out runs/mine
    remove train deepfillv2 --images photos/ --out runs/mine --dry-run
    """
    if resume and overwrite:
        raise click.UsageError("--resume continues a run and --overwrite starts anew: give one of them")
    quiet = int(os.environ.get("RANK", "0")) > 0
    try:
        run = run_of(name, out, told)
        if dry_run:
            from inpaint.training.plan import plan

            tell(*plan(run, report=warn).lines())
            return
        from inpaint.training.distributed import processes
        from inpaint.training.training_run import WEIGHTS, start
        from removal.evaluation.environment import facts

        with processes() as these:
            report = (lambda line: None) if quiet else warn
            result = start(
                run,
                out,
                resume=resume,
                overwrite=overwrite,
                made_with=facts(),
                processes=these,
                report=report,
            )
    except (OSError, ValueError, FloatingPointError) as error:
        raise click_error(error) from error
    if not quiet:
        rest = "" if result.finished else f"; {result.step} steps done, --resume goes on"
        tell(f"{out / WEIGHTS}{rest}")
