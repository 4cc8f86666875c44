"""The flag of an error's setting, and what kind of click's errors it is."""

import click
import pytest

from removal.cli.errors import WrongUsage, click_error, flag_of, told_in_one_line, with_flag
from removal.cli.main import DefaultCommandGroup, cli
from removal.errors import PlanError, RunError
from removal.options import RunOptions


def test_every_setting_of_a_run_has_a_flag_of_the_command():
    erase = cli.get_command(click.Context(cli), "erase")
    assert isinstance(cli, DefaultCommandGroup)
    flags = {flag for option in erase.params for flag in (*option.opts, *option.secondary_opts)}
    assert {flag_of(name) for name in RunOptions.__dataclass_fields__} <= flags


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (PlanError("expected a mask", option="mask_label"), 2, "--mask-label: expected a mask"),
        (PlanError("expected a mask", option="boxes"), 2, "--box: expected a mask"),
        (PlanError("no photos given"), 2, "no photos given"),
        (RunError("expected a GPU\n got none", option="device"), 1, "--device: expected a GPU got none"),
        (OSError(2, "No such file", "a\x1b[2J.jpg"), 1, "No such file: 'a\\x1b[2J.jpg'"),
        (KeyError("label"), 1, "KeyError 'label'"),
    ],
)
def test_an_error_is_one_line_with_its_flag(error, status, text):
    told = click_error(error)
    assert (told.exit_code, told.message) == (status, text)


def test_only_what_is_meant_for_people_is_turned():
    with pytest.raises(WrongUsage, match=r"^-o: expected a folder$"), told_in_one_line():
        raise PlanError("expected a folder", option="output")
    with pytest.raises(KeyError), told_in_one_line():
        raise KeyError("a fault of ours")
    assert with_flag("text", None) == "text"
