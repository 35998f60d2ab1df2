"""A stand-in of the Hub's HTTP endpoints: repositories with commits in memory, served on a loopback port.

The real `huggingface_hub` client of another process talks to it (`environment` says how): creating, committing,
listing and downloading, with the Hub's statuses and X-Error-Code headers. One token may write, in its own namespace.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
API = rf"/api/(?P<kind>model|dataset)s/{NAME}"
ROUTES = {
    "POST /api/repos/create": "create",
    "POST /api/validate-yaml": "validate",
    rf"POST {API}/preupload/(?P<revision>[^/]+)": "preupload",
    rf"POST {API}/commit/(?P<revision>[^/]+)": "commit",
    rf"POST {API}/paths-info/(?P<revision>[^/]+)": "paths_info",
    rf"GET {API}(/revision/(?P<revision>[^/]+))?": "information",
    rf"GET {API}/tree/(?P<revision>[^/]+)(/(?P<path>.+))?": "tree",
    rf"(GET|HEAD) /(?P<kind>dataset(?=s/))?s?/?{NAME}/resolve/(?P<revision>[^/]+)/(?P<path>.+)": "resolve",
}


@dataclass
class Commit:
    sha: str
    message: str
    files: dict[str, bytes]


@dataclass
class Repository:
    """Commits of `main`, the newest last; the first is empty, as the Hub makes it."""

    private: bool = False
    commits: list[Commit] = field(default_factory=lambda: [Commit("0" * 40, "initial commit", {})])

    def at(self, revision: str) -> Commit | None:
        found = [commit for commit in self.commits if commit.sha == revision]
        return self.commits[-1] if revision == "main" else found[0] if found else None

    def add(self, files: dict[str, bytes], message: str) -> Commit:
        parent = self.commits[-1]
        content = json.dumps([parent.sha, message, sorted((name, blob_id(data)) for name, data in files.items())])
        commit = Commit(hashlib.sha1(content.encode()).hexdigest(), message, parent.files | files)
        self.commits.append(commit)
        return commit


class HubError(Exception):
    """The Hub answers this instead: status, X-Error-Code, X-Error-Message."""


class HubStandIn(ThreadingHTTPServer):
    """The server; a context manager that serves in a thread. `refuse` makes every write fail with that status."""

    daemon_threads = True

    def __init__(self, token: str, namespace: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.token, self.namespace = token, namespace
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.requests: list[str] = []
        self.refuse: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        """Variables under which a process takes this for the Hub; no token unless HF_TOKEN is given."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0",
            "DISABLE_SAFETENSORS_CONVERSION": "1",
            "NO_PROXY": "127.0.0.1",
        } | more

    def __enter__(self) -> "HubStandIn":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: HubStandIn
    protocol_version = "HTTP/1.1"

    def answer_request(self) -> None:
        url = urlsplit(self.path)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.query = parse_qs(url.query)
        line = f"{self.command} {unquote(url.path)}"
        self.server.requests.append(line)
        try:
            for route, method in ROUTES.items():
                if match := re.fullmatch(route, line):
                    found = match.groupdict()
                    if "kind" in found:
                        found["kind"] = found["kind"] or "model"
                    return getattr(self, method)(**found)
            raise HubError(404, "", "no such page")
        except HubError as error:
            status, code, message = error.args
            headers = {"X-Error-Code": code, "X-Error-Message": message} if code else {"X-Error-Message": message}
            return self.send({"error": message}, status, headers)

    do_GET = do_HEAD = do_POST = answer_request  # noqa: N815 the base class names them

    def send(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing."""

    @property
    def known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {self.server.token}"

    def may_write(self, namespace: str) -> None:
        if not self.known or self.server.refuse == 401:
            raise HubError(401, "", "Invalid username or password.")
        if namespace != self.server.namespace or self.server.refuse == 403:
            raise HubError(403, "", f"You don't have the rights to write under the namespace {namespace}")

    def repository(self, kind: str, name: str) -> Repository:
        found = self.server.repositories.get((kind, name))
        if found is None or (found.private and not self.known):  # the Hub does not tell which
            raise HubError(404 if self.known else 401, "RepoNotFound", "Repository not found")
        return found

    def commit_at(self, kind: str, name: str, revision: str | None) -> Commit:
        found = self.repository(kind, name).at(revision or "main")
        if found is None:
            raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return found

    def create(self) -> None:
        asked = json.loads(self.body)
        name = f"{asked['organization'] or self.server.namespace}/{asked['name']}"
        self.may_write(name.partition("/")[0])
        key = asked.get("type") or "model", name
        exists = key in self.server.repositories
        if not exists:
            private = asked.get("visibility") == "private" or asked.get("private") is True
            self.server.repositories[key] = Repository(private)
        self.send({"url": f"{self.server.url}/{name}", "name": name}, 409 if exists else 200)

    def validate(self) -> None:
        self.send({"errors": [], "warnings": []})

    def preupload(self, kind: str, name: str, revision: str) -> None:
        self.may_write(name.partition("/")[0])
        files = self.commit_at(kind, name, revision).files
        self.send(
            {
                "files": [
                    {
                        "path": file["path"],
                        "uploadMode": "regular",
                        "shouldIgnore": False,
                        "oid": blob_id(files[file["path"]]) if file["path"] in files else None,
                    }
                    for file in json.loads(self.body)["files"]
                ]
            }
        )

    def commit(self, kind: str, name: str, revision: str) -> None:
        self.may_write(name.partition("/")[0])
        lines = [json.loads(line) for line in self.body.splitlines()]
        added = [line["value"] for line in lines if line["key"] == "file"]
        files = {file["path"]: base64.b64decode(file["content"]) for file in added}
        commit = self.repository(kind, name).add(files, lines[0]["value"]["summary"])
        url = f"{self.server.url}/{name}/commit/{commit.sha}"
        self.send({"success": True, "commitOid": commit.sha, "commitUrl": url, "hookOutput": ""})

    def information(self, kind: str, name: str, revision: str | None) -> None:
        commit = self.commit_at(kind, name, revision)
        private = self.repository(kind, name).private
        siblings = [{"rfilename": path} for path in sorted(commit.files)]
        self.send({"id": name, "sha": commit.sha, "private": private, "tags": [], "siblings": siblings})

    def tree(self, kind: str, name: str, revision: str, path: str | None) -> None:
        files = self.commit_at(kind, name, revision).files
        inside = [found for found in listing(files) if is_inside(found["path"], path, "recursive" in self.query)]
        if path and not inside:
            raise HubError(404, "EntryNotFound", f"{path} does not exist on {revision}")
        self.send(inside)

    def paths_info(self, kind: str, name: str, revision: str) -> None:
        files = self.commit_at(kind, name, revision).files
        asked = json.loads(self.body)["paths"] if self.body[:1] == b"{" else parse_qs(self.body.decode())["paths"]
        self.send([found for found in listing(files) if found["path"] in asked])

    def resolve(self, kind: str, name: str, revision: str, path: str) -> None:
        commit = self.commit_at(kind, name, revision)
        if path not in commit.files:
            raise HubError(404, "EntryNotFound", "Entry not found")
        data = commit.files[path]
        self.send(data, headers={"X-Repo-Commit": commit.sha, "ETag": f'"{blob_id(data)}"'})


def blob_id(data: bytes) -> str:
    """git's id of a file's content."""
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


def listing(files: dict[str, bytes]) -> list[dict[str, object]]:
    """Files and the folders that hold them, as the Hub lists them."""
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents} - {"."}
    return [
        *({"type": "directory", "path": path, "oid": blob_id(path.encode()), "size": 0} for path in sorted(folders)),
        *({"type": "file", "path": path, "oid": blob_id(files[path]), "size": len(files[path])} for path in files),
    ]


def is_inside(path: object, folder: str | None, recursive: bool) -> bool:
    parents: Iterable[str] = [str(parent) for parent in PurePosixPath(str(path)).parents]
    return (folder or ".") in parents if recursive else next(iter(parents)) == (folder or ".")
