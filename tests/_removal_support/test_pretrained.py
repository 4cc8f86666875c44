import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from _removal_support.pretrained import PretrainedWeights, WeightsError, fetch

BODY = bytes(range(256)) * 8192  # 2 MiB
DIGEST = hashlib.sha256(BODY).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Paths say how to behave; see `Handler.answers`, else 404."""

    def do_GET(self):
        self.server.requests.append((self.path, self.headers.get("Range")))
        kind = self.path.split("/")[1]
        number = len(self.server.requests)
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if not self.path.endswith("/w.pth") or kind == "missing":
            self.send_error(404)
        elif kind == "silent":
            self.server.closing.wait(5)
        elif kind == "ok":
            self.reply(start)
        elif kind == "breaks":
            self.reply(start, upto=start + 400_000)
        elif kind == "breaks-once":
            self.reply(start, upto=400_000 if number == 1 else None)
        elif kind == "no-range-once":
            self.reply(0, upto=400_000 if number == 1 else None)
        elif kind == "stalls-always":  # nothing after the first piece
            self.reply(start, upto=400_000 if number == 1 else start)
            self.server.closing.wait(5)
        elif kind == "stalls-once":
            self.reply(start, upto=400_000 if number == 1 else None)
            if number == 1:
                self.server.closing.wait(5)
        elif kind == "length-abc":
            self.reply(start, length="abc")
        elif kind == "bad-redirect":
            self.send_response(302)
            self.send_header("Location", "http://[oops/w.pth")
            self.end_headers()
        elif kind == "busy":  # 503 after a first piece
            if number == 2:
                self.send_error(503)
            else:
                self.reply(start, upto=400_000 if number == 1 else None)
        elif kind == "busy-at-once":
            self.send_error(503)
        elif kind == "range-refused":
            if asked:
                self.send_error(416)
            else:
                self.reply(0, upto=400_000 if number == 1 else None)
        elif kind == "other-range":  # answers from byte 0 whatever is asked, and says so
            self.reply(0, upto=400_000 if number == 1 else None, status=206 if asked else 200)
        elif kind == "spoilt":  # the second piece is of another file
            self.reply(start, upto=400_000 if number == 1 else None, spoilt=number == 2)
        elif kind == "no-length":
            self.reply(0, upto=400_000 if number == 1 else None, length=None)
        elif kind == "trickle":
            self.reply(0, upto=1)
            while not self.server.closing.wait(0.1):
                self.wfile.write(b"x")

    def reply(self, start, *, upto=None, length="true", status=None, spoilt=False):
        self.send_response(status or (206 if start else 200))
        if length is not None:
            self.send_header("Content-Length", str(len(BODY) - start) if length == "true" else length)
        if start or status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        self.end_headers()
        body = BODY[start:upto]
        self.wfile.write(body[::-1] if spoilt else body)
        self.wfile.flush()

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
    assert second == "bytes=400000-"


def test_a_break_starts_over_where_the_server_knows_no_ranges(server, cache):
    fetch(record(server, "no-range-once"))
    assert (cache / "w.pth").read_bytes() == BODY
    assert len(server.requests) == 2


def test_a_connection_that_keeps_breaking_leaves_nothing(server, cache):
    with pytest.raises(WeightsError, match="the connection broke 3 times"):
        fetch(record(server, "breaks"))
    assert len(server.requests) == 3
    assert_nothing_left(cache)


@pytest.mark.parametrize(("kind", "requests"), [("silent", 1), ("stalls-always", 2)])
def test_silence_is_given_up_on(server, cache, kind, requests):
    begun = time.monotonic()
    with pytest.raises(WeightsError, match=r"nothing answered within 0\.3 s"):
        fetch(record(server, kind), timeout_s=0.3)
    assert time.monotonic() - begun < 0.3 * requests + 0.6
    assert len(server.requests) == requests  # after a silence that brought nothing there is no other
    assert_nothing_left(cache)


def test_a_silence_after_some_bytes_is_followed_by_another_request(server, cache):
    fetch(record(server, "stalls-once"), timeout_s=0.3)
    assert (cache / "w.pth").read_bytes() == BODY
    assert [asked for _, asked in server.requests] == [None, "bytes=400000-"]


def test_a_trickle_is_given_up_on(server, cache):
    begun = time.monotonic()
    with pytest.raises(WeightsError, match="less than 1000 bytes a second came"):
        fetch(record(server, "trickle"), timeout_s=0.4)
    assert time.monotonic() - begun < 1.5
    assert len(server.requests) == 1
    assert_nothing_left(cache)


def test_a_length_that_is_no_number_is_passed_over(server, cache):
    fetch(record(server, "length-abc"))
    assert (cache / "w.pth").read_bytes() == BODY


def test_a_redirect_that_cannot_be_read_is_an_error_of_ours(server, cache):
    with pytest.raises(WeightsError, match=r"w\.pth could not be fetched: Invalid IPv6 URL"):
        fetch(record(server, "bad-redirect"))
    assert_nothing_left(cache)


def test_a_server_that_is_busy_after_some_bytes_is_asked_again(server, cache):
    fetch(record(server, "busy"), timeout_s=1)
    assert (cache / "w.pth").read_bytes() == BODY
    assert [asked for _, asked in server.requests] == [None, "bytes=400000-", "bytes=400000-"]


def test_a_server_that_is_busy_at_once_is_not_asked_again(server, cache):
    with pytest.raises(WeightsError, match="the server answered 503"):
        fetch(record(server, "busy-at-once"))
    assert len(server.requests) == 1


def test_a_connection_refused_after_some_bytes_is_tried_again(server, cache, monkeypatch):
    import requests

    get, asked = requests.get, []

    def refuse_the_second(*arguments, **options):
        asked.append(options["headers"].get("Range"))
        if len(asked) == 2:
            raise requests.ConnectionError("refused")
        return get(*arguments, **options)

    monkeypatch.setattr(requests, "get", refuse_the_second)
    fetch(record(server, "breaks-once"), timeout_s=1)
    assert (cache / "w.pth").read_bytes() == BODY
    assert asked == [None, "bytes=400000-", "bytes=400000-"]


@pytest.mark.parametrize("kind", ["range-refused", "other-range"])
def test_a_server_that_does_not_continue_there_is_asked_for_the_whole(server, cache, kind):
    fetch(record(server, kind))
    assert (cache / "w.pth").read_bytes() == BODY
    assert [asked for _, asked in server.requests] == [None, "bytes=400000-", None]


@pytest.mark.parametrize(
    ("kind", "asked"), [("spoilt", [None, "bytes=400000-", None]), ("no-length", [None, None])]
)
def test_a_file_that_a_transfer_may_have_spoilt_is_fetched_once_more(server, cache, kind, asked):
    fetch(record(server, kind))
    assert (cache / "w.pth").read_bytes() == BODY
    assert [start for _, start in server.requests] == asked


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


@pytest.mark.parametrize("kind", ["ok", "length-abc"])  # the length stated, and not
def test_a_download_larger_than_the_record_says_is_given_up(server, cache, kind):
    weights = replace(record(server, kind), size_bytes=len(BODY) - 1)
    with pytest.raises(WeightsError, match=r"expected at most 2,097,151 bytes, the server sends more"):
        fetch(weights)
    assert_nothing_left(cache)
    assert fetch(replace(weights, size_bytes=len(BODY))).read_bytes() == BODY
