"""The instance: its environment, checks, files, logs, database and mail. It knows nobody and no page."""
