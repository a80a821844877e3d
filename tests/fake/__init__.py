"""Stand-ins for a cluster: a scripted API server and a proxy, over real sockets and real TLS."""
