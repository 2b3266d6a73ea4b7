"""Background work, in one thread of each worker process."""

from dashboard.background.schedule import start, stop

__all__ = ["start", "stop"]
