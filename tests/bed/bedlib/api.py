"""The few requests that the bed itself makes to the API server."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from .plan import Plan


class Api:
    """The API server of a cluster, as its administrator."""

    def __init__(self, plan: Plan) -> None:
        pki = plan.state / "pki"
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        handler = urllib.request.HTTPSHandler(context=context)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), handler)
        self._server = plan.server

    def ask(self, path: str, method: str = "GET", body: Any = None, timeout: float = 5) -> Any:
        """Give the answer, decoded if it is JSON, or None where there is none to have."""
        request = urllib.request.Request(
            self._server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=timeout) as answer:
                text = answer.read().decode()
        except (OSError, urllib.error.URLError):
            return None
        try:
            return json.loads(text)
        except ValueError:
            return text
