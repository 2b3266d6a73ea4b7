"""After a run full of mistakes, no secret, token or key is in the database, a file, the log, a refusal or a command's output, in any usual encoding."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key

from clients import secret as secret_format
from tests.servers.conftest import Answer, Server
from tests.servers.database import query
from tests.servers.load import GRANT, KeptConnection, basic, bearer, every_worker
from tests.servers.traces import find, read_files

DECRYPT = """
from clients.key_encryption import decrypt
from oauth.models import SigningKey
print(*(decrypt(key.private_key, context=key.kid).hex() for key in SigningKey.objects.all()))
"""


@dataclass
class Run:
    server: Server
    needles: dict[str, bytes] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    connection: KeptConnection | None = None
    further: Callable[[], object] = lambda: None

    def command(self, *arguments: str) -> Any:
        """Run a command with --json, keep what it printed except the secret that it shows once, and return what it printed."""
        result = self.server.manage(*arguments)
        text = repr(result)
        if "client_secret" in result:
            assert text.count(result["client_secret"]) == 1
            text = text.replace(result["client_secret"], "")
            self.add_secret(f"secret of {arguments[0]} {len(self.needles)}", result["client_secret"])
        self.printed.append(text)
        return result

    def fail(self, *arguments: str) -> None:
        done = self.server.fork(*arguments)
        assert done.returncode == 1
        self.printed.append(done.stdout + done.stderr)

    def add_secret(self, name: str, plaintext: str) -> None:
        """Sixteen characters of the random part: a part that is cut off is a leak too. What is before them is public."""
        self.needles[name] = plaintext.split("_")[-1][:16].encode()

    def ask(self, method: str, path: str, *, form: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> Answer:
        assert self.connection is not None
        answer = self.connection.ask(method, path, form=form, headers=headers)
        if b'"access_token"' not in answer.body:
            self.answers.append(answer)
        if answer.headers.get("connection") == "close":
            self.connection.close()
            self.connection = KeptConnection(self.server)
        return answer

    def exchange(self, request: bytes, *, tls: bool = True) -> int:
        self.answers.append(self.server.exchange(request, tls=tls))
        return self.answers[-1].status


def use_rightly(run: Run, client_id: str, plaintext: str) -> str:
    """Returns a token."""
    token: str = run.ask("POST", "/oauth2/token", form=GRANT, headers=basic(client_id, plaintext)).json()["access_token"]
    run.needles[f"signature of a token {len(run.needles)}"] = token.rpartition(".")[2][:32].encode()
    run.needles[f"claims of a token {len(run.needles)}"] = token.split(".")[1][:200].encode()
    by_body = {**GRANT, "client_id": client_id, "client_secret": plaintext}
    assert run.ask("POST", "/oauth2/token", form=by_body).status == 200
    for credentials in (bearer(token), bearer(plaintext), {"X-API-Key": plaintext}, basic(client_id, plaintext)):
        assert run.ask("GET", "/gateway/demo/verify", headers=credentials).status == 200
    assert run.ask("GET", "/api/v1/whoami", headers=bearer(token)).status == 200
    assert run.ask("POST", "/oauth2/introspect", form={"token": token}, headers=basic(client_id, plaintext)).status == 200
    return token


def misplace(run: Run, client_id: str, plaintext: str, good: dict[str, str]) -> None:
    """plaintext: a secret or a token, put wherever it doesn't belong. good: headers that authenticate."""
    for path in ("/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"):
        run.ask("POST", path, form={**GRANT, "token": plaintext, "client_id": client_id, "client_secret": plaintext[:-1]})
        run.ask("POST", path, form={**GRANT, "token": plaintext, "client_id": client_id, "client_secret": plaintext[:40]})
        run.ask("POST", path, form={**GRANT, "token": plaintext, "client_id": plaintext, "client_secret": client_id})
        run.ask("POST", path, form={**GRANT, "token": plaintext, "client_id": plaintext, "client_secret": plaintext})
        run.ask("POST", path, form={**GRANT, "client_assertion_type": plaintext, "client_assertion": plaintext, "client_id": client_id})
        run.ask("POST", f"{path}?client_id={client_id}&client_secret={plaintext}", form=GRANT)
        run.ask("POST", f"{path}?{plaintext}", form=GRANT, headers=good)
        run.ask("GET", f"{path}/{plaintext}?{plaintext}={plaintext}")
        for credentials in (basic(client_id, plaintext[:-1]), basic(plaintext, client_id), basic(plaintext, ""), basic(client_id, quote(plaintext + "ü"))):
            run.ask("POST", path, form={**GRANT, "token": plaintext}, headers=credentials)
        for authorization in (plaintext, f"{plaintext} {plaintext}", f"Digest {plaintext}", f"Basic {plaintext}", f"Basic a, Bearer {plaintext}", "Basic"):
            run.ask("POST", path, form=GRANT, headers={"Authorization": authorization})
    for name in ("grant_type", "scope", "resource", plaintext):
        assert run.ask("POST", "/oauth2/token", form={**GRANT, name: plaintext}, headers=good).status in (200, 400)
    run.ask("POST", "/oauth2/token", form={**GRANT, "resource": f"https://api.example.com/{plaintext}"}, headers=good)
    for path in (
        "/gateway/demo/verify",
        f"/gateway/demo/verify/{plaintext}",
        f"/gateway/{plaintext}/verify",
        "/api/v1/whoami",
        f"/{plaintext}",
        "/accounts/sign-in/",
    ):
        run.ask("GET", f"{path}?scope={plaintext}&audience={plaintext}&access_token={plaintext}", headers=good)
        run.ask("GET", path, headers={**good, "X-TokenOS-Require-Scope": plaintext, "X-TokenOS-Require-Audience": plaintext})
        run.ask("GET", path, headers=bearer(plaintext[:-1]))
        run.ask("GET", path, headers={"X-API-Key": plaintext[:-1]})
        run.ask("POST", path, form={"username": plaintext, "password": plaintext})
        names = ("User-Agent", "Referer", "Cookie", "Origin", "X-Request-Id", "X-Forwarded-For", "X-Forwarded-Host", "Client-Cert", "X-Custom", "Accept")
        run.ask("GET", path, headers=dict.fromkeys(names, plaintext))


def malform(run: Run, client_id: str, plaintext: str) -> None:
    """Requests that are no HTTP or no form, and plain HTTP."""
    secret, credentials = plaintext.encode(), basic(client_id, plaintext)["Authorization"].encode()
    post = b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    form = b"Content-Type: application/x-www-form-urlencoded\r\n"
    for body, kind in (
        (b"client_secret=" + secret + b"&%zz=%", form),
        (b"grant_type=client_credentials&client_secret=%ff" + secret, form),
        (b"client_secret=" + secret + b"&client_secret=" + secret, form),
        (b"client_secret=" + secret + b"%00", form),
        (b'{"client_secret": "' + secret + b'"}', b"Content-Type: application/json\r\n"),
        (b"client_secret=" + secret, b""),
        (b"client_secret=" + secret + b"&a=" + b"a" * 70_000, form),
        (b"client_secret=" + secret, form + b"Authorization: " + credentials + b"\r\n"),
    ):
        assert run.exchange(post + kind + b"Content-Length: %d\r\n\r\n" % len(body) + body) in (400, 401, 413)
    for request in (
        post + b"Authorization " + credentials + b"\r\n\r\n",
        post + b"Authorization : " + credentials + b"\r\n\r\n",
        post + b"X-API-Key: \0" + secret + b"\r\n\r\n",
        post + b"X-" + secret + b"\xff: a\r\n\r\n",
        post + b"Content-Length: " + secret + b"\r\n\r\n",
        post + b"Transfer-Encoding: " + secret + b"\r\n\r\n",
        b"GET /" + secret + b" HTTP/9.9\r\nHost: localhost\r\n\r\n",
        secret + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: " + secret + b"\r\nConnection: close\r\n\r\n",
    ):
        run.exchange(request)
    plain = post + form + b"Authorization: " + credentials + b"\r\nContent-Length: 29\r\n\r\ngrant_type=client_credentials"
    assert run.exchange(plain, tls=False) == 400
    assert run.exchange(plain.replace(b" /oauth2/token ", b" /admin/?" + secret + b" "), tls=False) == 400


def lose_separators(run: Run, client_id: str, tail: str, spoilt_ones: Sequence[str], good: dict[str, str]) -> None:
    """Only the end of a secret, glued to what belongs there: by its looks it is no secret any more. spoilt_ones: what has it within."""
    for spoilt in spoilt_ones:
        for path in ("/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"):
            for name in ("grant_type", "scope", "resource", "client_id", "token", "client_assertion", "client_assertion_type", "dpop_jkt", spoilt):
                run.ask("POST", path, form={**GRANT, name: spoilt}, headers=good)
                run.ask("POST", path, form={**GRANT, "client_id": client_id, "client_secret": "x", name: spoilt})
        encoded = quote(spoilt, safe="")
        for path in (
            "/gateway/demo/verify",
            f"/gateway/demo/verify/{encoded}",
            f"/gateway/{encoded}/verify",
            f"/{encoded}",
            f"/w/demo/{encoded}/",
            "/admin/login/",
        ):
            run.ask("GET", f"{path}?scope={encoded}&audience={encoded}", headers=good)
            run.ask("GET", path, headers={**good, "X-TokenOS-Require-Scope": spoilt})
            run.ask("GET", path, headers={**good, "X-TokenOS-Require-Audience": spoilt, "User-Agent": spoilt, "DPoP": spoilt, "X-Custom": spoilt})
            run.ask("POST", path, form={"username": spoilt, "login": spoilt, "password": spoilt})
    glued = tail.encode()
    for request in (
        glued + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /" + glued + b" HTTP/1." + glued + b"\r\nHost: localhost\r\n\r\n",
        b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nscope=read" + glued + b"\r\n\r\n",
        b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5" + glued + b"\r\n\r\n",
        b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + glued + b"\r\n",
        b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\n" + glued + b"\r\n\r\n",
    ):
        run.exchange(request)


def break_down(run: Run, client_id: str, good: dict[str, str]) -> None:
    """A row that no service writes makes the endpoints fail with 500, with a traceback in the log."""
    [(scopes,)] = query(run.server, "SELECT scopes FROM clients_client WHERE client_id = %s", client_id)
    query(run.server, "UPDATE clients_client SET scopes = '5' WHERE client_id = %s", client_id)
    for path in ("/oauth2/token", "/oauth2/introspect", "/gateway/demo/verify"):
        assert run.ask("POST", path, form={**GRANT, "token": "x"}, headers=good).status == 500
    query(run.server, "UPDATE clients_client SET scopes = %s WHERE client_id = %s", scopes, client_id)


@pytest.fixture(scope="module")
def run(make_server: Callable[..., Server]) -> Run:
    server = make_server(FAILURES_PER_CLIENT="100000", FAILURES_PER_ADDRESS="100000")
    run = Run(server)
    run.connection = KeptConnection(server)
    client_id, first = (created := run.command("create_client", "--workspace", "demo", "--name", "Robot"))["client_id"], created["client_secret"]
    token = use_rightly(run, client_id, first)
    rotated = run.command("rotate_secret", client_id, "--overlap", "1h")["client_secret"]
    further = run.command("create_secret", client_id)
    unknown = secret_format.generate("live").plaintext
    run.add_secret("secret of nobody", unknown)
    use_rightly(run, client_id, rotated)
    tail, good = first.rpartition("_")[2], basic(client_id, rotated)
    lose_separators(run, client_id, tail, [f"read{tail}", f"https://{tail}"], good)
    for plaintext in (first, token):
        misplace(run, client_id, plaintext, good)
    run.further = lambda: (
        lose_separators(run, client_id, tail, [tail, f"https://api.example.com/{tail}", f"read {tail} {tail}x"], good),
        misplace(run, client_id, unknown, good),
    )
    malform(run, client_id, first)
    malform(run, client_id, token)
    break_down(run, client_id, basic(client_id, rotated))
    run.command("rotate_signing_key", "--now")
    run.command("revoke_secret", client_id, further["secret_id"])
    for arguments in (
        ["rotate_secret", first],
        ["revoke_secret", client_id, first],
        ["revoke_secret", first, first],
        ["create_secret", client_id, "--expires-in", first],
    ):
        run.fail(*arguments)
    assert run.ask("POST", "/oauth2/revoke", form={"token": token}, headers=basic(client_id, rotated)).status == 200
    for credentials in (basic(client_id, further["client_secret"]), bearer(further["client_secret"])):
        assert run.ask("GET", "/api/v1/whoami", headers=credentials).status == 401
    with every_worker(server) as connections:
        assert all(connection.ask("GET", "/metrics").status == 200 for connection in connections)
    run.answers.append(run.ask("GET", "/metrics"))
    run.connection.close()
    decrypted = server.fork("shell", "--no-imports", "-c", DECRYPT).stdout.split()
    assert len(decrypted) == 2
    for number, der in enumerate(decrypted):
        key: Any = load_der_private_key(bytes.fromhex(der), None)
        # Only the private number: it is in DER, PEM and JWK, with different data around it.
        run.needles[f"signing key {number}"] = key.private_numbers().private_value.to_bytes(32, "big")
    for name in ("SECRET_KEY", "KEY_ENCRYPTION_KEYS"):
        run.needles[name] = server.environment[name].encode()
    return run


def test_search_would_find_a_secret_in_every_encoding(run: Run) -> None:
    """Else the tests below would show nothing."""
    for name, needle in run.needles.items():
        encodings: list[bytes] = [base64.b64encode(b"a" * shift + needle + b"b") for shift in range(4)]
        encodings += [base64.urlsafe_b64encode(needle + b"b"), needle.hex().encode(), b"x" + needle, base64.encodebytes(b"a" * 50 + needle + b"b" * 50)]
        for encoding in encodings:
            assert find({name: needle}, {"place": b"before" + encoding + b"after"}) == {(name, "place")}
    assert len(run.needles) >= 12
    configuration = (run.server.data_dir / "demo-client.curl").read_text()
    demo = configuration.rpartition("_")[2][:16].encode()
    assert find({"demo": demo}, {"file": configuration.encode()})


def test_no_secret_is_in_any_file_of_the_data_directory(run: Run) -> None:
    running = read_files(run.server)
    assert any(name.endswith("-wal") for name in running)
    [(refused,)] = query(run.server, "SELECT COUNT(*) FROM clients_recordedrequest WHERE status >= 400")
    assert refused > 100
    assert find(run.needles, running) == set()


def test_no_secret_is_in_the_log(run: Run) -> None:
    log = run.server.log.read_bytes()
    assert log.count(b"refused: ") > 50
    assert b"Traceback" in log
    assert find(run.needles, {"log": log}) == set()


def test_no_secret_is_in_what_a_refused_request_is_answered(run: Run) -> None:
    refused = [answer for answer in run.answers if answer.status >= 400]
    assert {400, 401, 404, 405, 413, 500} <= {answer.status for answer in refused}
    assert find(run.needles, {f"{answer.status} {number}": repr(answer.headers).encode() + answer.body for number, answer in enumerate(refused)}) == set()


def test_no_secret_is_in_what_a_command_prints_but_the_one_that_it_shows_once(run: Run) -> None:
    assert find(run.needles, {text[:80]: text.encode() for text in run.printed}) == set()


@pytest.mark.slow
def test_nor_is_one_after_more_mistakes(run: Run) -> None:
    before = len(run.answers)
    run.connection = KeptConnection(run.server)
    run.further()
    run.connection.close()
    refused = [answer for answer in run.answers[before:] if answer.status >= 400]
    assert len(refused) > 200
    answers = {f"{answer.status} {number}": repr(answer.headers).encode() + answer.body for number, answer in enumerate(refused)}
    assert find(run.needles, {**read_files(run.server), "log": run.server.log.read_bytes(), **answers}) == set()


def test_no_secret_is_left_behind_after_the_server_has_stopped(run: Run) -> None:
    run.server.stop()
    assert find(run.needles, {**read_files(run.server), "log": run.server.log.read_bytes()}) == set()
