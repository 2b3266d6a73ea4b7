"""One client: its pages, the validity of its credentials, and the effect of a change."""
