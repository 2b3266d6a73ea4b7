"""API and docs, with the reader's own values."""
