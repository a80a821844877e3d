"""Annotations that this program itself gives a meaning to."""

IGNORE = "portcheck.dev/ignore"
"""On a Service: codes or names of rules whose findings decide nothing, separated by commas."""
