"""Reads as much as possible of what people paste of their program's request: a curl command, an HTTP message, headers, a body, or a credential by itself.

Nothing of it is stored or shown again.
"""
