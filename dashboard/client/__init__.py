"""One client: its pages, what works until when, and what a change would do."""
