"""Whether this instance works: for load balancers and for people."""
