"""The command line: a group whose default command erases objects, so that `remove --class person photo.jpg`
just works."""

from __future__ import annotations

import importlib
import os
import sys

import click

from removal import __version__
from removal.cli import interruption

COMMANDS = {  # name -> module with the click command of that name, imported when it is needed
    "erase": "removal.cli.erase",
    "demo": "removal.cli.demo",
    "compare": "removal.cli.compare",
    "evaluate": "removal.cli.evaluate",
    "masks": "removal.cli.masks",
    "serve": "removal.cli.serve",
    "train": "removal.cli.train",
    "weights": "removal.cli.weights",
}
DEFAULT = "erase"


class DefaultCommandGroup(click.Group):
    """Runs `erase` where the first word is not a command; imports a command's module only when it is used."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        return getattr(importlib.import_module(COMMANDS[name]), name)

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        own = ("-h", "--help", "--version")
        if args and args[0] not in COMMANDS and args[0] not in own:
            args = [DEFAULT, *args]
        return super().parse_args(context, args)

    def format_help(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The default command's own help, then the other commands."""
        erase = self.get_command(context, DEFAULT)
        assert erase is not None
        erase_context = click.Context(erase, info_name=context.info_name, parent=None)
        erase.format_help(erase_context, formatter)
        with formatter.section("Commands (a photo of that name is given as ./NAME)"):
            rows = []
            for name in COMMANDS:
                command = self.get_command(context, name)
                if command is not None and name != DEFAULT:
                    rows.append((name, command.get_short_help_str(100)))
            rows.append(("--version", "Show the version and exit."))
            formatter.write_dl(rows)


@click.group(
    cls=DefaultCommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="remove")
def cli() -> None:
    """Erase objects from photos."""


def main() -> None:
    """Console entry: as click's own, but Ctrl-C is one line and status 130."""
    interruption.listen()
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
        error.show()
        sys.exit(error.exit_code)
    sys.exit(status if isinstance(status, int) else 0)


def hush_pillow() -> None:
    """Pillow tells of damaged headers in lines that name no photo; ours name it where it cannot be read."""
    import logging
    import warnings

    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)


if __name__ == "__main__":
    main()
