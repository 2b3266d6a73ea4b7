"""The sample for nginx counts requests together if they come from one IPv4 address or one /48, in any spelling of an IPv6 address."""

import re
import subprocess
import urllib.request
from collections.abc import Iterator
from ipaddress import IPv6Address, IPv6Network

import pytest

from tests.ports import free_port
from tests.servers.conftest import ROOT
from tests.servers.nginx import NGINX
from tests.servers.proxies import wait_until_answering
from tests.servers.stores import missing

CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors; events {{}}
http {{
    access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
    {map}
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 $tokenos_network; }} }}
}}
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of an nginx that says as which network it counts the address in a request."""
    if NGINX is None:
        missing("nginx", install="install nginx, as by “apt-get install nginx-light”")
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    configuration, errors = folder / "nginx.conf", folder / "errors"
    (of_sample,) = re.findall(r"^map \$remote_addr \$tokenos_network \{.*?^\}", (ROOT / "deploy/nginx.conf").read_text(), re.DOTALL | re.MULTILINE)
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port, map=of_sample.replace("$remote_addr", "$arg_address")))
    process = subprocess.Popen([str(NGINX), "-c", str(configuration), "-p", str(folder), "-e", str(errors)])
    try:
        wait_until_answering(process, errors, lambda: network_of(port, "") == "")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def network_of(port: int, address: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/?address={address}", timeout=10) as answer:
        return answer.read().decode()


@pytest.mark.parametrize(("network", "counted"), [("2001:db8:1::/48", 1), ("2001:db8:1234::/48", 1), ("2001:db8::/48", 2), ("2a00::/48", 2)])
def test_all_of_a_network_are_one_or_two_where_its_last_groups_are_zeros(port: int, network: str, counted: int) -> None:
    first = IPv6Network(network).network_address
    within = [1, 0xAAAA_0001_0002_0003, 0xBBBB_0001_0002_0003, 0x1 << 64, 0x2_0000_0000_0000_0005, 0xFFFF_0001_0002_0003_0004]
    assert len({network_of(port, str(IPv6Address(int(first) + host))) for host in within}) == counted


def test_others_are_others(port: int) -> None:
    addresses = ["2001:db8:1::1", "2001:db8:2::1", "2001:db9:1::1", "2001:db8:1234:5:6:7:8:9", "198.51.100.7", "198.51.100.8", "::1"]
    assert len({network_of(port, address) for address in addresses}) == len(addresses)
