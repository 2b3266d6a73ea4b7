"""The instance: its environment, checks, files, logs, database and mail. This package doesn't know people or pages."""
