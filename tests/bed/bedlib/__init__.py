"""The test bed: a real Kubernetes as plain processes, for machines without a Docker engine."""
