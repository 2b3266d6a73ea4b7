"""What one can search for: clients and all that belongs to a workspace, pages and actions."""
