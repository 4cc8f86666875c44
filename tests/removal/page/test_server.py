"""Who is answered, and with what: the guard, the files of the page, uploads that mean harm."""

import json
import re
import socket
import threading
import tracemalloc

import numpy as np
import pytest

from removal.options import RunOptions
from removal.page.gallery import safe_name, safe_suffix
from removal.page.server import STATIC, prepare
from tests.removal.page.conftest import TestClient, encoded

HOST = "127.0.0.1:8723"
STATE = "/api/v1/state"


def error_of(answer, status):
    assert answer.status_code == status, answer.text
    message = answer.json()["error"]
    assert message
    assert "\n" not in message
    return message


def test_the_page_is_given_with_its_policy_its_cookie_and_its_token(session):
    page = session.client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["set-cookie"].startswith("removal_token_8723=")
    assert "HttpOnly; SameSite=Strict" in page.headers["set-cookie"]
    assert 'name="removal-token" content="the-token-of-this-start"' in page.text
    assert session.client.get(STATE).status_code == 200  # the cookie is enough to read


def test_nothing_of_the_page_asks_another_host_or_carries_code_in_its_markup():
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://", text), path.name
    assert not re.search(r"<script(?![^>]*src)|\sstyle=|\son\w+=", (STATIC / "index.html").read_text())


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1", "evil.example:8723", ""])
def test_another_name_in_host_is_refused(session, host):
    error_of(session.client.get("/", headers={"host": host}), 421)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"])
def test_another_origin_is_refused_though_it_has_the_token(session, origin):
    error_of(session.open(origin=origin), 403)


def test_the_pages_own_origin_is_taken(session):
    assert session.open(origin=f"http://{HOST}").status_code == 201


@pytest.mark.parametrize("token", [None, "", "guessed", "gu\u00e4ssed".encode("latin-1")])
def test_without_the_token_nothing_under_api_is_answered(session, token):
    headers = {} if token is None else {"x-removal-token": token}
    error_of(session.client.get(STATE, headers=headers), 403)
    error_of(session.client.post("/api/v1/photos", content=b"", headers=headers), 403)


def test_the_cookie_alone_changes_nothing(session):
    session.client.get("/")
    error_of(session.client.post("/api/v1/models", json={}), 403)


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "", None])
def test_content_types_that_a_form_can_send_are_refused(session, kind):
    headers = {"x-removal-token": session.headers["x-removal-token"]}
    headers |= {} if kind is None else {"content-type": kind}
    error_of(session.client.post("/api/v1/photos", content=b"x", headers=headers), 415)


@pytest.mark.parametrize(
    "path",
    ["/../api.py", "/%2e%2e/api.py", "/..%2fapi.py", "/static/app.js", "/api.py", "/%00", "/etc/passwd"],
)
def test_only_the_pages_own_files_are_given(session, path):
    assert session.client.get(path).status_code in (403, 404)


@pytest.mark.parametrize("name", sorted(path.name for path in STATIC.iterdir()))
def test_each_file_has_its_type_and_may_not_be_guessed_at(session, name):
    answer = session.client.get(f"/{name}")
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    kinds = {"js": "text/javascript", "css": "text/css", "html": "text/html", "svg": "image/svg+xml"}
    expected = kinds.get(name.rpartition(".")[2], "application/json")
    assert answer.headers["content-type"].partition(";")[0] == expected


def test_an_upload_that_says_it_is_too_large_is_refused_before_it_is_read(session):
    message = error_of(session.open(b"x", **{"content-length": str(10 << 30)}), 413)
    assert message == "expected a file of at most 16 MB"


def test_an_upload_that_turns_out_too_large_is_refused_and_removed(session):
    error_of(session.open(iter([bytes(1 << 20)] * 18)), 413)
    assert not list(session.studio.gallery.folder.iterdir())


def test_a_photo_of_too_many_pixels_is_refused(session):
    message = error_of(session.open(encoded(np.zeros((1100, 1000, 3), np.uint8))), 400)
    assert "a.png" in message


@pytest.mark.parametrize("data", [b"", b"no photo\n", b"\xff\xd8\xff\xe0 no more"])
def test_a_file_that_is_no_photo_is_refused_and_removed(session, data):
    message = error_of(session.open(data, name="notes.jpg"), 400)
    assert str(session.studio.gallery.folder) not in message
    assert not list(session.studio.gallery.folder.iterdir())


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("a.jpg", "a.jpg"),
        ("../../etc/a.jpg", "a.jpg"),
        ("..\\..\\a.jpg", "a.jpg"),
        ("C:\\x\\a.jpg", "a.jpg"),
        ("a\x00\r\nb.jpg", "ab.jpg"),
        ("..", "photo"),
        (".", "photo"),
        ("", "photo"),
        ("x/", "photo"),
        ("é" * 300 + ".jpg", "é" * 196 + ".jpg"),
    ],
)
def test_names_never_become_paths(session, given, name):
    assert safe_name(given) == name
    opened = session.open(name=given)
    assert opened.json()["name"] == name
    folder = session.studio.gallery.folder
    assert [path.parent for path in folder.iterdir()] == [folder]


def test_a_suffix_is_letters_and_digits():
    assert safe_suffix("a.JPG") == ".JPG"
    assert safe_suffix("a.j\x00p/g") == ".jpg" or safe_suffix("a.j\x00p/g") == ""
    assert safe_suffix("a") == ""


@pytest.mark.parametrize(
    "path",
    ["/api/v1/photos/none", "/api/v1/photos/none/thumbnail", "/api/v1/jobs/none", "/api/v1/photos/%2e%2e"],
)
def test_unknown_ids_are_not_found(session, path):
    assert session.get(path).status_code == 404


@pytest.mark.parametrize("tile", ["original/0/1/0", "original/0/0/1", "original/1/0/0", "none/0/0/0"])
def test_tiles_outside_the_photo_are_not_found(session, tile):
    photo = session.open().json()["id"]
    error_of(session.get(f"/api/v1/photos/{photo}/tiles/{tile}"), 404)
    assert session.get(f"/api/v1/photos/{photo}/tiles/original/0/0/0").headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 100_000, b'{"steps": NaN}'])
def test_a_body_that_is_no_json_object_is_refused(session, body):
    photo = session.open().json()["id"]
    headers = session.headers | {"content-type": "application/json"}
    error_of(session.client.post(f"/api/v1/photos/{photo}/mask", content=body, headers=headers), 400)


@pytest.mark.parametrize("body", [{"seed": -1}, {"seed": True}, {"seed": "1"}, {"base": 3}])
def test_a_fill_with_a_wrong_seed_or_base_is_refused(session, body):
    photo = session.open().json()["id"]
    error_of(session.post(f"/api/v1/photos/{photo}/fill", body), 400)


def test_two_hundred_uploads_leave_nothing_behind(session):
    session.open()
    tracemalloc.start()
    for number in range(200):
        opened = session.open(name=f"{number}.png").json()
        answer = session.client.request("DELETE", f"/api/v1/photos/{opened['id']}", headers=session.headers)
        assert answer.status_code == 200
        if number == 100:
            before = tracemalloc.get_traced_memory()[0]
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 1_000_000
    assert len(list(session.studio.gallery.folder.iterdir())) == 1
    assert len(session.studio.gallery.photos) == 1


@pytest.fixture
def served(models):
    said = []
    serving = prepare(RunOptions(max_megapixels=1), [], host=None, port=0, say=said.append)
    thread = threading.Thread(target=serving.server.run, kwargs={"sockets": [serving.socket]})
    thread.start()
    yield serving
    serving.server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()
    assert not serving.studio.gallery.folder.exists()


def test_half_a_request_and_slow_connections_do_not_stop_the_page(served):
    import httpx

    host, port = served.socket.getsockname()
    page = httpx.get(served.url)
    token = re.search(r'removal-token" content="([\w-]+)"', page.text)[1]
    head = (
        f"POST /api/v1/photos?name=a.png HTTP/1.1\r\nHost: {host}:{port}\r\nx-removal-token: {token}\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: 1000\r\n\r\n"
    )
    with socket.create_connection((host, port)) as half:
        half.sendall(head.encode() + b"0123456789")
    slow = [socket.create_connection((host, port)) for _ in range(50)]
    for connection in slow:
        connection.sendall(b"GET / HTTP/1.1\r\nHo")
    assert httpx.get(served.url, timeout=10).status_code == 200
    for connection in slow:
        connection.close()
    for _ in range(100):
        if not list(served.studio.gallery.folder.iterdir()):
            break
        threading.Event().wait(0.05)
    assert not list(served.studio.gallery.folder.iterdir())


def test_a_port_that_is_taken_is_said(models):
    from removal.errors import RunError

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RunError, match=f"cannot listen at 127.0.0.1, port {port}"):
            prepare(RunOptions(), [], host=None, port=port, say=print)


def test_a_page_for_other_machines_carries_the_token_in_its_address(models):
    serving = prepare(RunOptions(), [], host="127.0.0.1", port=0, say=print)
    serving.socket.close()
    app = serving.server.config.app
    base, _, query = serving.url.partition("?")
    with TestClient(app, base_url=base) as client:
        error_of(client.get("/"), 403)
        assert client.get(f"/?{query}").status_code == 200


def test_the_openapi_file_describes_exactly_the_routes(session):
    described = json.loads(session.client.get("/openapi.json").text)
    from removal.page.api import Api

    api = Api(session.studio, None, largest_upload_bytes=1)
    routes = {
        (re.sub(r":int\}", "}", route.path), method.lower())
        for route in api.routes()
        for method in route.methods - {"HEAD"}
    }
    assert {(path, method) for path, item in described["paths"].items() for method in item} == routes


def test_the_openapi_file_names_what_is_answered(session):
    schemas = json.loads(session.client.get("/openapi.json").text)["components"]["schemas"]

    def names(schema):
        return set(schemas[schema]["properties"])

    photo = session.open().json()
    found = session.done(session.post(f"/api/v1/photos/{photo['id']}/find"))
    parts = session.done(session.post(f"/api/v1/photos/{photo['id']}/parts", {"objects": [0]}))
    steps = [{"kind": "box", "points": [[0, 0], [4, 5]]}]
    filled = session.done(session.post(f"/api/v1/photos/{photo['id']}/fill", {"steps": steps}))
    assert set(photo) == names("Photo")
    assert set(found) == names("Job")
    assert set(found["result"]["objects"][0]) == names("Object")
    assert set(parts["result"]["pieces"][0]) == names("Piece")
    assert set(filled["result"]["result"]) == names("Result")
    assert set(session.get(STATE).json()["models"]) == names("Models")


def test_the_server_ends_at_once_though_a_page_listens(models, capfd):
    import time

    import httpx

    serving = prepare(RunOptions(max_megapixels=1), [], host=None, port=0, say=print)
    thread = threading.Thread(target=serving.server.run, kwargs={"sockets": [serving.socket]})
    thread.start()
    with httpx.Client(base_url=serving.url) as client:
        client.get("/")
        with client.stream("GET", "/api/v1/events") as events:
            assert next(events.iter_lines()) == "retry: 1000"
            serving.server.should_exit = True
            began = time.monotonic()
            thread.join(20)
            assert time.monotonic() - began < 1.5
    assert not thread.is_alive()
    assert capfd.readouterr().err == ""
