"""The way from a socket to a request with a known sender: TLS, peers and proxies."""
