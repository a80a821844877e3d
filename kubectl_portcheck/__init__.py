"""Names the cause when a Kubernetes Service refuses connections, proves it, and mends it."""

__version__ = "0.1.0"
