"""Runs one fault, from the first valid request before it to the last check after it."""

import time

from tests.performance.faults.cases import Case
from tests.performance.faults.installations import Nodes
from tests.performance.faults.measured import Measured, measure
from tests.performance.faults.stream import Stream, look_again

# Seconds of the stream before a fault, and after it if all is well.
BEFORE, AFTER = 3.0, 3.0
# Seconds within which the last node must answer.
RECOVERING_SECONDS = 40


def run_case(case: Case, nodes: Nodes) -> Measured:
    servers = list(nodes.servers)
    if case.clock:
        servers[1] = nodes.start_with_wrong_clock(case.clock)
    stream = Stream(servers, nodes.credentials, nodes.programs, nodes.forks)
    stream.start()
    try:
        time.sleep(BEFORE)
        began = time.monotonic()
        with case.fault(nodes):
            lifted = time.monotonic()
            if case.is_failover:
                wait_until_well(stream, lifted)
            else:
                time.sleep(case.seconds)
        if not case.is_failover:
            lifted = time.monotonic()
        wait_until_well(stream, time.monotonic())
    finally:
        stream.stop()
        if case.clock:
            servers[1].stop()
    if nodes.cluster is not None:
        nodes.cluster.wait_until_whole()
    lost, used_twice = look_again(stream.account, nodes.servers, nodes.credentials[0])
    return measure(case, stream.account, nodes=len(servers), began=began, lifted=lifted, lost=lost, used_twice=used_twice)


def wait_until_well(stream: Stream, since: float) -> None:
    """Until each node has given out a token, and AFTER in any case."""
    ends_at = time.monotonic() + RECOVERING_SECONDS
    while time.monotonic() < ends_at and not all(stream.has_answered_well(node, since) for node in range(len(stream.nodes))):
        time.sleep(0.1)
    time.sleep(AFTER)
