"""Runs tests.dashboard.hand_over.at_once where it is imported, for a test in a process with another database."""

from tests.dashboard.hand_over.at_once import main

main()
