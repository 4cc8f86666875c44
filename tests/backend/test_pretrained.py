import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from backend.pretrained import PretrainedWeights, WeightsError, fetch

BODY = bytes(range(256)) * 8192  # 2 MiB
DIGEST = hashlib.sha256(BODY).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Paths say how to behave: /ok, /breaks-once, /breaks (always), /no-range, /silent, /stalls; else 404."""

    def do_GET(self):
        self.server.requests.append((self.path, self.headers.get("Range")))
        if self.path == "/silent/w.pth":
            self.server.closing.wait(5)
            return
        if not self.path.endswith("/w.pth") or self.path.startswith("/missing"):
            self.send_error(404)
            return
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and "no-range" not in self.path else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(BODY) - start))
        self.end_headers()
        cut_short = "once" in self.path and len(self.server.requests) == 1
        cut_short = cut_short or "breaks/" in self.path or "stalls" in self.path
        self.wfile.write(BODY[start : start + 400_000] if cut_short else BODY[start:])
        if "stalls" in self.path:
            self.wfile.flush()
            self.server.closing.wait(5)

    def log_message(self, format, *args):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.requests, server.closing = [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv("REMOVAL_OFFLINE", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    return tmp_path / "hub" / "checkpoints"


def record(server, kind: str, sha256_prefix: str = DIGEST[:8]) -> PretrainedWeights:
    url = f"http://127.0.0.1:{server.server_port}/{kind}/w.pth"
    return PretrainedWeights("w", "w.pth", url, sha256_prefix, "none", "a test", "nothing", "bytes")


def assert_nothing_left(cache):
    assert not cache.exists() or not list(cache.iterdir())


def test_a_file_is_fetched_once(server, cache, capsys):
    weights = record(server, "ok")
    assert not weights.is_cached()
    assert fetch(weights) == cache / "w.pth" == fetch(weights)
    assert (cache / "w.pth").read_bytes() == BODY
    assert len(server.requests) == 1
    assert [path.name for path in cache.iterdir()] == ["w.pth"]
    assert capsys.readouterr() == ("", "")  # the bar is for a terminal


def test_a_break_is_taken_up_where_it_broke(server, cache):
    fetch(record(server, "breaks-once"))
    assert (cache / "w.pth").read_bytes() == BODY
    (_, first), (_, second) = server.requests
    assert first is None
    start = int(second.removeprefix("bytes=").rstrip("-"))
    assert 0 < start <= 400_000


def test_a_break_starts_over_where_the_server_knows_no_ranges(server, cache):
    fetch(record(server, "no-range-once"))
    assert (cache / "w.pth").read_bytes() == BODY
    assert len(server.requests) == 2


def test_a_connection_that_keeps_breaking_leaves_nothing(server, cache):
    with pytest.raises(WeightsError, match="the connection broke 3 times"):
        fetch(record(server, "breaks"))
    assert len(server.requests) == 3
    assert_nothing_left(cache)


@pytest.mark.parametrize("kind", ["silent", "stalls"])
def test_silence_is_given_up_on(server, cache, kind):
    begun = time.monotonic()
    with pytest.raises(WeightsError, match=r"nothing answered within 0\.3 s"):
        fetch(record(server, kind), timeout_s=0.3)
    assert time.monotonic() - begun < 3
    assert_nothing_left(cache)


def test_errors_name_file_url_and_folder(server, cache):
    weights = record(server, "missing")
    with pytest.raises(WeightsError, match="the server answered 404 Not Found") as error:
        fetch(weights)
    for part in ("w.pth", weights.url, str(cache)):
        assert part in str(error.value)
    assert "\n" not in str(error.value)
    assert_nothing_left(cache)


def test_nobody_listening(server, cache):
    weights = PretrainedWeights(
        "w", "w.pth", "http://127.0.0.1:9/w.pth", "00", "none", "a test", "nothing", "bytes"
    )
    with pytest.raises(WeightsError, match="no connection to the server"):
        fetch(weights)
    assert_nothing_left(cache)


def test_a_wrong_hash_is_not_kept(server, cache):
    with pytest.raises(WeightsError, match=f"starting 12345678, got {DIGEST[:8]}"):
        fetch(record(server, "ok", "12345678"))
    assert_nothing_left(cache)


def test_a_wrong_file_in_the_cache_is_named_and_left_alone(server, cache):
    cache.mkdir(parents=True)
    (cache / "w.pth").write_bytes(b"half")
    with pytest.raises(WeightsError, match="delete it") as error:
        fetch(record(server, "ok"))
    assert str(cache / "w.pth") in str(error.value)
    assert (cache / "w.pth").read_bytes() == b"half"
    assert not server.requests


def test_offline_asks_nobody(server, cache, monkeypatch):
    monkeypatch.setenv("REMOVAL_OFFLINE", "1")
    with pytest.raises(WeightsError, match="REMOVAL_OFFLINE is set") as error:
        fetch(record(server, "ok"))
    assert str(cache) in str(error.value)
    assert not server.requests
    cache.mkdir(parents=True)
    (cache / "w.pth").write_bytes(BODY)
    assert fetch(record(server, "ok")) == cache / "w.pth"


def test_two_at_once(server, cache):
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(fetch, [record(server, "ok")] * 2))
    assert paths == [cache / "w.pth"] * 2
    assert (cache / "w.pth").read_bytes() == BODY
    assert [path.name for path in cache.iterdir()] == ["w.pth"]


def test_a_cache_that_cannot_be_written(server, tmp_path):
    (tmp_path / "hub").write_text("a file where the folder should be")
    with pytest.raises(WeightsError, match=r"w\.pth could not be fetched"):
        fetch(record(server, "ok"))


def test_a_file_that_is_handed_to_people_only_is_not_asked_for(server, cache):
    weights = replace(record(server, "ok"), by_hand=True)
    with pytest.raises(WeightsError, match=r"handed to people only; download w\.pth from http") as error:
        fetch(weights)
    assert str(error.value).endswith(f"and put it in {cache}")
    assert server.requests == []
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "w.pth").write_bytes(BODY)
    assert fetch(weights) == cache / "w.pth"


def test_without_a_published_hash_the_file_is_taken_as_it_is(server, cache):
    weights = replace(record(server, "ok"), sha256_prefix=None)
    assert fetch(weights).read_bytes() == BODY
