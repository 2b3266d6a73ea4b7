"""The audit log, as its pages and files tell it."""
