"""The audit log: its pages and exports."""
