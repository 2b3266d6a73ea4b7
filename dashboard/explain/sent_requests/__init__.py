"""What people paste of a request that their program sends, read as far as it goes: a curl command, an HTTP message, headers, a body, a credential by itself.

Nothing of it is kept or shown again.
"""
