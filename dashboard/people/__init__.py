"""Accounts, how people sign in, and the workspaces that they belong to."""
