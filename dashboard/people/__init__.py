"""Accounts, how they sign in, and to which workspaces they belong."""
