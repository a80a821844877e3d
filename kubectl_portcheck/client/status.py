"""Status objects: how the API server words a refusal, in a body or at the end of an exec."""

from typing import Any

from kubectl_portcheck.client.errors import ApiStatusError, status_error
from kubectl_portcheck.client.http import Response
from kubectl_portcheck.inputs import Unreadable, json_value
from kubectl_portcheck.inputs.limits import MESSAGE_CHARACTERS
from kubectl_portcheck.withheld import without_secrets


def parse_object(body: bytes) -> dict[str, Any] | None:
    """A JSON object, its message cut to a length to show; None where it is something else."""
    try:
        data = json_value(body)
    except Unreadable:
        return None
    if not isinstance(data, dict):
        return None
    message = data.get("message")
    if isinstance(message, str):
        data["message"] = message[:MESSAGE_CHARACTERS]
    return data


def parse_status(body: bytes) -> dict[str, Any] | None:
    """A Status object, or None where the bytes are something else."""
    data = parse_object(body) if b'"Status"' in body else None
    return data if data is not None and data.get("kind") == "Status" else None


def refusal(response: Response) -> ApiStatusError:
    """The exception for an answer of 300 or more."""
    status = parse_status(response.body) or {}
    reason = status.get("reason")
    message = status.get("message")
    if not isinstance(message, str) or not message:
        message = _plain_message(response)
    return status_error(
        response.status,
        reason[:MESSAGE_CHARACTERS] if isinstance(reason, str) else "",
        without_secrets(message),
        retry_after(response),
    )


def retry_after(response: Response) -> float | None:
    """The seconds that the server asked to wait, or None. A date is not understood."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None


_WORDS = {
    400: "the server rejected our request",
    401: "Unauthorized",
    403: "the server refused the request",
    404: "the server could not find the requested resource",
    429: "the server has received too many requests and has asked us to try again later",
    500: "an error on the server has prevented the request from succeeding",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted",
}


def _plain_message(response: Response) -> str:
    """What is said where the body is no Status: its own words if they are short and plain text."""
    if response.content_type == "text/plain" and len(response.body) < 500:
        said = response.body.decode("utf-8", "replace").strip()
        if said:
            return said
    return _WORDS.get(response.status, f"the server answered with HTTP status {response.status}")
