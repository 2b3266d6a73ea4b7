"""Leak response: finds a workspace's credentials in a pasted text, shows what they can do, and revokes them. The text is never stored, logged or sent."""
