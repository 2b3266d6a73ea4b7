"""A workspace's clients: the list, a new client, hygiene and search."""
