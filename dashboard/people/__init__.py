"""Accounts, sign-in, and people's memberships in workspaces."""
