"""A registered certificate that looks like the issuer of other certificates harms only its own client. RFC 8705 §2.2, RFC 5280 §4.2.1.1."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import requests

from tests.servers.conftest import Server
from tests.servers.test_mtls import fingerprint_of, wait_for_the_workers

ISSUER = "/CN=Acme Issuing CA "


@pytest.fixture(scope="module")
def tls(make_server: Callable[..., Server]) -> Server:
    server = make_server(WEB_CONCURRENCY="2", FAILURES_PER_CLIENT="1000", FAILURES_PER_ADDRESS="1000")
    server.manage("create_workspace", "evil", "--name", "Evil")
    return server


class Maker:
    """Certificates by the openssl command, in files: a name → NAME.pem and NAME-key.pem."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def run(self, *arguments: str) -> str:
        return subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True, text=True).stdout

    def self_signed(self, name: str, subject: str, *extensions: str) -> str:
        """With those extensions only."""
        (self.directory / "bare.cnf").write_text("[req]\ndistinguished_name = dn\n[dn]\n")
        added = [argument for extension in extensions for argument in ("-addext", extension)]
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}-key.pem"]
        self.run("req", "-x509", "-config", "bare.cnf", *key, "-subj", subject, "-days", "30", *added, "-out", f"{name}.pem")
        return name

    def issued(self, name: str, subject: str, issuer: str, *extensions: str) -> str:
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}-key.pem"]
        self.run("req", *key, "-subj", subject, "-out", f"{name}.csr")
        (self.directory / f"{name}.cnf").write_text("".join(f"{extension}\n" for extension in ("extendedKeyUsage=clientAuth", *extensions)))
        by = ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}-key.pem", "-CAcreateserial"]
        self.run("x509", "-req", "-in", f"{name}.csr", *by, "-days", "30", "-extfile", f"{name}.cnf", "-out", f"{name}.pem")
        return name

    def key_identifier(self, name: str, kind: str) -> str:
        """The hexadecimal one of the extension of that kind."""
        said = self.run("x509", "-in", f"{name}.pem", "-noout", "-ext", kind)
        return said.splitlines()[1].strip().removeprefix("keyid:")


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(tmp_path_factory.mktemp("certificates"))


def register(tls: Server, make: Maker, names: Mapping[str, str]) -> dict[str, str]:
    """A client for each certificate, in this order. names: the workspace of each. Returns their IDs."""

    def create(name: str, workspace: str) -> str:
        arguments = ["--auth-method", "self_signed_tls_client_auth", "--certificate", str(make.directory / f"{name}.pem")]
        return str(tls.manage("create_client", "--workspace", workspace, "--name", name, "--scope", "read", *arguments)["client_id"])

    return {name: create(name, workspace) for name, workspace in names.items()}


@pytest.fixture
def statuses(tls: Server, make: Maker) -> Callable[..., set[int]]:
    """The answers to some token requests, each on a new connection, so that more than one worker gives them."""

    def statuses(client_id: str, name: str) -> set[int]:
        form = {"grant_type": "client_credentials", "client_id": client_id}
        certificate = (str(make.directory / f"{name}.pem"), str(make.directory / f"{name}-key.pem"))
        try:
            return {tls.post("/oauth2/token", data=form, cert=certificate).status_code for _ in range(5)}
        except requests.exceptions.ConnectionError as error:
            raise AssertionError(f"{name} was cut off: {error}") from error

    return statuses


def make_authority(make: Maker, name: str, issuer: str, *extensions: str) -> str:
    return make.self_signed(name, issuer, "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign", *extensions)


# Extensions of the issuer and of the victim's certificate, and those of the certificate that looks like the issuer.
LOOKS = {
    "the same key identifier": (["subjectKeyIdentifier=hash"], ["authorityKeyIdentifier=keyid"], ["subjectKeyIdentifier={aki}"]),
    "no key identifier": (["subjectKeyIdentifier=hash"], ["authorityKeyIdentifier=keyid"], ["subjectKeyIdentifier=none"]),
    "no key identifier on either side": (["subjectKeyIdentifier=none"], ["authorityKeyIdentifier=none"], ["subjectKeyIdentifier=none"]),
    "a CA that may sign": (
        ["subjectKeyIdentifier=hash"],
        ["authorityKeyIdentifier=keyid"],
        ["subjectKeyIdentifier={aki}", "basicConstraints=critical,CA:TRUE", "keyUsage=critical,digitalSignature,keyCertSign"],
    ),
}


CASES = [*(f"{look}, mimic first" for look in LOOKS), "the same key identifier, victim first"]


def make_pair(make: Maker, case: str) -> dict[str, str]:
    """A victim and a mimic of its issuer, each with its workspace, in the order in which they are to be registered."""
    look, _, order = case.rpartition(", ")
    of_authority, of_victim, of_mimic = LOOKS[look]
    # Each case has an issuer of its own, so that it says nothing of the others.
    issuer, victim, mimic = f"{ISSUER}{CASES.index(case)}", f"victim ({case})", f"mimic ({case})"
    make.issued(victim, "/CN=billing", make_authority(make, f"authority ({case})", issuer, *of_authority), *of_victim)
    aki = make.key_identifier(victim, "authorityKeyIdentifier") if of_victim == ["authorityKeyIdentifier=keyid"] else ""
    make.self_signed(mimic, issuer, *(extension.format(aki=aki) for extension in of_mimic))
    names = {victim: "demo", mimic: "evil"}
    return names if order == "victim first" else dict(reversed(names.items()))


@pytest.fixture(scope="module")
def clients(tls: Server, make: Maker) -> dict[str, str]:
    """All that these tests need, with certificates that every worker knows."""
    names = {name: workspace for case in CASES for name, workspace in make_pair(make, case).items()}
    make.self_signed("sole victim", "/CN=machine", "subjectKeyIdentifier=none")
    make.self_signed("mimic of the sole victim", "/CN=machine", "subjectKeyIdentifier=none")
    make.issued("claims to be issued", "/CN=other", "mimic of the sole victim", "authorityKeyIdentifier=none")
    make_authority(make, "root", f"{ISSUER}of a chain", "subjectKeyIdentifier=hash")
    make.issued("victim with a chain", "/CN=billing", "root", "authorityKeyIdentifier=keyid")
    identifier = make.key_identifier("victim with a chain", "authorityKeyIdentifier")
    make.self_signed("mimic of a chain", f"{ISSUER}of a chain", f"subjectKeyIdentifier={identifier}")
    names |= {"claims to be issued": "evil", "sole victim": "demo", "mimic of the sole victim": "evil", "mimic of a chain": "evil"}
    clients = register(tls, make, names | {"victim with a chain": "demo"})
    wait_for_the_workers()
    return clients


@pytest.mark.rfc("8705", "2.2")
@pytest.mark.parametrize("case", CASES)
def test_mimic_of_an_issuer_cuts_off_no_client_of_another_workspace(clients: dict[str, str], statuses: Callable[..., set[int]], case: str) -> None:
    for name in (f"victim ({case})", f"mimic ({case})"):
        assert statuses(clients[name], name) == {200}


def test_certificate_that_names_another_client_as_its_issuer_harms_only_its_own(clients: dict[str, str], statuses: Callable[..., set[int]]) -> None:
    for name in ("claims to be issued", "sole victim", "mimic of the sole victim"):
        assert statuses(clients[name], name) == {200}


def test_chain_that_is_sent_along_changes_nothing(make: Maker, clients: dict[str, str], statuses: Callable[..., set[int]]) -> None:
    with (make.directory / "victim with a chain.pem").open("a") as file:
        file.write((make.directory / "root.pem").read_text())
    assert statuses(clients["victim with a chain"], "victim with a chain") == {200}


def test_revoked_mimic_harms_nobody_else_either(tls: Server, make: Maker, clients: dict[str, str], statuses: Callable[..., set[int]]) -> None:
    """This is the last test, because it revokes them."""
    for case in CASES:
        tls.manage("revoke_certificate", clients[f"mimic ({case})"], fingerprint_of(make.directory / f"mimic ({case}).pem"))
    wait_for_the_workers()
    for case in CASES:
        assert statuses(clients[f"victim ({case})"], f"victim ({case})") == {200}
        assert statuses(clients[f"mimic ({case})"], f"mimic ({case})") == {401}
