"""Clients' usage as charts, tables and files."""
