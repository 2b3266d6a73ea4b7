"""Search for clients and everything else in a workspace, pages and actions."""
