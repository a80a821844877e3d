"""The catalogue of problems. To add one: write its file, then name it here."""

from kubectl_portcheck.rules import (
    pc101_pod_not_scheduled,
    pc102_container_crash_looping,
    pc201_nothing_listening,
    pc202_loopback_only_listener,
    pc301_selector_matches_no_pods,
    pc302_no_ready_endpoints,
    pc303_endpoint_without_port,
    pc401_target_port_not_listening,
    pc402_named_target_port_unresolved,
    pc405_named_target_port_not_listening,
    pc407_mixed_listeners,
    pc408_service_port_unknown,
    pc501_pod_refuses,
    pc601_service_forward_fails,
)
from kubectl_portcheck.rules.base import Rule

CATALOGUE: tuple[Rule, ...] = (
    pc101_pod_not_scheduled.RULE,
    pc102_container_crash_looping.RULE,
    pc201_nothing_listening.RULE,
    pc202_loopback_only_listener.RULE,
    pc301_selector_matches_no_pods.RULE,
    pc302_no_ready_endpoints.RULE,
    pc303_endpoint_without_port.RULE,
    pc401_target_port_not_listening.RULE,
    pc402_named_target_port_unresolved.RULE,
    pc405_named_target_port_not_listening.RULE,
    pc407_mixed_listeners.RULE,
    pc408_service_port_unknown.RULE,
    pc501_pod_refuses.RULE,
    pc601_service_forward_fails.RULE,
)
"""Every rule, in the order of its code."""
