"""Limits what one connection may cost the others: time on the shared event loop, and memory.

gunicorn's parser is in Python, so each byte outside a body costs a hundred times as much as one inside it, and each chunk a hundred times that. So bytes
outside bodies are counted, and so are a body's parts; each turn of the loop parses only a small part of a connection's data. Received data that hasn't been
answered yet is counted over all connections of a worker. Strangers have a separate share, so they can't take the memory from people who are signed in.

Private names of gunicorn 27.0.1 (pinned) used here: _callback_parser with is_complete and headers, _current_request, _body_receiver, _on_headers_complete,
_on_body, _feed_callback_parser, _pause_reading, _resume_reading, _max_buffer_size, _closed.
"""

import re
from dataclasses import dataclass
from typing import Any

from gunicorn.asgi.parser import InvalidHeader, InvalidRequestLine, LimitRequestHeaders, ParseError
from gunicorn.asgi.protocol import ASGIProtocol

# Bytes outside a body that are parsed in one turn of the loop, in 0.3 ms.
PART = 4096
# All bytes of a request outside its body: request line and header fields; sizes, extensions and ends of chunks; trailers. A long body may have some more.
MAX_FRAMING = 32 * 1024
# A body may come in this many parts (chunks and reads), plus one for each further number of bytes.
FEW_PARTS = 128
PART_OF_BODY = 64

# Bytes of unanswered requests that a worker keeps, for strangers and for signed-in people: four whole log files, and pages.
MAX_OF_STRANGERS = 32 * 1024 * 1024
MAX_OF_PEOPLE = 96 * 1024 * 1024
# This much of one connection is always accepted: any head, and the form of a token request.
ALWAYS_TAKEN = 16 * 1024
# The target of a request that isn't for a proxy: origin form, absolute form, and * for OPTIONS (RFC 9112 §3.2). gunicorn accepts anything with :// in it.
_TARGET = re.compile(rb"/|https?://[][A-Za-z0-9._:-]+(?:[/?#]|\Z)|\*\Z", re.IGNORECASE)
# If the share is full, no more is read for this many seconds before the request is refused: meanwhile the application may find out that the user is signed in.
PATIENCE = 1.0


@dataclass
class Share:
    """Bytes kept by all connections of one kind, and their limit."""

    most: int
    held: int = 0


class BoundedProtocol(ASGIProtocol):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's connection, with counting. The worker has turns, strangers, people and unsent. has_grown: whether a stranger sent much at once on the
    connection.
    """

    _closed: bool
    # The peer's network, as in dashboard.server.turns.
    network = ""

    def __init__(self, worker: Any) -> None:
        super().__init__(worker)
        self.unparsed = bytearray()
        self.share: Share = worker.strangers
        self.held = self.kept = 0
        self.is_waiting = self.has_grown = False
        self.begin_message()

    def begin_message(self) -> None:
        """fed: bytes given to the parser, and the number of reads. octets: bytes of the body, and the number of parts."""
        self.fed = self.reads = self.octets = self.parts = 0

    @property
    def is_followed(self) -> bool:
        """Whether data after the current request has arrived."""
        return bool(self.unparsed) or (self._callback_parser.is_complete and bool(self._callback_parser.remaining()))

    def data_received(self, data: bytes) -> None:
        self.hold(len(data))
        if self.held > ALWAYS_TAKEN and self.share is self.worker.strangers:
            self.has_grown = True
        is_over = self.is_over()
        if is_over and self.share.held > 2 * self.share.most:
            self.refuse_memory()
            return
        if is_over:
            self.wait_for_room()
        is_short = len(data) <= PART and not (self.unparsed or self._callback_parser.is_complete)
        if is_over or not is_short or not self.worker.turns.may_go_at_once(self.network):
            self.unparsed += data
            self._pause_reading()
            self.worker.turns.ask(self.parse, self.network)
        else:
            self.feed(data)

    def parse(self) -> None:
        """Parse a part of the received data. The next part is parsed in a later turn, or once the request is answered or the body is read."""
        while self.unparsed and not self._closed and not self._callback_parser.is_complete and not self.is_full():
            left = self.find_plain_octets()
            part = bytes(self.unparsed[: left or PART])
            del self.unparsed[: len(part)]
            if not self.feed(part):
                return
            if not self.find_plain_octets():
                break
        if not self.unparsed:
            self._resume_reading()
        elif not self._closed and not self._callback_parser.is_complete and not self.is_full():
            self.worker.turns.ask(self.parse, self.network)

    def is_over(self) -> bool:
        """Whether no more data of this connection can be kept."""
        return self.held > ALWAYS_TAKEN and self.share.held > self.share.most

    def wait_for_room(self) -> None:
        if not self.is_waiting:
            self.is_waiting = True
            self.worker.loop.call_later(PATIENCE, self.look_for_room)

    def look_for_room(self) -> None:
        self.is_waiting = False
        if not self.is_over():
            self._resume_reading()
        elif not self._callback_parser.is_complete:
            # A complete request is being served: a 503 would make the client think that nothing has happened.
            self.refuse_memory()

    def is_full(self) -> bool:
        """Whether the application has enough to read."""
        return self._body_receiver is not None and self._body_receiver.buffered > self._max_buffer_size

    def find_plain_octets(self) -> int:
        """The remaining bytes of an unchunked body. They cost the parser hardly any time."""
        request = self._current_request
        if request is None or request.chunked or self._callback_parser.is_complete:
            return 0
        return int(request.content_length) - self.octets

    def feed(self, data: bytes) -> bool:
        """Returns whether the connection continues."""
        self.fed += len(data)
        self.reads += 1
        try:
            is_going_on = bool(super()._feed_callback_parser(data))
        except ValueError:
            # gunicorn's parser lets a number of more than 4300 digits through, which int() refuses.
            is_going_on = False
            self._send_error_response(400, "Content-Length has too many digits")
            self._close_transport()
        if not is_going_on or self._callback_parser.is_complete:
            return is_going_on
        try:
            self.count()
        except LimitRequestHeaders as error:
            self._send_error_response(431, str(error))
        except ParseError as error:
            self._send_error_response(400, str(error))
        else:
            return True
        self._close_transport()
        return False

    def count(self) -> None:
        """Raise ParseError."""
        if self.fed - self.octets > MAX_FRAMING + self.octets // 8:
            raise (LimitRequestHeaders if self._current_request is None else ParseError)("too many bytes are outside the body")
        if self.reads > FEW_PARTS + self.fed // PART_OF_BODY:
            raise ParseError("the request comes in too many parts")

    def _feed_callback_parser(self, data: bytes) -> bool:
        """gunicorn calls it with the data that arrived after an answered request."""
        self.unparsed[:0] = data
        self.parse()
        return not self._closed

    def _on_headers_complete(self) -> bool:
        parser = self._callback_parser
        if _TARGET.match(parser.path) is None:
            raise InvalidRequestLine("the target isn't in a form that RFC 9112 §3.2 allows")
        if parser.http_version >= (1, 1) and not any(name == b"host" for name, _ in parser.headers):
            raise InvalidHeader("Host is missing")  # RFC 9112 §3.2; more than one is refused by the parser
        return bool(super()._on_headers_complete())

    def _on_body(self, chunk: bytes) -> None:
        self.octets += len(chunk)
        self.parts += 1
        if self.parts > FEW_PARTS + self.octets // PART_OF_BODY:
            raise ParseError("the body comes in too many parts")
        super()._on_body(chunk)

    def _resume_reading(self) -> None:
        if self.unparsed:
            self.worker.turns.ask(self.parse, self.network)
        elif not self.is_over():
            super()._resume_reading()
        elif not self._callback_parser.is_complete:
            # Others have filled the share since this was read.
            self.wait_for_room()

    def hold(self, octets: int) -> None:
        self.held += octets
        self.share.held += octets

    def let_go(self) -> None:
        """Call it when the request is answered, or when its peer no longer waits for an answer."""
        self.hold(-self.held)
        self.kept = 0
        self.share = self.worker.strangers
        self.hold(len(self.unparsed))
        self.begin_message()

    def keep(self, octets: int) -> None:
        """Count bytes of the response that stay in memory until its peer has taken them."""
        self.kept = octets

    def pause_writing(self) -> None:
        super().pause_writing()
        self.worker.unsent.add(self, self.kept)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.worker.unsent.remove(self)

    def drop_unparsed(self) -> None:
        """Stop serving this connection."""
        self.unparsed.clear()
        self.let_go()

    def belong_to_person(self) -> None:
        """Call it if the user is signed in."""
        self.has_grown = False
        held = self.held
        self.hold(-held)
        self.share = self.worker.people
        self.hold(held)
        self._resume_reading()

    def refuse_memory(self) -> None:
        """Refuse the request, also in the middle of a body. Unread data isn't kept."""
        self._send_error_response(503, "unfinished requests take too much memory")
        self._close_transport()
