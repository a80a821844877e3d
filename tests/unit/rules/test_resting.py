"""Services whose pods or endpoints a controller gives and takes, as Knative does."""

from pathlib import Path

import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.report import ServiceReport
from tests.unit.manifests.reading import check_text

PUBLIC = """
apiVersion: v1
kind: Service
metadata:
  name: hello-00001
  labels: {networking.internal.knative.dev/serviceType: Public}
  ownerReferences:
  - {apiVersion: %s, kind: %s, name: hello-00001, uid: s, controller: %s}
spec: {ports: [{port: 80, targetPort: 8012}]}
"""
KNATIVE = ("networking.internal.knative.dev/v1alpha1", "ServerlessService")


def report(text: str) -> ServiceReport:
    return diagnose(evidence_of(text)).services[0]


@pytest.mark.parametrize(
    ("controls", "codes"),
    # An owner that does not control it says nothing about its endpoints.
    [("true", []), ("false", ["PC306"])],
)
def test_what_a_controller_owns_is_no_fault_in_files(
    tmp_path: Path, controls: str, codes: list[str]
) -> None:
    checked = check_text(tmp_path, PUBLIC % (*KNATIVE, controls))
    assert [f.code for f in checked.findings] == codes


@pytest.mark.parametrize(
    ("owner", "asked"),
    [
        (KNATIVE, "serverlessservice.networking.internal.knative.dev"),
        (("v1", "ConfigMap"), "configmap"),
    ],
)
def test_a_controller_without_endpoints_is_asked_why(owner: tuple[str, str], asked: str) -> None:
    [found] = report(PUBLIC % (*owner, "true")).findings
    assert found.code == "PC306"
    [fix] = found.fixes
    assert f"'{asked}', 'hello-00001'" in str(fix.change)


def test_an_address_of_the_activator_is_an_endpoint() -> None:
    piece = """---
kind: EndpointSlice
metadata: {name: hello, labels: {kubernetes.io/service-name: hello-00001}}
endpoints: [{addresses: [10.0.0.9], targetRef: {kind: Pod, name: activator, namespace: serving}}]
ports: [{name: "", port: 8012}]
"""
    assert not [f for f in report(PUBLIC % (*KNATIVE, "true") + piece).findings if f.impact]
