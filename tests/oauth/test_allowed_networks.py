"""Clients that may come from some address ranges only."""

import pytest

from tests.oauth.doors import ADDRESS, ELSEWHERE


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        (("203.0.113.0/24",), ADDRESS, 200), (("203.0.113.7/32", "2001:db8::/32"), ADDRESS, 200), (("2001:db8::/32",), "2001:db8::1", 200),
        (("203.0.113.0/24",), ELSEWHERE, 401), (("203.0.113.0/24",), "2001:db8::1", 401), (("0.0.0.0/0",), "", 401),
    ],
)  # fmt: skip
def test_a_client_may_be_limited_to_address_ranges(asgi, demo, make, networks, address, status):
    program = make(demo, allowed_networks=networks)
    assert asgi.token(program.basic, address=address).status == status
