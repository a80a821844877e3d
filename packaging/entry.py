"""What the self-contained program starts with."""

import os
import sys

from kubectl_portcheck.__main__ import run

AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, Red Hat
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",  # macOS, Alpine
)
"""Where systems keep the authorities that they trust, in the order in which kubectl looks."""


def trust_the_system() -> None:
    """Names this system's authorities: the library inside knows the places of its builder's."""
    if sys.platform == "win32" or {"SSL_CERT_FILE", "SSL_CERT_DIR"} & os.environ.keys():
        return
    found = next((path for path in AUTHORITIES if os.path.isfile(path)), None)
    if found:
        os.environ["SSL_CERT_FILE"] = found


if __name__ == "__main__":
    trust_the_system()
    run()
