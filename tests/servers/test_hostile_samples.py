"""A sample that contains a hostile name of a scope, an audience, a key or a client runs only the sample.

Rows from before the rules may have any name, so the samples are filled in with hostile ones, and run in a folder in which no file may appear.
"""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from django.template.loader import render_to_string

from clients.models import Client, Workspace
from dashboard.docs.pages import Values, values_of
from dashboard.frame.snippets import curl, go, javascript, python
from dashboard.frame.snippets.quoting import quote
from dashboard.frame.snippets.same_command import write_command, write_update
from dashboard.frame.snippets.token_request import ASSERTION, CERTIFICATE, POST, SECRET, TokenRequest
from tests.servers.hostile_values import hostile_scopes, hostile_texts
from tests.servers.nginx import NGINX
from tests.servers.stores import missing
from tests.servers.test_go_snippets import CACHE, compiled, go_run

CODE = Path(__file__).resolve().parents[2] / "templates" / "docs" / "code"
TEXTS = hostile_texts()
SCOPES = hostile_scopes()
HOSTILE_CA = '/srv/it\'s $(touch canary) "`touch canary`" !!/ca.pem'
KINDS = [SECRET, POST, ASSERTION, CERTIFICATE]
SHELLS = {"bash": "", "sh": "", "bash with history": "set -o history -o histexpand\n"}
# What bash expands without a history, it also expands with one.
in_each_shell = pytest.mark.parametrize("shell", [pytest.param("bash", marks=pytest.mark.slow), "sh", "bash with history"])

# It replaces curl, openssl and Python, and records its arguments.
NOTE = """#!/bin/sh
for argument; do printf '%s\\0' "$argument"; done >>"$NOTES"
printf '\\1' >>"$NOTES"
"""
NOTE_REQUESTS = """
import json
def post(url, **options):
    print(json.dumps([url, options["data"], options.get("verify")]))
    raise SystemExit
"""
NOTE_FETCH = """
globalThis.fetch = async (url, options) => {
  console.log(JSON.stringify([url, Object.fromEntries(options.body)]));
  process.exit();
};
"""


class Sandbox:
    def __init__(self, folder: Path) -> None:
        self.folder, self.notes = folder, folder.parent / "notes"
        self.environment = {"PATH": f"{folder.parent / 'bin'}:{os.environ['PATH']}", "HOME": str(folder.parent), "NOTES": str(self.notes)}

    def run(self, command: list[str], text: str = "") -> str:
        done = subprocess.run(
            command,
            input=text.encode(),
            cwd=self.folder,
            env=self.environment | {"TOKENOS_CLIENT_SECRET": "s", "TOKENOS_CLIENT_ID": "i"},
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.decode()

    def calls(self, script: str, shell: str) -> list[list[str]]:
        """The arguments of each call that a shell makes of the script, which it reads as if somebody typed it."""
        self.notes.write_bytes(b"")
        self.run([shell.partition(" ")[0]], SHELLS[shell] + script + "\n")
        return [call.split("\0")[:-1] for call in self.notes.read_text().split("\1")[:-1]]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    folder, programs = tmp_path / "folder", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    for name in ("curl", "openssl"):
        (programs / name).write_text(NOTE)
        (programs / name).chmod(0o755)
    yield Sandbox(folder)
    assert [file.name for file in folder.iterdir()] == []


def values(scope: str, audience: str) -> Values:
    workspace = Workspace(slug="demo")
    client = Client(client_id="PluepfPpN6A7bUqt0fdRVn", workspace=workspace, scopes=[scope], audiences=[audience], token_lifetime=3600)
    return values_of(workspace, client)


@pytest.fixture(autouse=True)
def _hostile_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.docs.pages.server_ca", lambda: HOSTILE_CA)


def code(name: str, scope: str, audience: str) -> str:
    return unescape(render_to_string(f"docs/code/{name}.txt", {"values": values(scope, audience), "workspace": Workspace(slug="demo")}))


PAIRS = [(SCOPES[number % len(SCOPES)], text) for number, text in enumerate(TEXTS)]


def test_every_value_in_the_code_of_the_docs_is_quoted_for_its_place() -> None:
    filters = "shell|within_quotes|string|nginx|url|envoy|caddy"
    for file in CODE.iterdir():
        for place in re.findall(r"\{\{(.*?)\}\}", file.read_text()):
            assert re.fullmatch(rf" [a-z_.]+(\|({filters}))+ ", place), f"{file.name}: {place}"


@in_each_shell
def test_the_docs_lines_for_a_shell(sandbox: Sandbox, shell: str) -> None:
    script = "\n".join(code("resource", scope, audience) for scope, audience in PAIRS)
    calls = sandbox.calls(script, shell)
    assert [(call[call.index("--data-urlencode") + 1], call[-1]) for call in calls] == [(f"resource={audience}", f"scope={scope}") for scope, audience in PAIRS]
    assert {call[call.index("--cacert") + 1] for call in calls} == {HOSTILE_CA}
    calls = sandbox.calls("\n".join(code("introspect", scope, audience) for scope, audience in PAIRS), shell)
    assert [call[-1] for call in calls] == [f"resource={audience}" for _, audience in PAIRS]
    assert len(sandbox.calls(code("revoke", *PAIRS[0]), shell)) == 1


def request(kind: str, **fields: Any) -> TokenRequest:
    return TokenRequest("PluepfPpN6A7bUqt0fdRVn", kind, **{"scope": " ".join(SCOPES), "issuer": "https://localhost:8443", "ca": HOSTILE_CA, **fields})


@in_each_shell
@pytest.mark.parametrize("kind", KINDS)
def test_curl(sandbox: Sandbox, shell: str, kind: str) -> None:
    [call] = [call for call in sandbox.calls(curl.write(request(kind, kid=TEXTS[9], uses_certificate=kind == CERTIFICATE)), shell) if "--cacert" in call]
    assert f"scope={' '.join(SCOPES)}" in call
    assert call[call.index("--cacert") + 1] == HOSTILE_CA


def test_curl_with_a_secret_that_somebody_brought(sandbox: Sandbox) -> None:
    texts = [text for text in TEXTS if text]
    calls = sandbox.calls("\n".join(curl.write(request(SECRET, secret=text, scope="")) for text in texts), "bash")
    for text, call in zip(texts, calls, strict=True):
        assert f"PluepfPpN6A7bUqt0fdRVn:{text}" in call


@pytest.mark.parametrize("kind", [SECRET, POST])
def test_python(sandbox: Sandbox, kind: str) -> None:
    library = sandbox.folder.parent / "library"
    library.mkdir()
    (library / "requests.py").write_text(NOTE_REQUESTS)
    sandbox.environment |= {"PYTHONPATH": str(library), "PYTHONDONTWRITEBYTECODE": "1"}
    url, form, ca = json.loads(sandbox.run([sys.executable, "-"], python.write(request(kind))))
    assert (url, form["scope"], ca) == ("https://localhost:8443/oauth2/token", " ".join(SCOPES), HOSTILE_CA)


def test_python_of_the_docs(sandbox: Sandbox) -> None:
    sandbox.environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
    replaced = "import sys, types; sys.modules['ssl'] = types.SimpleNamespace(create_default_context=lambda cafile: print(repr(cafile)))\n"
    replaced += "sys.modules['jwt'] = types.SimpleNamespace(PyJWKClient=lambda *_, **__: None)\n"
    script = "\n".join(f"exec({code('verify', scope, audience)!r})\nprint(repr(AUDIENCE))" for scope, audience in PAIRS)
    said = sandbox.run([sys.executable, "-"], replaced + script).splitlines()
    assert said == [repr(text) for _, audience in PAIRS for text in (HOSTILE_CA, audience)]


@pytest.mark.parametrize("kind", [SECRET, POST])
def test_javascript(sandbox: Sandbox, kind: str) -> None:
    script = sandbox.folder.parent / "token.mjs"
    script.write_text(NOTE_FETCH + javascript.write(request(kind)))
    url, form = json.loads(sandbox.run(["node", str(script)]))
    assert (url, form["scope"]) == ("https://localhost:8443/oauth2/token", " ".join(SCOPES))


@pytest.mark.parametrize("kind", KINDS)
def test_go_javascript_and_python_with_the_name_of_a_key_are_well_formed(sandbox: Sandbox, kind: str) -> None:
    script = sandbox.folder.parent / "token.mjs"
    for kid in ("".join(TEXTS), "\\", '"'):
        asked = request(kind, kid=kid, needs_dpop=True, uses_certificate=True)
        sandbox.run(["gofmt", "-e"], go.write(asked))
        script.write_text(javascript.write(asked))
        sandbox.run(["node", "--check", str(script)])
        ast.parse(python.write(asked))


@compiled
def test_strings_are_the_same_in_go(sandbox: Sandbox) -> None:
    literals = ", ".join(quote(text) for text in TEXTS)
    program = sandbox.folder.parent / "main.go"
    program.write_text(
        f'package main\n\nimport (\n\t"encoding/json"\n\t"os"\n)\n\nfunc main() {{\n\tjson.NewEncoder(os.Stdout).Encode([]string{{{literals}}})\n}}\n'
    )
    sandbox.environment |= {"GOCACHE": str(CACHE), "GO111MODULE": "off", "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    assert json.loads(sandbox.run([*go_run(), str(program)])) == TEXTS


def load_yaml(text: str) -> Any:
    # libyaml reads it ten times as fast, where PyYAML was built with it.
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def test_yaml(sandbox: Sandbox) -> None:
    for scope, audience in PAIRS:
        envoy = load_yaml(code("envoy", scope, audience))["http_filters"][0]["typed_config"]["http_service"]
        demanded = {header["key"]: header["value"].replace("%%", "\0") for header in envoy["authorization_request"]["headers_to_add"]}
        assert "%" not in "".join(demanded.values())
        assert demanded["x-tokenos-require-scope"].replace("\0", "%") == scope
        assert demanded["x-tokenos-require-audience"].replace("\0", "%") == audience
        forward = load_yaml(code("traefik", scope, audience))["http"]["middlewares"]["tokenos"]["forwardAuth"]
        assert "{{" not in forward["address"]
        assert dict(parse_qsl(urlsplit(forward["address"]).query, keep_blank_values=True)) == {"scope": scope, "audience": audience, "environment": "live"}
        assert forward["tls"]["ca"] == HOSTILE_CA


def test_caddy() -> None:
    for scope, audience in PAIRS:
        [uri] = re.findall(r"^\t\t\turi (.*)$", code("caddy", scope, audience), re.MULTILINE)
        assert re.fullmatch(r"[A-Za-z0-9/:?&=%+._~@,\[\]-]+", uri)
        assert dict(parse_qsl(urlsplit(uri).query, keep_blank_values=True)) == {"scope": scope, "audience": audience, "environment": "live"}


def test_nginx(sandbox: Sandbox) -> None:
    if NGINX is None:
        missing("nginx", install="apt install nginx")
    for number, (scope, audience) in enumerate(PAIRS):
        sample = code("nginx", scope, audience)
        [address] = re.findall(r"proxy_pass (https://.*/gateway/.*);", sample)
        assert re.fullmatch(r"[A-Za-z0-9/:?&=%+._~@,\[\]-]+", address)
        assert dict(parse_qsl(urlsplit(address).query, keep_blank_values=True)) == {"scope": scope, "audience": audience, "environment": "live"}
        if number % 20 == 0:
            check_nginx(sandbox, sample)


def check_nginx(sandbox: Sandbox, sample: str) -> None:
    """It reads the file of authorities by the very name, which isn't there: that is all that it finds wrong."""
    directory = sandbox.folder.parent
    configuration = directory / "nginx.conf"
    configuration.write_text(
        f"pid {directory}/nginx.pid; error_log {directory}/error.log;\nevents {{}}\nhttp {{ access_log off;\nserver {{ listen 127.0.0.1:1;\n{sample}\n}} }}\n"
    )
    done = subprocess.run([str(NGINX), "-t", "-e", str(directory / "error.log"), "-c", str(configuration)], capture_output=True, text=True, check=False)
    assert f'"{HOSTILE_CA}"' in done.stderr
    assert "No such file" in done.stderr


@in_each_shell
def test_same_commands(sandbox: Sandbox, shell: str) -> None:
    program = sandbox.folder.parent / "bin" / "python"
    program.write_text(NOTE)
    program.chmod(0o755)
    texts = [text for text in TEXTS if text]
    commands = [write_command("revoke_public_key", "PluepfPpN6A7bUqt0fdRVn", text, options=[("--name", text)]) for text in texts]
    changes = {"name": "x", "audiences": texts, "scopes": SCOPES, "tags": texts}
    commands.append(write_update(Client(client_id="PluepfPpN6A7bUqt0fdRVn"), changes))
    calls = sandbox.calls("\n".join(commands).replace(".venv/bin/python", "python"), shell)
    for text, call in zip(texts, calls, strict=False):
        assert call[:2] == ["manage.py", "revoke_public_key"]
        assert text in call
        assert f"--name={text}" in call or call[call.index("--name") + 1] == text
    [update] = calls[len(texts) :]
    assert "".join(update).count("--audience") >= len(texts)
    assert " ".join(SCOPES) in update
