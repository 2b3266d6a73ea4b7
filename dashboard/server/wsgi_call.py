"""Passes a complete request to Django over WSGI and returns the complete response."""

import io
import os
import sys
from collections.abc import Callable
from tempfile import SpooledTemporaryFile
from time import thread_time
from typing import IO, Any

from django.core.handlers.wsgi import WSGIHandler

from oauth.asgi import Scope

application = WSGIHandler()

# It is a memoryview if several responses share the content.
Content = bytes | memoryview | IO[bytes]
Request = tuple[Scope, bytes]
Answer = tuple[int, list[tuple[bytes, bytes]], Content]

# The key under which Django puts the session into the environ if a user is signed in.
SESSION = "tokenos.session"

# A longer response waits in a file for its peer.
MAX_IN_MEMORY = 1024 * 1024

# The static files, 4 MB in total, by name: time of change, length and content.
_files: dict[str, tuple[tuple[int, int], bytes]] = {}


class _File:
    """A response that is a file (PEP 3333: wsgi.file_wrapper), which means a static file."""

    def __init__(self, file: IO[bytes], _block_size: int) -> None:
        self.file = file

    def close(self) -> None:
        """Django has replaced the file's close with the response's."""
        self.file.close()


def call_django(request: Request) -> Answer:
    scope, body = request
    status = 500
    headers: list[tuple[bytes, bytes]] = []

    def start_response(line: str, fields: list[tuple[str, str]], _exc_info: Any = None) -> Callable[[bytes], object]:
        nonlocal status, headers
        status = int(line[:3])
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        return lambda _: None

    began = thread_time()
    environ = _build_environ(scope, body)
    response = application(environ, start_response)
    try:
        content, length = _gather(response)
    finally:
        response.close()  # sends request_finished, which returns broken database connections
    scope["state"]["seconds"], scope["state"]["session"] = thread_time() - began, environ.get(SESSION, "")
    if scope["method"] != "HEAD" and not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(length).encode()))
    return status, headers, content


def _gather(response: Any) -> tuple[Content, int]:
    """The whole content and its length, so that a peer that reads slowly can't block the thread or a running query."""
    if isinstance(response, _File):
        shared = _read(response.file)
        return shared, len(shared)
    if not getattr(response, "streaming", False):
        content = b"".join(response)
        return content, len(content)
    spool: IO[bytes] = SpooledTemporaryFile(MAX_IN_MEMORY)  # noqa: SIM115  # closed once it is sent
    for part in response:
        spool.write(part)
    length = spool.tell()
    spool.seek(0)
    return spool, length


def _read(file: IO[bytes]) -> memoryview:
    """The content is read once for all requests: otherwise each peer that doesn't read its response would keep a copy."""
    status = os.fstat(file.fileno())
    stamp = status.st_mtime_ns, status.st_size
    found = _files.get(file.name)
    if found is None or found[0] != stamp:
        found = _files[file.name] = stamp, file.read()
    return memoryview(found[1])


def _build_environ(scope: Scope, body: bytes) -> dict[str, Any]:
    """PEP 3333. A chunked body also has a length here, and repeated header fields are one value (RFC 9110 §5.3)."""
    server = scope["server"] or ("localhost", 0)
    environ: dict[str, Any] = {
        "asgi.scope": scope,
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": scope["client"][0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": _File,
    }
    for name, value in scope["headers"]:
        key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        if name == b"cookie":
            # Our cookies contain no backslash, and Django would unquote it in quadratic time, see dashboard.server.cookies.
            text = text.replace("\\", "")
        if key in environ:
            text = environ[key] + (";" if name == b"cookie" else ",") + text
        environ[key] = text
    content_type = environ.pop("HTTP_CONTENT_TYPE", "")
    # Django decodes RFC 2231 parameters with the codec that they name, before it can answer. No browser sends them.
    environ["CONTENT_TYPE"] = "" if "*" in content_type else content_type
    environ.pop("HTTP_CONTENT_LENGTH", None)
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    # RFC 9110 §14.2: Range may be ignored. A part of a file would be a copy of it.
    environ.pop("HTTP_RANGE", None)
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ
