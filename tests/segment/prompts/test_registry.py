import pytest

from _removal_support.orders import ConfigError
from segment.prompts import load_prompter, prompter_names
from segment.prompts.registry import is_cached, record, resolve_auto

NAMES = ("sam2.1-tiny", "sam2.1-small", "sam2.1-base-plus", "sam2.1-large", "sam-base")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and what puts a repository into it."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))

    def put(repository, *files):
        folder = tmp_path / f"models--{repository.replace('/', '--')}"
        (folder / "snapshots/abc").mkdir(parents=True)
        (folder / "refs").mkdir()
        (folder / "refs/main").write_text("abc")
        for file in files:
            (folder / "snapshots/abc" / file).touch()

    return put


def test_names():
    assert prompter_names() == ("auto", "classical", *NAMES)
    with pytest.raises(ValueError, match="expected one of auto, classical"):
        load_prompter("clicker")
    with pytest.raises(ValueError, match="expected one of"):
        record("auto")


def test_auto_takes_what_is_cached_and_fetches_nothing(cache):
    assert resolve_auto().name == "classical"
    assert not record("sam2.1-tiny").is_ready()
    cache("facebook/sam2.1-hiera-tiny", "config.json")  # half of it
    assert not is_cached("facebook/sam2.1-hiera-tiny")
    pytest.importorskip("transformers")
    cache("facebook/sam-vit-base", "config.json", "model.safetensors")
    assert resolve_auto().name == "sam-base"
    cache("facebook/sam2.1-hiera-small", "config.json", "model.safetensors")
    assert resolve_auto().name == "sam2.1-small"


def test_without_the_package_a_cached_network_is_not_taken(cache, monkeypatch):
    monkeypatch.setattr("segment.prompts.registry.find_spec", lambda name: None)
    cache("facebook/sam-vit-base", "config.json", "model.safetensors")
    assert resolve_auto().name == "classical"


def test_the_order_may_be_set(cache, monkeypatch):
    pytest.importorskip("transformers")
    cache("facebook/sam-vit-base", "config.json", "model.safetensors")
    monkeypatch.setenv("REMOVAL_PROMPTER", "classical, sam-base")
    assert resolve_auto().name == "classical"
    monkeypatch.setenv("REMOVAL_PROMPTER", "clicker")
    with pytest.raises(ConfigError, match=r"REMOVAL_PROMPTER: expected names out of .*, got clicker"):
        resolve_auto()


def test_the_cache_is_where_the_library_has_it(tmp_path, monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    from huggingface_hub import try_to_load_from_cache

    folder = tmp_path / "hub/models--somebody--sam"
    (folder / "snapshots/abc").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs/main").write_text("abc")
    for file in ("config.json", "model.safetensors"):
        (folder / "snapshots/abc" / file).touch()
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert constants.HF_HUB_CACHE
    found = try_to_load_from_cache("somebody/sam", "config.json", cache_dir=tmp_path / "hub")
    assert found == str(folder / "snapshots/abc/config.json")
    assert is_cached("somebody/sam")


@pytest.mark.parametrize("name", ["auto", "classical"])
def test_weights_need_a_network(name, tmp_path):
    with pytest.raises(ValueError, match="expected the name of a network"):
        load_prompter(name, weights=tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_every_network_is_described(name):
    known = record(name)
    assert known.repository.startswith("facebook/sam")
    assert known.licence == "Apache-2.0"
    assert known.kind == ("sam" if name == "sam-base" else "sam2")
    assert known.size_bytes > 1e8
