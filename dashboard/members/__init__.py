"""Members of a workspace, and invitations."""
