"""From a socket to a request whose sender is known: TLS, peers, proxies."""
