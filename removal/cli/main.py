"""The command line: a group whose default command erases objects, so that `remove --class person photo.jpg`
just works."""

from __future__ import annotations

import importlib
import os
import sys

import click

from _removal_support.errors import describe
from removal import __version__
from removal.cli import interruption
from removal.cli.grouping import GroupedCommand, write_groups
from removal.cli.terminal import drop_output, prepare_streams, show

COMMANDS = {  # name -> module with the click command of that name, imported when it is used; what it does
    "erase": ("removal.cli.erase", "Erase objects from photos."),
    "demo": ("removal.cli.demo", "Remove a figure from a rendered scene that ships with it."),
    "compare": ("removal.cli.compare", "Compare inpainters on the same holes."),
    "evaluate": ("removal.cli.evaluate", "Measure masks, refinement and inpainters on photos."),
    "masks": ("removal.cli.masks", "Check masks from another team, or write masks for one."),
    "models": ("removal.cli.models", "List the models, and which of them can run here."),
    "serve": ("removal.cli.serve", "Open the page: point at what should go, look, correct, keep."),
    "train": ("removal.cli.train", "Train a network on your photos."),
    "weights": ("removal.cli.weights", "List, fetch, check or convert weights."),
}
DEFAULT = "erase"
EXAMPLES = """Erase objects from photos: name a class, get the photo back without it.

\b
remove --class person photo.jpg          writes photo.removed.jpg beside it
remove --class dog photos/ -o out/       works through a folder"""


class DefaultCommandGroup(click.Group):
    """Runs `erase` where the first word is not a command; imports a command's module only when it is used."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(COMMANDS[name][0]), name)
        return command

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        own = ("-h", "--help", "--help-all", "--version")
        if args and args[0] not in COMMANDS and args[0] not in own:
            args = [DEFAULT, *args]
        return super().parse_args(context, args)

    def format_help(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """One screen: what most people need of the default command, and the other commands."""
        erase, erase_context = self._default(context)
        erase.format_usage(erase_context, formatter)
        with formatter.indentation():
            formatter.write_paragraph()
            formatter.write_text(EXAMPLES)
        write_groups(erase.option_groups(erase_context, short=True), formatter)
        self._write_commands(formatter)

    def format_full_help(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Every option of the default command, and the other commands."""
        erase, erase_context = self._default(context)
        erase.format_help(erase_context, formatter)
        self._write_commands(formatter)

    def _default(self, context: click.Context) -> tuple[GroupedCommand, click.Context]:
        erase = self.get_command(context, DEFAULT)
        assert isinstance(erase, GroupedCommand)
        names = context.help_option_names
        return erase, click.Context(erase, info_name=context.info_name, help_option_names=names)

    def _write_commands(self, formatter: click.HelpFormatter) -> None:
        """A line for each command, by what is written here: no command is imported for it."""
        with formatter.section("Commands (remove COMMAND --help; a photo of that name is given as ./NAME)"):
            formatter.write_dl(
                [(name, text) for name, (_, text) in COMMANDS.items() if name != DEFAULT], col_max=26
            )
        formatter.write_paragraph()
        formatter.write_text("remove --help-all shows every option; remove --version the version.")


def show_full_help(context: click.Context, option: click.Parameter, value: bool) -> None:
    """What --help-all does."""
    if value and isinstance(context.command, DefaultCommandGroup):
        formatter = context.make_formatter()
        context.command.format_full_help(context, formatter)
        click.echo(formatter.getvalue().rstrip("\n"))
        context.exit()


@click.group(
    cls=DefaultCommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--help-all", is_flag=True, is_eager=True, expose_value=False, callback=show_full_help)
@click.version_option(__version__, prog_name="remove")
def cli() -> None:
    """Erase objects from photos."""


def main() -> None:
    """Console entry: as click's own, but Ctrl-C is one line and status 130."""
    interruption.listen()
    prepare_streams()
    hush_pillow()
    # Read by OpenMP when torch or numba load it: its threads sleep while they wait instead of taking the
    # processor from those that work (1.6 times as many photos on two busy cores; one photo takes as long).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        status = cli.main(prog_name="remove", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Interrupted: what is written is whole; run the same command again to go on.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        show(error)
        sys.exit(error.exit_code)
    except OSError as error:  # of the help that click prints, say
        drop_output()
        show(click.ClickException(describe(error)))
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


def hush_pillow() -> None:
    """Pillow tells of damaged headers in lines that name no photo; ours name it where it cannot be read."""
    import logging
    import warnings

    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)


if __name__ == "__main__":
    main()
