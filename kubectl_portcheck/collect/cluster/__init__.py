"""A live cluster: what is read of it, how a Service is walked, how many are swept."""
