"""Tests TokenOS while its parts are killed, frozen, full or wrong: python -m tests.performance.faults."""
