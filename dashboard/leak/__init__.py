"""Leak response: what a pasted text holds of a workspace, what that can do, and ending it. Nothing of the text is kept, logged or sent on."""
