"""What a controller reports about an Ingress, and the classes by which each finds its own."""

from typing import Annotated, Final

from kubectl_portcheck.model.base import Known, Record
from kubectl_portcheck.model.objects import ObjectMeta

NGINX: Final = "k8s.io/ingress-nginx"
"""The controller of the classes that ingress-nginx takes."""
NGINX_OF_F5: Final = "nginx.org/ingress-controller"
AWS: Final = "ingress.k8s.aws/alb"
TRAEFIK: Final = "traefik.io/ingress-controller"
Controller = Annotated[str, Known({NGINX, NGINX_OF_F5, AWS, TRAEFIK})]


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
