"""The instance: its environment, checks, files, logs, database and mail. It doesn't know people or pages."""
