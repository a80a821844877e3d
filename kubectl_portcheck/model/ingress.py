"""What a controller reports about an Ingress, and the classes by which each finds its own."""

from typing import Annotated, Final

from kubectl_portcheck.model.base import Known, Record
from kubectl_portcheck.model.objects import ObjectMeta

NGINX: Final = "k8s.io/ingress-nginx"
"""The controller of the classes that ingress-nginx takes."""
NGINX_OF_F5: Final = "nginx.org/ingress-controller"
AWS: Final = "ingress.k8s.aws/alb"
TRAEFIK: Final = "traefik.io/ingress-controller"
KONG: Final = "ingress-controllers.konghq.com/kong"
GCE: Final = "kubernetes.io/ingress-gce"
"""No IngressClass has it: Google Cloud's controller takes Ingresses by an annotation."""
HAPROXY: Final = "haproxy.org/ingress-controller"
"""The controller of HAProxy Technologies; a class may add its own name after a slash."""
HAPROXY_INGRESS: Final = "haproxy-ingress.github.io/controller"
"""The controller of the community."""
Controller = Annotated[
    str, Known({NGINX, NGINX_OF_F5, AWS, TRAEFIK, KONG, HAPROXY, HAPROXY_INGRESS})
]


class IngressLoadBalancerIngress(Record, frozen=True):
    """An address at which clients reach the Ingress."""

    ip: str = ""
    hostname: str = ""


class IngressLoadBalancerStatus(Record, frozen=True):
    """The addresses, as far as the controller says them."""

    ingress: tuple[IngressLoadBalancerIngress, ...] = ()


class IngressStatus(Record, frozen=True):
    """The controller's report. Some controllers write none."""

    load_balancer: IngressLoadBalancerStatus = IngressLoadBalancerStatus()


class IngressClassSpec(Record, frozen=True):
    """Which controller takes the Ingresses of a class."""

    controller: Controller = ""
    """``k8s.io/ingress-nginx``."""


class IngressClass(Record, frozen=True):
    """A class of Ingresses; of the cluster, not of a namespace."""

    metadata: ObjectMeta
    spec: IngressClassSpec = IngressClassSpec()
