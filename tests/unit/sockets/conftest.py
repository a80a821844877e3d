"""Settings of the property tests, so that a failure here is a failure everywhere."""

from hypothesis import settings

settings.register_profile("sockets", derandomize=True, deadline=None, max_examples=200)
settings.load_profile("sockets")
