"""The legacy kubeconfig entry ``auth-provider``: of its kinds only ``oidc`` is left."""

import base64
import time

from kubectl_portcheck.collect.connection.errors import CredentialsError
from kubectl_portcheck.collect.connection.kubeconfig import AuthProvider

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


def provider_token(provider: AuthProvider) -> tuple[str, float | None]:
    """The token of an ``oidc`` entry and the moment at which it ends.

    Raises :class:`CredentialsError` where the token has ended: renewing it would use up the refresh
    token that kubectl keeps in the kubeconfig, so that is left to kubectl.
    """
    import msgspec

    if provider.name in REMOVED:
        raise CredentialsError(
            f"The {provider.name} auth plugin has been removed.\n{REMOVED[provider.name]}"
        )
    if provider.name != "oidc":
        raise CredentialsError(f'no Auth Provider found for name "{provider.name}"')
    token = provider.config.get("id-token", "").strip()
    expires = None
    try:
        claims = token.split(".")[1]
        packed = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))
        expires = float(msgspec.json.decode(packed)["exp"])
    except (IndexError, ValueError, KeyError, TypeError, msgspec.DecodeError):
        expires = None
    if not token or expires is None or expires <= time.time() + 10:
        raise CredentialsError(
            "the oidc token of this kubeconfig entry is missing or has expired",
            "Run any kubectl command, such as `kubectl get --raw /version`, to renew it.",
        )
    return token, expires
