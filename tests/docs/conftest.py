"""The real server for samples, as in tests/servers."""

from tests.servers.conftest import keys, make_lasting_server, make_server, server  # noqa: F401  # fixtures
from tests.servers.test_interoperability import javascript  # noqa: F401  # a fixture
