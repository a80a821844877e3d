"""Annotations that this program gives a meaning to."""

AMBIENT = "ambient.istio.io/redirection"
"""On pods for which their node answers in place of the application. (Istio, ambient mode)"""

IGNORE = "portcheck.dev/ignore"
"""On a Service: codes or names of rules whose findings decide nothing, separated by commas."""
