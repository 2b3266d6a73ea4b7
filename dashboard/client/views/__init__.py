"""The pages of one client: its overview, its requests, its audit events."""
