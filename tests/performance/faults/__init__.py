"""What TokenOS does while its parts are killed, frozen, full or wrong: python -m tests.performance.faults."""
