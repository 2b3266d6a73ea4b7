"""A small load generator: the bench's own where wrk isn't there, and always where each request must be sent exactly once.

It does what wrk.lua does, with --count N instead of a time. It costs more than wrk, so rates measured with it are low, for every case.
"""

import argparse
import asyncio
import json
import random
import ssl
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import uvloop

# Seconds that a request over a new connection may take.
LIMIT = 10


class Run:
    def __init__(self, requests: Iterator[bytes], ends_at: float, interval: float = 0) -> None:
        """interval: seconds from one request of a connection to its next, 0 for as soon as the answer is there."""
        self.requests = requests
        self.ends_at = ends_at
        self.interval = interval
        self.seconds: list[float] = []
        self.errors = 0

    def next_request(self) -> bytes | None:
        return next(self.requests, None) if time.perf_counter() < self.ends_at else None


class Connection(asyncio.Protocol):
    """One kept-alive connection that sends a request, waits for the whole answer and sends the next."""

    def __init__(self, run: Run, finished: "asyncio.Future[None]") -> None:
        self.run = run
        self.finished = finished
        self.received = b""
        self.sent_at: float | None = None
        self.due = time.perf_counter() + random.random() * run.interval

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.plan()

    def plan(self) -> None:
        """With an interval, a request counts from when it was due: one that has to wait for the answer to another has waited as well."""
        self.sent_at = None
        if self.run.interval:
            asyncio.get_running_loop().call_later(max(self.due - time.perf_counter(), 0), self.send)
        else:
            self.send()

    def send(self) -> None:
        request = self.run.next_request()
        if request is None:
            self.transport.close()
            return
        self.received = b""
        self.sent_at = self.due if self.run.interval else time.perf_counter()
        self.due += self.run.interval
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if separator and self.is_complete(head.lower(), body):
            assert self.sent_at is not None
            self.run.seconds.append(time.perf_counter() - self.sent_at)
            self.run.errors += not head.startswith(b"HTTP/1.1 200 ")
            self.plan()

    def is_complete(self, head: bytes, body: bytes) -> bool:
        _, found, rest = head.partition(b"\r\ncontent-length:")
        return len(body) >= int(rest.partition(b"\r\n")[0]) if found else body.endswith(b"0\r\n\r\n")

    def connection_lost(self, _exc: Exception | None) -> None:
        self.run.errors += self.sent_at is not None
        if not self.finished.done():
            self.finished.set_result(None)


async def ask_anew(run: Run, url: SplitResult, context: ssl.SSLContext | None) -> None:
    """Each request over a connection of its own."""
    due = time.perf_counter() + random.random() * run.interval
    while (request := run.next_request()) is not None:
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        sent_at = due if run.interval else time.perf_counter()
        due += run.interval
        try:
            async with asyncio.timeout(LIMIT):
                reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=context)
                try:
                    writer.write(request)
                    head = (await reader.readuntil(b"\r\n\r\n")).lower()
                    await reader.readexactly(int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]))
                finally:
                    writer.transport.abort()
        except (OSError, EOFError, TimeoutError):
            run.errors += 1
            continue
        run.seconds.append(time.perf_counter() - sent_at)
        run.errors += not head.startswith(b"http/1.1 200 ")


def read_requests(options: argparse.Namespace) -> list[bytes]:
    url = urlsplit(options.url)
    head = f"{options.method} {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n"
    if options.extra:
        head += f"{options.extra}\r\n"
    if options.method == "POST":
        head += "Content-Type: application/x-www-form-urlencoded\r\n"
    return [head.encode() + read_line(line, options) for line in options.file.read_text().splitlines()]


def read_line(line: str, options: argparse.Namespace) -> bytes:
    parts = line.split("\t")
    headers = [part for part in parts if ": " in part]
    body = next((part for part in parts if ": " not in part), options.body)
    if options.method == "POST":
        headers.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*headers, "", body]).encode()


async def send_all(options: argparse.Namespace) -> dict[str, float]:
    requests = cycle(read_requests(options))
    begun = time.perf_counter()
    run = Run(
        islice(requests, options.count) if options.count else requests, begun + options.seconds, options.connections / options.rate if options.rate else 0
    )
    url = urlsplit(options.url)
    context = ssl._create_unverified_context() if url.scheme == "https" else None
    loop = asyncio.get_running_loop()
    if options.fresh:
        await asyncio.gather(*(ask_anew(run, url, context) for _ in range(options.connections)))
    else:
        finished = []
        for _ in range(options.connections):
            finished.append(loop.create_future())
            await loop.create_connection(lambda waited=finished[-1]: Connection(run, waited), url.hostname, url.port, ssl=context)
        await asyncio.gather(*finished)
    ordered = sorted(run.seconds) or [0.0]
    return {
        "requests": len(run.seconds),
        "seconds": time.perf_counter() - begun,
        "errors": run.errors,
        "p50": ordered[len(ordered) // 2] * 1e3,
        "p99": ordered[len(ordered) * 99 // 100] * 1e3,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("file", type=Path, help="a line for each request, sent in turn: headers and, in place of --body, a body, separated by tabs")
    parser.add_argument("--method", default="GET")
    parser.add_argument("--body", default="")
    parser.add_argument("--extra", default="", help="a header for all requests")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--fresh", action="store_true", help="a new connection for each request, as many at once as --connections says")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0, help="requests a second over all connections; as many as are answered by default")
    options = parser.parse_args()
    print(json.dumps(uvloop.run(send_all(options))))  # noqa: T201


if __name__ == "__main__":
    main()
