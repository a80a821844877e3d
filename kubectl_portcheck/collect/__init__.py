"""The edge: the only place that reads from a cluster, from files or from processes."""
