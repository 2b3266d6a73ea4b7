"""From a socket to a request with a known sender: TLS, peers, proxies."""
