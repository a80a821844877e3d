"""Annotations that this program gives a meaning to."""

AMBIENT = "ambient.istio.io/redirection"
"""On pods for which their node answers in place of the application. (Istio, ambient mode)"""

IGNORE = "portcheck.dev/ignore"
"""On a Service: codes or names of rules whose findings decide nothing, separated by commas."""

DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
"""On an IngressClass: whether Ingresses without a class get it when they are created."""

NGINX_REWRITE = "nginx.ingress.kubernetes.io/rewrite-target"
"""On an Ingress: the path that the pods are asked for. It is kept without a query."""

NGINX_REGEX = "nginx.ingress.kubernetes.io/use-regex"
"""On an Ingress: whether its paths are regular expressions."""

NGINX_CANARY = "nginx.ingress.kubernetes.io/canary"
"""On an Ingress: whether it shares the paths of another one."""
