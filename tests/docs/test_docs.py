"""README and docs say what the code does: variables, commands, paths, reasons and links are compared one by one, both ways."""

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class
from django.urls import get_resolver

from clients.management.base import JSONCommand
from dashboard.health.operations import OperationsMiddleware
from oauth import errors, reasons, resource_errors
from oauth.urls import ENDPOINTS
from tests.docs import error_tables
from tests.docs.pages import PAGES, ROOT, anchors, blocks, commands, read, rows

NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
ALL = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)

# Where the default isn't a constant, or the variable has none.
DEFAULTS_IN_WORDS = {
    "TRUSTED_PROXIES": "empty",
    "WEB_CONCURRENCY": "number of cores",
    "ALLOWED_HOSTS": "the issuer's host, `localhost`, `127.0.0.1`",
    "CACHE_URL": "empty",
    "EMAIL_URL": "empty",
    "EMAIL_FROM": "`TokenOS <no-reply@…>`, at the issuer’s host",
    "OUTBOUND_ALLOWED_HOSTS": "empty",
    **dict.fromkeys(("SSO_ISSUER", "SSO_CLIENT_ID", "SSO_CLIENT_SECRET", "SSO_ROLES", "SSO_DOMAINS", "SSO_CA"), "empty"),
    "SECRET_KEY": "generated into `.env`",
    "KEY_ENCRYPTION_KEYS": "generated into `.env`",
}


def read_variables() -> dict[str, str]:
    """Every variable that settings.py reads, with its default as configuration.md writes it."""
    variables = {}
    for node in ast.walk(ast.parse(read("dashboard/settings.py"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "environment":
            if node.func.attr in ("read_file", "host"):
                continue
            (name,) = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            default = next((keyword.value for keyword in node.keywords if keyword.arg == "default"), None)
            variables[name] = DEFAULTS_IN_WORDS.get(name) or f"`{write_default(default)}`"
    return variables


def write_default(default: ast.expr | None) -> str:
    match default:
        case ast.Constant(value=bool(value)):
            return "on" if value else "off"
        case ast.Constant(value=value):
            return str(value)
        case ast.JoinedStr(values=values):
            return "".join(part.value if isinstance(part, ast.Constant) else f"${part.value.id}" for part in values)
    raise AssertionError(ast.dump(default) if default else "no default")


def test_configuration_has_every_variable_with_its_default() -> None:
    documented = {name.strip("`"): default for name, default, *_ in rows(read("docs/configuration.md"))}
    assert documented == read_variables()


def our_commands() -> dict[str, Any]:
    return {name: load_command_class(app, name) for name, app in get_commands().items() if app in ("clients", "oauth", "dashboard", "dashboard.apps")}


def describe_arguments(command: Any) -> set[str]:
    ours = [action for action in command.create_parser("manage.py", "x")._actions if action.dest not in DJANGOS_OWN]
    return {action.option_strings[0] if action.option_strings else str(action.metavar) for action in ours}


DJANGOS_OWN = {"help", "version", "verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks", "json"}


def test_every_command_of_ours_is_documented_with_each_of_its_arguments() -> None:
    found = our_commands()
    assert all(isinstance(command, JSONCommand) for command in found.values())
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", read("docs/commands.md"), re.MULTILINE | re.DOTALL))
    documented = {name: {row[0].strip("`") for row in rows(text)} for name, text in sections.items() if name != "Of"}
    assert documented == {name: describe_arguments(command) for name, command in found.items()}


def parse(line: str) -> None:
    """Raise CommandError where our argparse refuses the line."""
    (words,) = re.findall(r"manage\.py (.*?)(?: > .*|\))?$", line)
    name, *arguments = shlex.split(words, comments=True)
    command = load_command_class(get_commands()[name], name)
    command.create_parser("manage.py", name).parse_args(arguments)


@pytest.mark.parametrize("page", NAMES)
def test_every_command_line_is_one_that_manage_py_takes(page: str) -> None:
    for line in commands(page, "manage.py") + commands(page, ".venv/bin/python manage.py"):
        parse(line)


def test_every_example_of_a_command_stands_under_its_heading() -> None:
    for example in blocks("docs/commands.md", "sh"):
        if "manage.py" in example.text:
            assert f"manage.py {example.section} " in example.text, example


@pytest.mark.parametrize("page", NAMES)
def test_every_shell_block_is_well_formed(page: str) -> None:
    for example in blocks(page, "sh"):
        done = subprocess.run(["bash", "-n"], input=example.text, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"{example}: {done.stderr}"


# Below these there are pages for people, who follow links.
PAGES = ("/accounts/", "/w/", "/admin/")


def our_paths() -> Iterator[str]:
    yield from ENDPOINTS
    yield "/gateway/<workspace>/verify"
    yield from ("/healthz", "/readyz", "/metrics", *PAGES)


def test_every_path_is_documented() -> None:
    assert [path for path in our_paths() if path not in ALL.replace("/oauth2/…", "")] == []


def django_paths(patterns: list[Any], prefix: str = "/") -> Iterator[str]:
    """Without paths below PAGES."""
    for entry in patterns:
        path = prefix + str(entry.pattern)
        if path.startswith(PAGES):
            yield next(page for page in PAGES if path.startswith(page))
        elif hasattr(entry, "url_patterns"):
            yield from django_paths(entry.url_patterns, path)
        else:
            yield path


def test_paths_are_those_that_django_knows() -> None:
    """So that a new one can't be forgotten above. Patterns that begin with ^ lead to the protocol's own table."""
    found = {*django_paths(get_resolver().url_patterns), *OperationsMiddleware.VIEWS}
    assert {path for path in found if not path.startswith("/^")} - {"/"} == set(our_paths()) - {"/gateway/<workspace>/verify"}


def error_classes() -> dict[str, type[errors.OAuthError]]:
    named = vars(errors) | vars(resource_errors)
    return {name: value for name, value in named.items() if isinstance(value, type) and issubclass(value, errors.OAuthError)}


def read_implicit_reasons() -> set[str]:
    """Errors that are raised without a reason have their error's name for one."""
    classes = {
        name: value for name, value in (vars(errors) | vars(resource_errors)).items() if isinstance(value, type) and issubclass(value, errors.OAuthError)
    }
    plain = {name: kind.error for name, kind in classes.items() if kind.__init__ is errors.OAuthError.__init__ and hasattr(kind, "error")}
    found = {resource_errors.MissingTokenError.error}
    for file in sorted((ROOT / "oauth").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in plain and not any(keyword.arg == "reason" for keyword in node.keywords):
                found.add(plain[node.func.id])
    return found


def test_the_tables_of_errors_are_those_of_the_code() -> None:
    assert read("docs/errors.md") == error_tables.current(), "run “make docs”"


@pytest.mark.long
def test_errors_has_every_reason_for_which_something_is_refused() -> None:
    """And no reason that nothing uses."""
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "oauth").glob("*.py"))
    said = {name for name, value in vars(reasons).items() if isinstance(value, reasons.Refusal) and re.search(rf"\breasons\.{name}\b", code)}
    assert {value.code for name, value in vars(reasons).items() if name in said} | read_implicit_reasons() == set(reasons.REFUSALS)


def test_errors_has_every_error_with_its_status() -> None:
    section = read("docs/errors.md").partition("## What to do\n")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| (\d+) \| `(\w+)` \|", section, re.MULTILINE))
    kinds = [
        kind
        for kind in (vars(errors) | vars(resource_errors)).values()
        if isinstance(kind, type) and issubclass(kind, errors.OAuthError) and hasattr(kind, "error")
    ]
    assert documented == {(str(kind.status), kind.error) for kind in kinds}


@pytest.mark.parametrize("page", NAMES)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    text = read(page)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.resolve().is_file(), f"{page}: {target}"
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{page}: {target}"


@pytest.mark.parametrize("page", NAMES)
def test_no_page_is_forgotten_in_the_map(page: str) -> None:
    assert page == "README.md" or f"]({page})" in read("README.md")


def test_every_endpoint_that_metrics_name_is_documented() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "oauth").glob("*.py"))
    names = set(re.findall(r'^@(?:\w+_)?endpoint\(\s*"(\w+)"', code, re.MULTILINE))
    assert len(names) > 5
    [said] = re.findall(r"^`endpoint` is (.*?)\.", read("docs/operations.md"), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", said)) == names


def test_no_two_pages_give_one_audience_to_two_workspaces() -> None:
    """It belongs to the first: a reader who follows both would be refused."""
    owners: dict[str, set[str]] = {}
    for page in NAMES:
        for sample in blocks(page, "sh"):
            for workspace, rest in re.findall(r"create_client --workspace (\S+)((?:.*\\\n)*.*)", sample.text):
                for audience in re.findall(r"--audience (\S+)", rest):
                    owners.setdefault(audience, set()).add(workspace)
    assert {audience: sorted(workspaces) for audience, workspaces in owners.items() if len(workspaces) > 1} == {}
    assert owners


def test_no_sample_leaves_a_file_with_secrets_in_the_checkout() -> None:
    """Git would offer to commit it. It ignores var/ and .env."""
    for page in NAMES:
        for sample in blocks(page, "sh"):
            assert re.findall(r"(?<![\w/~$.-])[\w-]+\.(?:sqlite3|dump)\b", sample.text) == [], str(sample)


def test_no_other_user_of_the_machine_can_read_a_backup() -> None:
    samples = [sample.text for sample in blocks("docs/operations.md", "sh") if ".backup(" in sample.text or "pg_dump" in sample.text]
    assert len(samples) == 2
    assert [text for text in samples if not text.startswith("umask 077\n")] == []
    assert "`pg_dump" not in read("docs/operations.md")


def test_metrics_are_documented() -> None:
    names = re.findall(r'(?:Counter|Histogram)MetricFamily\(\s*"(\w+)"', (Path(ROOT) / "oauth" / "metrics.py").read_text(encoding="utf-8"))
    assert names
    assert [name for name in names if f"`{name}" not in read("docs/operations.md")] == []


def proxy_samples() -> Iterator[tuple[str, str]]:
    for name in ("nginx.conf", "envoy.yaml", "traefik.yml"):
        yield name, (ROOT / "deploy" / name).read_text(encoding="utf-8")
    for example in blocks("docs/tokens.md"):
        if example.section in ("nginx", "Caddy", "Traefik", "Envoy"):
            yield str(example), example.text


def test_no_proxy_passes_on_the_request_id_that_a_caller_chose() -> None:
    """Envoy sets its own, and Traefik's forwardAuth passes on only named headers."""
    guards = {"nginx.conf": "proxy_set_header X-Request-Id $request_id;", "traefik.yml": 'X-Request-Id: ""', "Caddy": "header_up -X-Request-Id"}
    for name, guard in guards.items():
        [sample] = [text for place, text in proxy_samples() if name in place]
        assert guard in sample, name
    assert "X-Request-Id" in read("docs/operations.md").partition("Any other proxy must")[2].partition("keep connections open")[0]


def test_no_proxy_sample_for_an_api_lets_a_forged_caller_through() -> None:
    """A framework that takes _ for - can't tell a caller's own X_TokenOS_Scopes from TokenOS's. The pages' samples are run; these say the same."""
    for section, file in (("Caddy", "caddy"), ("Traefik", "traefik"), ("Envoy", "envoy")):
        [sample] = [example.text for example in blocks("docs/tokens.md") if example.section == section]
        shown = (ROOT / "templates" / "docs" / "code" / f"{file}.txt").read_text(encoding="utf-8")
        guards = [
            line.strip() for line in shown.splitlines() if re.search(r"[Xx][-_]tokenos|-\*_\*|underscores", line, re.IGNORECASE) and "values." not in line
        ]
        assert len(guards) > 1
        assert [line for line in guards if line not in sample and not line.startswith("{%")] == []
    for name, sample in proxy_samples():
        assert "underscores_in_headers on" not in sample, name


@pytest.mark.parametrize(("name", "sample"), list(proxy_samples()), ids=lambda value: value if len(value) < 60 else "")
def test_no_proxy_sample_lets_a_forged_certificate_through(name: str, sample: str) -> None:
    """A caller who can send the trusted header can claim any certificate: it is removed, or only named headers pass."""
    removes = ('proxy_set_header Client-Cert ""', "header_up -Client-Cert", "client-cert]", 'Client-Cert: ""')
    names_all = ("authRequestHeaders:", "allowed_headers:")
    assert any(words in sample for words in (*removes, *names_all)), name
    # nginx's header fields are inherited by no location that sets one of its own.
    for location in sample.split("location ")[1:]:
        if "proxy_pass http://tokenos" in location and "proxy_set_header" in sample:
            assert 'proxy_set_header Client-Cert ""' in location, name
