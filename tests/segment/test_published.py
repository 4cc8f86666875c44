"""Weights from a repository of the Hub, by a server on this machine."""

import pytest

pytest.importorskip("huggingface_hub")

from _removal_support.pretrained import WeightsError, fetch
from segment.published import MASK2FORMER, PUBLISHED, RF_DETR, SHORT_NAMES
from tests.hub_server import COMMIT, endpoint, hub

NANO, SMALL = RF_DETR[:2]


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A Hub with one repository, and an empty cache."""
    files = tmp_path / "files"
    files.mkdir()
    for name in (*NANO.patterns, "README.md"):
        (files / name).write_bytes(name.encode() * 1000)
    monkeypatch.delenv("REMOVAL_OFFLINE", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv(
        "HF_HUB_CACHE", str(tmp_path / "cache")
    )  # last: the library reads it when it is imported
    with hub({NANO.repository: files}) as server:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint(server))
        template = endpoint(server) + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield server


def test_a_repository_is_fetched_once_and_used_without_the_network(server, capfd):
    assert not NANO.is_cached()
    folder = fetch(NANO)
    assert folder.name == COMMIT
    assert sorted(file.name for file in folder.iterdir()) == sorted(NANO.patterns)
    assert (folder / "config.json").read_bytes() == b"config.json" * 1000
    assert NANO.is_cached()
    asked = list(server.requests)
    assert fetch(NANO) == folder
    assert server.requests == asked
    assert capfd.readouterr().err == "", "bars are for terminals"


def test_a_repository_that_is_not_there(server):
    with pytest.raises(
        WeightsError, match="Roboflow/rf-detr-seg-small cannot be had: there is no such"
    ) as error:
        fetch(SMALL)
    assert "download https://huggingface.co/Roboflow/rf-detr-seg-small into a folder" in str(error.value)
    assert not SMALL.is_cached()


def test_the_records_name_the_published_repositories():
    assert [known.repository for known in RF_DETR] == [
        f"Roboflow/rf-detr-seg-{size}" for size in ("nano", "small", "medium", "large", "xlarge")
    ]
    assert [known.scores for known in RF_DETR] == [
        (("mask AP", value),) for value in (40.3, 43.1, 45.3, 47.1, 48.8)
    ]
    assert [known.repository for known in MASK2FORMER] == [
        f"facebook/mask2former-swin-{size}-coco-instance" for size in ("tiny", "small", "base", "large")
    ]
    assert set(SHORT_NAMES.values()) <= set(PUBLISHED)
    assert SHORT_NAMES["rf-detr-nano"] == "rf-detr-seg-nano"
