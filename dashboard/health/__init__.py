"""Whether this instance can do its work: for load balancers and for people."""
