"""One client, as its pages tell it: what it is, what works until when, and what a change of it would do."""
