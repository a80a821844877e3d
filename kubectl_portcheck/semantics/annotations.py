"""Annotations that this program gives a meaning to."""

AMBIENT = "ambient.istio.io/redirection"
"""On pods for which their node answers in place of the application: ``enabled`` once ztunnel does.
In files, pods have it that ask for ambient mode. (Istio, ambient mode)"""

ISTIO_DATAPLANE = "istio.io/dataplane-mode"
"""A label of pods and namespaces: ``ambient`` asks for that mode, ``none`` for neither. (Istio,
Resource Labels)"""

ISTIO_WAYPOINT = "istio.io/use-waypoint"
"""A label of Services and namespaces: the waypoint through which clients in ambient mode connect;
``none`` for no one. (Istio, Configure waypoint proxies)"""

ISTIO_DRY_RUN = "istio.io/dry-run"
"""On an AuthorizationPolicy: whether it only reports. (Istio, Dry run)"""

ISTIO_PORTS = (
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "traffic.sidecar.istio.io/includeInboundPorts",
)
"""On pods: the ports that pass by the sidecar, and those that do not. (Istio, annotations)"""

LINKERD_PORTS = "config.linkerd.io/skip-inbound-ports"
KUMA_PORTS = "traffic.kuma.io/exclude-inbound-ports"
CONSUL_PORTS = "consul.hashicorp.com/transparent-proxy-exclude-inbound-ports"
"""On pods: the ports that pass by the proxy of these meshes. (Linkerd, Proxy Configuration; Kuma,
Annotations and labels; Consul on Kubernetes, Annotations and labels)"""
LINKERD_INJECT = "linkerd.io/inject"
"""On pods and namespaces: whether pods get Linkerd's proxy. (Linkerd, Automatic Proxy Injection)"""

LINKERD_POLICY = "config.linkerd.io/default-inbound-policy"
"""On pods: what is allowed at ports that no Server is about. (Linkerd, Authorization Policy)"""

LINKERD_OPAQUE = "config.linkerd.io/opaque-ports"
"""On pods and Services: the ports on which the proxies do not look for HTTP. It replaces the list
of the installation. (Linkerd, Protocol Detection)"""

LINKERD_SKIPPED_OUT = "config.linkerd.io/skip-outbound-ports"
"""On pods: the ports of destinations to which the pod connects without its proxy."""

ISTIO_STATUS = "sidecar.istio.io/status"
"""On pods: what Istio's injector added. In files, pods have it that ask for a sidecar."""

ISTIO_SKIPPED_OUT = "traffic.sidecar.istio.io/excludeOutboundPorts"
"""On pods: the same for Istio's sidecar. (Istio, Resource Annotations)"""

ISTIO_CAPTURE = (
    "traffic.sidecar.istio.io/includeOutboundPorts",
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
    "traffic.sidecar.istio.io/excludeOutboundIPRanges",
    "sidecar.istio.io/interceptionMode",
)
"""On pods: what else decides which connections go through Istio's sidecar; it is not compared."""

OF_LINKERD = (
    *(LINKERD_INJECT, LINKERD_POLICY, LINKERD_OPAQUE),
    *(LINKERD_PORTS, LINKERD_SKIPPED_OUT),
)
"""Those of Linkerd. Its injector copies them from the namespace to pods that do not set them."""

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

NGINX_PROTOCOL = "nginx.ingress.kubernetes.io/backend-protocol"
"""On an Ingress: what ingress-nginx speaks to its backends."""

NGINX_PASSTHROUGH = "nginx.ingress.kubernetes.io/ssl-passthrough"
"""On an Ingress: whether TLS of its clients goes on to the pods."""

ALB_PROTOCOL = "alb.ingress.kubernetes.io/backend-protocol"
"""On an Ingress or a Service, which counts more: what the AWS load balancer speaks to the pods."""

TRAEFIK_SCHEME = "traefik.ingress.kubernetes.io/service.serversscheme"
"""On a Service: what Traefik speaks to its pods, for Ingresses."""

CONTOUR_TLS = "projectcontour.io/upstream-protocol.tls"
"""On a Service: the ports to which Contour speaks TLS, by number or name."""

KONG_PROTOCOL = "konghq.com/protocol"
"""On a Service: what Kong speaks to its pods."""

KONG_OVERRIDE = "konghq.com/override"
"""On a Service or an Ingress: a KongIngress whose settings hold, which is not read."""

GCE_PROTOCOLS = ("service.alpha.kubernetes.io/app-protocols", "cloud.google.com/app-protocols")
"""On a Service: JSON, the name of a port and what the load balancer of Google Cloud speaks to it.
The first that is there counts."""

HAPROXY_SSL = (
    *("haproxy.org/server-ssl", "ingress.kubernetes.io/server-ssl", "haproxy.com/server-ssl"),
)
"""On a Service, which counts more, or an Ingress: whether HAProxy Technologies' controller speaks
TLS to the pods."""

HAPROXY_INGRESS_SECURE = (
    *("haproxy-ingress.github.io/secure-backends", "ingress.kubernetes.io/secure-backends"),
)
"""On a Service or an Ingress: whether haproxy-ingress speaks TLS to the pods."""

HAPROXY_INGRESS_PROTOCOL = (
    *("haproxy-ingress.github.io/backend-protocol", "ingress.kubernetes.io/backend-protocol"),
)
"""On a Service or an Ingress: what haproxy-ingress speaks to the pods."""

OF_PROTOCOLS = (
    *(NGINX_PROTOCOL, NGINX_PASSTHROUGH, ALB_PROTOCOL, TRAEFIK_SCHEME, CONTOUR_TLS),
    *(KONG_PROTOCOL, KONG_OVERRIDE, *GCE_PROTOCOLS, *HAPROXY_SSL),
    *(*HAPROXY_INGRESS_SECURE, *HAPROXY_INGRESS_PROTOCOL),
)
"""Those by which it is decided what a proxy speaks to the pods."""
