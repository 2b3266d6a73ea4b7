"""The health of this instance, for load balancers and for people."""
