"""Repositories of the Hugging Face Hub: the cache's own layout, and a server that refuses."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from _removal_support import hub
from _removal_support.hub import HubError, cached_snapshot, fetch_snapshot, is_repository_name
from _removal_support.pretrained import PretrainedWeights, WeightsError, fetch

pytest.importorskip("huggingface_hub")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def answering(monkeypatch):
    """Makes the Hub a server that answers every question with one status and one error code."""
    from huggingface_hub import constants

    servers = []

    def start(status, code=None):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                if code:
                    self.send_header("X-Error-Code", code)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_HEAD = do_GET  # noqa: N815 (the name that the base class calls)

            def log_message(self, *words):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        point_at(f"http://127.0.0.1:{server.server_port}")

    def point_at(url):
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}"
        )

    start.point_at = point_at
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def in_cache(cache, *, whole=True):
    folder = cache / "models--me--mine"
    snapshot = folder / "snapshots" / "abc123"
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc123")
    (folder / "blobs").mkdir()
    (snapshot / "model_index.json").write_text("{}")
    if not whole:
        (folder / "blobs" / "x.incomplete").write_text("")
    return snapshot


def weights():
    return PretrainedWeights(
        "mine", "model_index.json", "https://huggingface.co/me/mine", None, "", "", "", "",
        repository="me/mine", patterns=("*.json",),
    )  # fmt: skip


def test_names_have_an_owner():
    assert is_repository_name("stable-diffusion-v1-5/stable-diffusion-inpainting")
    for text in ("lama", "/a/b", "a/b/c", "../x", "C:\\x", "a/", "./a/b"):
        assert not is_repository_name(text)


def test_what_is_in_the_cache_is_found_without_a_network(cache):
    assert cached_snapshot("me/mine") is None
    assert not weights().is_cached()
    snapshot = in_cache(cache)
    assert cached_snapshot("me/mine") == snapshot
    assert cached_snapshot("me/mine", "unet.json") is None
    assert weights().is_cached()
    assert weights().path() == snapshot
    assert fetch_snapshot("me/mine", ["*.json"], offline=True, timeout_s=1) == snapshot


def test_a_broken_download_is_not_whole(cache):
    in_cache(cache, whole=False)
    assert cached_snapshot("me/mine") is None


def test_offline_nothing_is_asked(cache, monkeypatch):
    monkeypatch.setenv("REMOVAL_OFFLINE", "1")
    with pytest.raises(
        WeightsError, match=r"me/mine cannot be had: it is not in the cache and REMOVAL_OFFLINE"
    ):
        fetch(weights())


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "GatedRepo", r"it is gated: accept its terms on https://huggingface\.co/me/mine"),
        (404, "RepoNotFound", "there is no such repository, or it is private"),
    ],
)
def test_what_the_hub_refuses_is_one_line(cache, answering, status, code, words):
    answering(status, code)
    with pytest.raises(WeightsError, match=words) as caught:
        fetch(weights())
    assert "\n" not in str(caught.value)
    assert "give that as the weights" in str(caught.value)


def test_no_connection_is_one_line(cache, answering):
    answering.point_at("http://127.0.0.1:9")
    with pytest.raises(HubError, match="no connection to the Hub, and it is not in the cache"):
        fetch_snapshot("me/mine", ["*.json"], offline=False, timeout_s=2)


def test_without_the_library_that_is_said(monkeypatch):
    monkeypatch.setattr(hub, "find_spec", lambda name: None)
    with pytest.raises(HubError, match="huggingface_hub is not installed"):
        fetch_snapshot("me/mine", [], offline=False, timeout_s=1)
