"""The clients of a workspace: the list, a new one, hygiene and search."""
