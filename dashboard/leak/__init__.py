"""Leak response: which of a workspace's credentials a pasted text contains, what they can do, and revoking them. The text is never stored, logged or sent."""
