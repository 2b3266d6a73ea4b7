"""Reads as much as possible of a request that people paste: a curl command, an HTTP message, headers, a body, or a credential by itself.

The text is never stored or shown again.
"""
