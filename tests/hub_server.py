"""A stand-in for the Hugging Face Hub on this machine, whose repositories are folders."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Handler(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        parts = self.path.partition("?")[0].strip("/").split("/")
        names = parts[2:4] if parts[0] == "api" else parts[:2]
        held = self.server.repositories.get("/".join(names))
        if held is None:
            self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif parts[0] == "api" and parts[4] == "revision":
            self.answer(200, json.dumps({"id": "/".join(names), "sha": COMMIT, "siblings": []}).encode())
        elif parts[0] == "api" and parts[4] == "tree":
            files = [
                {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": oid(file)}
                for file in sorted(held.iterdir())
            ]
            self.answer(200, json.dumps(files).encode())
        elif (file := held / parts[-1]).is_file():
            self.answer(200, file.read_bytes(), {"ETag": f'"{oid(file)}"', "X-Repo-Commit": COMMIT})
        else:
            self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def oid(file: Path) -> str:
    return hashlib.sha1(file.read_bytes()).hexdigest()


@contextmanager
def hub(repositories: Mapping[str, Path]) -> Iterator[ThreadingHTTPServer]:
    """Serves folders as repositories (owner/name -> folder).

    `requests` of the server are the paths that were asked for; HF_ENDPOINT is `endpoint(server)`.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.repositories, server.requests = dict(repositories), []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def endpoint(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"
