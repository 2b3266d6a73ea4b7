"""Explains why a request was refused, and what to do."""
