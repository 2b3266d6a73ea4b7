"""Our server and a real OpenID provider (Node's oidc-provider), which know each other, and a person who goes from one to the other without JavaScript."""

import json
import os
import re
import select
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from cryptography import x509

from tests.certificates import self_signed
from tests.ports import free_port
from tests.servers.conftest import Server

CLIENT_ID, CLIENT_SECRET = "tokenos", "only-for-tests-of-single-sign-on"
NAME = "Acme ID"
ACCOUNTS: dict[str, dict[str, Any]] = {
    "grace": {"email": "grace@example.com", "email_verified": True, "name": "Grace Hopper", "groups": ["devs"]},
    "mallory": {"email": "mallory@example.com", "email_verified": False, "name": "Mallory", "groups": ["devs"]},
}


@dataclass
class OpenIDProvider:
    """It knows the names of accounts, with any password. start() may be called again after stop()."""

    directory: Path
    port: int
    certificate: tuple[str, str]
    javascript: Path
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    redirect_uri: str = ""
    process: subprocess.Popen[str] | None = None

    @property
    def issuer(self) -> str:
        return f"https://localhost:{self.port}"

    def write_accounts(self) -> None:
        (self.directory / "accounts.json").write_text(json.dumps(self.accounts))

    def start(self) -> None:
        self.write_accounts()
        environment = {"PATH": os.environ["PATH"], "ISSUER": self.issuer, "CERTIFICATE": self.certificate[0], "KEY": self.certificate[1]}
        environment |= {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET, "REDIRECT_URI": self.redirect_uri}
        environment |= {"ACCOUNTS": str(self.directory / "accounts.json")}
        for _ in range(3):
            with (self.directory / "provider.log").open("ab") as log:
                self.process = subprocess.Popen(["node", "provider.mjs"], cwd=self.javascript, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
            assert self.process.stdout is not None
            # Node.js 20 may deadlock while it starts.
            if select.select([self.process.stdout], [], [], 30)[0]:
                break
            self.process.kill()
            self.stop()
        assert self.process.stdout.readline().strip().endswith("ready"), (self.directory / "provider.log").read_text()

    def stop(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()


@dataclass
class SingleSignOn:
    server: Server
    provider: OpenIDProvider

    def visitor(self) -> "Visitor":
        return Visitor(self)


@dataclass
class Visitor:
    """A browser without JavaScript."""

    sso: SingleSignOn
    session: requests.Session = field(default_factory=requests.Session)
    page: requests.Response = field(default_factory=requests.Response)

    def __post_init__(self) -> None:
        # Otherwise REQUESTS_CA_BUNDLE of the machine would have precedence.
        self.session.trust_env = False

    def open(self, url: str, **options: Any) -> requests.Response:
        """Follow every redirect by hand, for each of the two has its own authority."""
        url, method = urljoin(self.sso.server.url, url), options.pop("method", "GET")
        for _ in range(12):
            ca = self.sso.provider.certificate[0] if url.startswith(self.sso.provider.issuer) else str(self.sso.server.ca)
            self.page = self.session.request(method, url, verify=ca, allow_redirects=False, timeout=30, **options)
            if not self.page.is_redirect:
                return self.page
            url, method, options = urljoin(url, self.page.headers["Location"]), "GET", {}
        raise AssertionError(f"too many redirects: {url}")

    def submit(self, button: str, **filled: str) -> requests.Response:
        """Send the form that has this button."""
        [form] = [
            form
            for form in re.findall(r"<form.*?</form>", self.page.text, re.DOTALL)
            if re.search(rf">\s*(?:<svg.*?</svg>)?\s*{re.escape(button)}", form, re.DOTALL)
        ]
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)) | filled
        action = re.search(r'action="([^"]*)"', form)
        assert action is not None
        data = {name: unescape(value) for name, value in fields.items()}
        return self.open(urljoin(self.page.url, unescape(action[1])), method="POST", data=data, headers={"Referer": self.page.url})

    def sign_in_there(self, login: str) -> requests.Response:
        """From our page with the button to where it leads in the end."""
        self.submit(f"Sign in with {NAME}")
        assert self.page.status_code == 200, self.page.text
        self.open(self.page.headers["Refresh"].partition("url=")[2])
        if 'name="login"' in self.page.text:
            self.submit("Sign-in", login=login, password="any")
        if 'value="consent"' in self.page.text:
            self.submit("Continue")
        return self.page


@pytest.fixture(scope="module")
def single_sign_on(make_server: Callable[..., Server], javascript: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SingleSignOn]:
    """devs are developers of demo, bosses its owners. For browser tests as well: import it, and javascript from tests.servers.test_interoperability."""
    directory = tmp_path_factory.mktemp("provider")
    certificate = self_signed("localhost", extensions=[x509.SubjectAlternativeName([x509.DNSName("localhost")])]).write(directory)
    provider = OpenIDProvider(directory, free_port(), certificate, javascript, {name: dict(claims) for name, claims in ACCOUNTS.items()})
    server = make_server(
        WEB_CONCURRENCY="1",
        SSO_ISSUER=provider.issuer,
        SSO_CLIENT_ID=CLIENT_ID,
        SSO_CLIENT_SECRET=CLIENT_SECRET,
        SSO_NAME=NAME,
        SSO_ROLES="devs=demo:developer,bosses=demo:owner",
        SSO_SCOPES="openid email profile groups",
        SSO_CA=certificate[0],
    )
    provider.redirect_uri = f"{server.url}/accounts/sso/callback/"
    provider.start()
    yield SingleSignOn(server, provider)
    provider.stop()
    server.stop()
