"""Names and numbers that the API server refuses, in its words."""

from pathlib import Path

import pytest

from .reading import check_text

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  ports:\n"
POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n"
    "  - name: a\n    image: a\n"
)
INGRESS = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec:\n"
REFUSED = {
    "Service: capital letter": (
        f"{SERVICE}  - {{name: Http, port: 80}}\n",
        'spec.ports[0].name: Invalid value: "Http": a lowercase RFC 1123 label must consist',
    ),
    "Service: missing name": (
        f"{SERVICE}  - {{name: a, port: 80}}\n  - {{port: 81}}\n",
        "spec.ports[1].name: Required value",
    ),
    "Service: one name twice": (
        f"{SERVICE}  - {{name: a, port: 80}}\n  - {{name: a, port: 81}}\n",
        'spec.ports[1].name: Duplicate value: "a"',
    ),
    "Service: one number twice": (
        f"{SERVICE}  - {{name: a, port: 80}}\n  - {{name: b, port: 80}}\n",
        "spec.ports[1]: Duplicate value: TCP 80",
    ),
    "Service: one number twice, once for the default protocol": (
        f"{SERVICE}  - {{name: a, port: 80, protocol: }}\n"
        "  - {name: b, port: 80, protocol: TCP}\n",
        "spec.ports[1]: Duplicate value: TCP 80",
    ),
    "Service: long name": (
        f"{SERVICE}  - {{name: {'a' * 64}, port: 80}}\n",
        "must be no more than 63 characters",
    ),
    "targetPort: too long": (
        f"{SERVICE}  - {{port: 80, targetPort: upgrade-es-https}}\n",
        'spec.ports[0].targetPort: Invalid value: "upgrade-es-https": must be no more than 15',
    ),
    "targetPort: consecutive hyphens": (
        f"{SERVICE}  - {{port: 80, targetPort: a--b}}\n",
        "must not contain consecutive hyphens",
    ),
    "targetPort: hyphen at the end": (
        f"{SERVICE}  - {{port: 80, targetPort: ab-}}\n",
        "must not begin or end with a hyphen",
    ),
    "targetPort: capital letter": (
        f"{SERVICE}  - {{port: 80, targetPort: Http}}\n",
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    ),
    "port: zero": (
        f"{SERVICE}  - {{port: 0}}\n",
        "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
    ),
    "container: no letter": (
        f'{POD}    ports: [{{name: "80", containerPort: 80}}]\n',
        'spec.containers[0].ports[0].name: Invalid value: "80": must contain at least one letter',
    ),
    "container: one name twice": (
        f"{POD}    ports: [{{name: a, containerPort: 80}}, {{name: a, containerPort: 81}}]\n",
        'spec.containers[0].ports[1].name: Duplicate value: "a"',
    ),
    "container: hostPort": (
        f"{POD}    ports: [{{containerPort: 80, hostPort: 81}}]\n  hostNetwork: true\n",
        "must match `containerPort` when `hostNetwork` is true",
    ),
    "probe: a number in quotes": (
        f'{POD}    readinessProbe: {{httpGet: {{port: "8080"}}}}\n',
        "spec.containers[0].readinessProbe.httpGet.port: Invalid value",
    ),
    "Ingress: too long": (
        f"{INGRESS}  defaultBackend: {{service: {{name: a, port: {{name: toolongofaname16}}}}}}\n",
        "spec.defaultBackend.service.port.name: Invalid value",
    ),
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED)
def test_it_is_a_problem_in_the_servers_words(tmp_path: Path, text: str, words: str) -> None:
    found = check_text(tmp_path, text)
    assert len(found.problems) == 1
    assert words in found.problems[0]
    assert found.problems[0].endswith("; the API server would refuse it")
    assert not found.gathered.services


def test_very_many_digits_are_no_number_in_quotes(tmp_path: Path) -> None:
    found = check_text(tmp_path, f"{SERVICE}  - {{port: 80, targetPort: {'9' * 5000}}}\n")
    assert "must be no more than 15 characters" in found.problems[0]
    assert not found.findings


TAKEN = {
    "digits as the name of a Service port": f'{SERVICE}  - {{name: "80", port: 80}}\n',
    "one number for two protocols": (
        f"{SERVICE}  - {{name: a, port: 53}}\n  - {{name: b, port: 53, protocol: UDP}}\n"
    ),
    "an empty targetPort": f'{SERVICE}  - {{port: 80, targetPort: ""}}\n',
    "fifteen characters": f"{SERVICE}  - {{port: 80, targetPort: abcdefghijklmno}}\n",
    "one name in two containers": (
        f"{POD}    ports: [{{name: a, containerPort: 80}}]\n"
        "  - {name: b, ports: [{name: a, containerPort: 81}]}\n"
    ),
    "a placeholder": f"{SERVICE}  - {{port: 80, targetPort: $(PORT_OF_THE_APPLICATION)}}\n",
}


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN)
def test_what_it_takes_is_no_problem(tmp_path: Path, text: str) -> None:
    assert not check_text(tmp_path, text).problems
