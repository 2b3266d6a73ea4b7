"""Reads a request from a curl command."""

import shlex
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote_plus

from dashboard.explain.sent_requests.sent import Sent, UnreadableError

_FORM = "application/x-www-form-urlencoded"
_LONG = {
    "user": "u",
    "data": "d",
    "data-ascii": "d",
    "data-raw": "data-raw",
    "data-binary": "data-binary",
    "data-urlencode": "data-urlencode",
    "json": "json",
    "header": "H",
    "request": "X",
    "url": "url",
    "cert": "E",
    "user-agent": "A",
    "get": "G",
    "oauth2-bearer": "oauth2-bearer",
}
# Options without a value: any number of them may be in one word, followed by one option with a value.
_FLAGS = frozenset("#0123456afgGhiIjJklLMnNOpqRsSvVZ:")
_LONG_FLAGS = frozenset(
    {
        "anyauth",
        "basic",
        "compressed",
        "digest",
        "fail",
        "fail-with-body",
        "get",
        "globoff",
        "http1.0",
        "http1.1",
        "http2",
        "http2-prior-knowledge",
        "include",
        "insecure",
        "ipv4",
        "ipv6",
        "location",
        "no-progress-meter",
        "no-buffer",
        "progress-bar",
        "remote-name",
        "show-error",
        "silent",
        "tls-max",
        "tlsv1.2",
        "tlsv1.3",
        "verbose",
    }
)
_CONTINUED = ("\\\r\n", "\\\n", "^\r\n", "^\n", "`\r\n", "`\n")


def is_curl(text: str) -> bool:
    words = text.lstrip("$> \t\r\n").split(None, 1)
    return bool(words) and words[0] in ("curl", "curl.exe")


def read_curl(text: str) -> Sent:
    """Raise UnreadableError."""
    for ending in _CONTINUED:
        text = text.replace(ending, " ")
    try:
        words = shlex.split(text.lstrip("$> \t\r\n"))[1:]
    except ValueError:
        raise UnreadableError("A quotation mark in this command isn’t closed. Paste the whole command.") from None
    return _Command(words).read()


class _Command:
    def __init__(self, words: list[str]) -> None:
        self.sent = Sent("a curl command")
        self.data: list[str] = []
        self.method = ""
        self.is_get = False
        self.words = words

    def read(self) -> Sent:
        for option, value in _options(self.words):
            self._take(option, value)
        sent = self.sent
        if self.data and not self.is_get:
            sent.body = "&".join(self.data)
            sent.headers.setdefault("content-type", _FORM)
        elif self.data:
            sent.url += ("&" if "?" in sent.url else "?") + "&".join(self.data)
        sent.method = self.method or ("POST" if sent.body is not None else "GET")
        if "://" not in sent.url and sent.url:
            # curl guesses the same.
            sent.url = f"http://{sent.url}"
        return sent

    def _take(self, option: str, value: str) -> None:
        match option:
            case "u":
                self.sent.add_header("authorization", "Basic " + b64encode(value.encode()).decode())
            case "H":
                name, colon, content = value.partition(":")
                if colon:
                    self.sent.add_header(name, content)
            case "d" | "data-binary" | "json" | "data-urlencode" | "data-raw":
                self._take_data(option, value)
            case "X":
                self.method = value.upper()
            case "G":
                self.is_get = True
            case "url" | "":
                self.sent.url = self.sent.url or value
            case "oauth2-bearer":
                self.sent.add_header("authorization", f"Bearer {value}")
            case "E":
                self.sent.remarks.append("The certificate for --cert is in a file. Paste its PEM below the command, without the private key.")

    def _take_data(self, option: str, value: str) -> None:
        if value.startswith("@") and option != "data-raw":
            self.sent.remarks.append(f"The body is in the file {value[1:]}. Replace the file’s name with its content.")
        elif option == "data-urlencode":
            name, equals, content = value.partition("=")
            self.data.append(f"{name}={quote_plus(content)}" if equals and name else quote_plus(content if equals else value))
        else:
            self.data.append(value)
            if option == "json":
                self.sent.headers.setdefault("content-type", "application/json")


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Each option by its short or long name, with its value; a word that belongs to no option has the name ""."""
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name in _LONG_FLAGS:
                yield _LONG.get(name, name), ""
            else:
                yield _LONG.get(name, name), value if equals else next(rest, "")
        elif word.startswith("-") and len(word) > 1:
            yield from _short(word[1:], rest)
        else:
            yield "", word


def _short(letters: str, rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    for position, letter in enumerate(letters):
        if letter not in _FLAGS:
            yield letter, letters[position + 1 :] or next(rest, "")
            return
        yield letter, ""
