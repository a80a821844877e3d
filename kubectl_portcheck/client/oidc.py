"""The legacy kubeconfig entry ``auth-provider``: of its kinds only ``oidc`` is left."""

import base64
import time
from collections.abc import Callable

from kubectl_portcheck.client.errors import CredentialsError
from kubectl_portcheck.client.kubeconfig import AuthProvider
from kubectl_portcheck.inputs import json_value

MARGIN_SECONDS = 10.0
"""A token with less than this left counts as ended, as in client-go."""
REMOVED = {
    "gcp": (
        'Please use the "gke-gcloud-auth-plugin" kubectl/client-go credential plugin instead.\n'
        "See https://cloud.google.com/blog/products/containers-kubernetes/"
        "kubectl-auth-changes-in-gke for further details"
    ),
    "azure": (
        "Please use the https://github.com/Azure/kubelogin kubectl/client-go credential plugin "
        "instead.\nSee https://kubernetes.io/docs/reference/access-authn-authz/authentication/"
        "#client-go-credential-plugins for further details"
    ),
}
"""What client-go says of the kinds that it no longer has."""


Renew = Callable[[], AuthProvider | None]


def provider_token(provider: AuthProvider, renew: Renew) -> tuple[str, float]:
    """The token of an ``oidc`` entry and the moment at which it ends.

    Where it has ended, ``renew`` is asked for the entry with a new one. Raises
    :class:`CredentialsError` where that does not help either.
    """
    if provider.name in REMOVED:
        raise CredentialsError(
            f"The {provider.name} auth plugin has been removed.\n{REMOVED[provider.name]}"
        )
    if provider.name != "oidc":
        raise CredentialsError(f'no Auth Provider found for name "{provider.name}"')
    found = _usable_token(provider)
    if found is None:
        renewed = renew()
        found = _usable_token(renewed) if renewed else None
    if found is None:
        raise CredentialsError(
            "the oidc token of this kubeconfig entry is missing or has expired", "Log in again."
        )
    return found


def _usable_token(provider: AuthProvider) -> tuple[str, float] | None:
    """The entry's token and its end, or None where it has ended or is none."""
    token = provider.config.get("id-token", "").strip()
    try:
        claims = token.split(".")[1]
        packed = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))
        expires = float(json_value(packed)["exp"])
    except (IndexError, KeyError, OverflowError, TypeError, ValueError):
        return None
    return (token, expires) if expires > time.time() + MARGIN_SECONDS else None
