import pytest

from kubectl_portcheck.semantics.creation import Refusal, refusal

POD = 'pods "checkout-8ddd774b-2k2x8" is forbidden: '


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            f"{POD}exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1",
            Refusal("quota", "q", "requested: pods=1, used: pods=1, limited: pods=1"),
        ),
        (
            f"Error creating: {POD}failed quota: q: must specify requests.cpu for: app",
            Refusal("quota", "q", "must specify requests.cpu for: app"),
        ),
        (
            f"{POD}maximum memory usage per Container is 64Mi, but limit is 128Mi",
            Refusal(
                "limit-range", "", "maximum memory usage per Container is 64Mi, but limit is 128Mi"
            ),
        ),
        (
            f'{POD}violates PodSecurity "restricted:latest": privileged (container "app" must not)',
            Refusal("pod-security", "restricted:latest", 'privileged (container "app" must not)'),
        ),
        (
            f"{POD}error looking up service account shop/checkout-sa: "
            'serviceaccount "checkout-sa" not found',
            Refusal("service-account", "checkout-sa"),
        ),
        (
            'Internal error occurred: failed calling webhook "vet.shop.io": '
            'failed to call webhook: Post "https://vet.policy.svc:8443/vet?timeout=10s": '
            "dial tcp 10.96.0.9:8443: connect: connection refused",
            Refusal(
                "webhook-failed",
                "vet.shop.io",
                'failed to call webhook: Post "https://vet.policy.svc:8443/vet?timeout=10s": '
                "dial tcp 10.96.0.9:8443: connect: connection refused",
                ("policy", "vet", 8443),
            ),
        ),
        (
            'admission webhook "vet.shop.io" denied the request: image latest is not allowed',
            Refusal("webhook", "vet.shop.io", "image latest is not allowed"),
        ),
        (
            f"{POD}no PriorityClass with name high was found",
            Refusal("other", "", "no PriorityClass with name high was found"),
        ),
        ("connection refused", None),
        ("", None),
    ],
)
def test_who_refused_the_pods_and_what_they_ask_for(message: str, expected: Refusal | None) -> None:
    assert refusal(message) == expected


def test_a_webhook_without_a_port_is_called_on_443() -> None:
    found = refusal('failed calling webhook "a.b": Post "https://vet.policy.svc/vet": EOF')
    assert found is not None
    assert found.service == ("policy", "vet", 443)
