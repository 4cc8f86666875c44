import pytest

from _removal_support.orders import ConfigError, config_file, order_from, order_source

VARIABLE = "REMOVAL_INPAINTER"


def known() -> tuple[str, ...]:
    return ("auto", "lama", "exemplar", "telea")


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.delenv("REMOVAL_CONFIG")
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "removal" / "config.toml"
    path.parent.mkdir()

    def write(text):
        path.write_text(text)
        return path

    return write


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(written, monkeypatch):
    assert order_from(VARIABLE, ("a",), known) == ("a",)
    assert order_source(VARIABLE) == "the default"
    path = written('[removal]\ninpainter = ["lama", "exemplar"]\n')
    assert config_file() == path
    assert order_from(VARIABLE, ("a",), known) == ("lama", "exemplar")
    assert order_source(VARIABLE) == str(path)
    assert order_from("REMOVAL_SEGMENTER", ("b",), known) == ("b",)
    monkeypatch.setenv(VARIABLE, " telea ,, ")
    assert order_from(VARIABLE, ("a",), known) == ("telea",)
    assert order_source(VARIABLE) == VARIABLE


@pytest.mark.parametrize("name", ["photoshop", "auto"])
def test_a_name_that_nobody_knows_is_found_wherever_it_stands(written, monkeypatch, name):
    path = written(f'[removal]\ninpainter = ["telea", "{name}"]\n')
    with pytest.raises(ConfigError) as caught:
        order_from(VARIABLE, ("a",), known)
    assert str(caught.value) == f"{path}: expected names out of lama, exemplar, telea, got {name}"
    monkeypatch.setenv(VARIABLE, f"telea,{name}")
    with pytest.raises(ConfigError, match=f"REMOVAL_INPAINTER: expected names .*, got {name}"):
        order_from(VARIABLE, ("a",), known)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("removal = 3", r"expected a table \[removal\], got 3"),
        (
            "[removal]\ninpainters = []",
            r"expected segmenter, inpainter, prompter in \[removal\], got inpainters",
        ),
        ("[removal]\ninpainter = []", r"expected inpainter as a list of names, got \[\]"),
        ('[removal]\ninpainter = "lama"', "expected inpainter as a list of names, got 'lama'"),
        ("[removal\n", "expected a file of settings in TOML"),
    ],
)
def test_what_the_file_says_wrongly_is_named(written, text, words):
    path = written(text)
    with pytest.raises(ConfigError, match=words) as caught:
        order_from(VARIABLE, (), known)
    assert str(path) in str(caught.value)


def test_a_file_that_is_asked_for_must_be_there(written, monkeypatch, tmp_path):
    monkeypatch.setenv("REMOVAL_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(ConfigError, match=r"REMOVAL_CONFIG names .*none\.toml, which is not there"):
        order_from(VARIABLE, (), known)


def test_on_windows_it_lies_with_the_other_settings(written, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("APPDATA", str(tmp_path / "Roaming"))
    assert config_file() == tmp_path / "Roaming" / "removal" / "config.toml"
