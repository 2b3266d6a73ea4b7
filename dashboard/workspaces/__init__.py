"""Workspaces: the list, a new one, its first steps, and its settings."""
