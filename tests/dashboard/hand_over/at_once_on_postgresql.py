"""Runs tests.dashboard.hand_over.at_once on import, for a test in a process with another database."""

from tests.dashboard.hand_over.at_once import main

main()
