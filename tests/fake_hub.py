"""A hub on this machine: as much of huggingface.co's API as a download needs."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TAG = "v1"


class FakeHub(ThreadingHTTPServer):
    """Serves one repository. `fetched` lists the files whose bodies were asked for."""

    def __init__(self, repository: str, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repository = repository
        self.folder = folder
        self.fetched: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub

    def do_GET(self) -> None:
        self._reply(body=True)

    def do_HEAD(self) -> None:
        self._reply(body=False)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _reply(self, body: bool) -> None:
        path = urlsplit(self.path).path
        api = f"/api/models/{self.server.repository}"
        files = f"/{self.server.repository}/resolve/{COMMIT}/"
        names = (f"{api}/revision/{name}" for name in ("main", TAG, COMMIT))
        if path in (api, *names):
            self._json(200, {"id": self.server.repository, "sha": COMMIT})
        elif path.startswith(f"{api}/revision/"):
            self._json(404, {"error": "Invalid rev id"}, code="RevisionNotFound")
        elif path == f"{api}/tree/{COMMIT}":
            self._json(200, [self._entry(file) for file in self._files()])
        elif path.startswith(files):
            self._file(path.removeprefix(files), body)
        elif path.startswith("/api/models/gated/"):
            self._json(403, {"error": "Access is restricted"}, code="GatedRepo")
        else:
            self._json(404, {"error": "Repository not found"}, code="RepoNotFound")

    def _files(self) -> list[Path]:
        return sorted(p for p in self.server.folder.rglob("*") if p.is_file())

    def _entry(self, file: Path) -> dict[str, object]:
        name = str(file.relative_to(self.server.folder))
        size = file.stat().st_size
        return {"type": "file", "path": name, "size": size, "oid": _etag(file)}

    def _file(self, name: str, body: bool) -> None:
        file = self.server.folder / name
        content = file.read_bytes()
        self.send_response(200)
        self.send_header("ETag", f'"{_etag(file)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.server.fetched.append(name)
            self.wfile.write(content)

    def _json(self, status: int, content: object, code: str | None = None) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        if code is not None:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _etag(file: Path) -> str:
    return hashlib.sha1(file.read_bytes()).hexdigest()


@contextmanager
def running(repository: str, folder: Path) -> Iterator[FakeHub]:
    hub = FakeHub(repository, folder)
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()
