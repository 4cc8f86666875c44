"""What --help says: one screen of what most people need, everything on demand."""

import click
import pytest

from removal.cli.erase import erase
from removal.cli.grouping import GROUPS, GroupedOption
from removal.cli.main import COMMANDS, cli

OPTIONS = [option for option in erase.params if isinstance(option, click.Option)]


@pytest.fixture
def asked(monkeypatch):
    """The options that the command hands to the library; nothing is run."""
    seen = []

    def run(photos, options, **others):
        seen.append(options)
        others["tell_report"](None)
        return iter(())

    monkeypatch.setattr("removal.batch.run.run", run)
    return seen


@pytest.mark.parametrize("columns", [80, 100])
def test_the_short_help_fits_a_screen(invoke, columns):
    lines = invoke("--help").stdout.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80


def test_the_short_help_groups_what_most_people_need(invoke):
    text = invoke("--help").stdout
    places = [text.index(f"{group}:\n") for group in GROUPS]
    assert places == sorted(places)
    assert "  --class NAME   Remove every object of this class, such as person or dog.\n" in text
    assert "--working-size" not in text
    assert all(f"\n  {name} " in text for name in COMMANDS if name != "erase")


@pytest.mark.parametrize("args", [["--help-all"], ["erase", "--help"], ["-h"]])
def test_the_full_help_has_every_option_under_its_heading(invoke, args):
    result = invoke(*args)
    assert result.exit_code == 0
    names = {name for option in OPTIONS for name in option.opts if name.startswith("--")}
    missing = {name for name in names if name not in result.stdout}
    assert bool(missing) == (args == ["-h"])
    if args == ["--help-all"]:
        assert all(f"\n  {name} " in result.stdout for name in COMMANDS if name != "erase")


def test_every_option_has_a_heading():
    assert all(isinstance(option, GroupedOption) and option.group in GROUPS for option in OPTIONS)


def all_options(command):
    for option in command.params:
        if isinstance(option, click.Option):
            yield option
    for inner in getattr(command, "commands", {}).values():
        yield from all_options(inner)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_text_is_whole_sentences(name):
    for option in all_options(cli.get_command(click.Context(cli), name)):
        assert option.help, option.name
        text = option.help.partition("  [default: ")[0]
        assert text[0].isupper(), text
        assert text.endswith("."), text


def test_each_line_about_a_command_is_short(invoke):
    for name, (_, text) in COMMANDS.items():
        assert text.endswith("."), name
        assert len(text) <= 60, name


def test_class_names_as_people_type_them(invoke, asked):
    result = invoke("--class", "People", "--class", "tv monitors", "--class", "Cars", "photo.jpg")
    assert result.exit_code == 0, result.output
    assert asked[0].classes == ("person", "tv", "car")
    assert result.stderr == ""


def test_a_word_for_some_of_a_class_is_said_to_mean_all(invoke, asked):
    result = invoke("--class", "woman", "photo.jpg")
    assert asked[0].classes == ("person",)
    assert result.stderr == "--class woman: this is read as 'person', so that each one is removed\n"


def test_masks_keep_the_names_that_were_typed(invoke, asked, tmp_path):
    (tmp_path / "masks").mkdir()
    invoke("--class", "people", "--masks", "masks", "photo.jpg")
    assert asked[0].classes == ("people",)


def test_a_misspelt_class_gets_a_suggestion_that_makes_sense(invoke, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"")
    result = invoke("--class", "peopel", "photo.jpg")
    assert result.exit_code == 2
    assert "unknown class 'peopel': did you mean 'person'?" in result.stderr


def test_the_group_takes_no_other_option(invoke):
    assert "--help-all" in cli.get_help(click.Context(cli, info_name="remove"))


def test_errors_do_not_name_a_command_that_nobody_typed(invoke):
    result = invoke("--effort", "slow", "photo.jpg")
    assert result.exit_code == 2
    assert "erase" not in result.stderr
    assert " --help' for help." in result.stderr
