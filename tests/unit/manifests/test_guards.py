"""Policies of other kinds in files: which kind a document is of, and of which namespace."""

from pathlib import Path

import pytest

from .reading import Checked, check

SHOP = """\
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: shop}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: app, image: app, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api, namespace: shop}
spec: {podSelector: {}, ingress: [{ports: [{port: 8080}]}]}
---
"""
CALICO = """\
apiVersion: GROUP
kind: NetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  order: 1
  selector: app == 'shop'
  ingress: [{action: Allow, protocol: TCP, destination: {ports: [PORT]}}, {action: Deny}]
"""
CILIUM = """\
apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: closed}
spec: {endpointSelector: {}, ingressDeny: [{fromEntities: [all]}]}
"""


def files(folder: Path, text: str, *, complete: bool = True) -> Checked:
    (folder / "all.yaml").write_text(SHOP + text)
    return check(folder, complete=complete)


def subjects(found: Checked) -> list[tuple[str, str]]:
    return [(f.code, f"{f.subject.kind} {f.subject.name}") for f in found.findings if f.subject]


def lacking(found: Checked) -> str:
    """What PC720 could not tell."""
    several = [n for s in found.raw.services for n in s.not_evaluated]
    return " ".join(n.missing for n in several if n.code == "PC720")


@pytest.mark.parametrize("group", ["projectcalico.org/v3", "crd.projectcalico.org/v1"])
def test_a_policy_of_calico_and_one_of_kubernetes_with_one_name(tmp_path: Path, group: str) -> None:
    text = CALICO.replace("GROUP", group)
    found = files(tmp_path, text.replace("PORT", "9000"))
    kind = f"NetworkPolicy.{group.partition('/')[0]}"
    assert subjects(found) == [("PC720", f"{kind} api")]
    assert found.findings[0].origin
    assert found.findings[0].origin.line > SHOP.count("\n")
    assert subjects(files(tmp_path, text.replace("PORT", "8080"))) == []


def test_a_list_gives_its_version_to_its_items(tmp_path: Path) -> None:
    item = CALICO.replace("PORT", "9000").split("\n", 2)[2].replace("\n", "\n  ")
    text = f"apiVersion: projectcalico.org/v3\nkind: NetworkPolicyList\nitems:\n- {item}\n"
    assert subjects(files(tmp_path, text)) == [("PC720", "NetworkPolicy.projectcalico.org api")]


def test_a_policy_of_the_whole_cluster_is_about_every_namespace(tmp_path: Path) -> None:
    [found] = subjects(files(tmp_path, CILIUM))
    assert found == ("PC720", "CiliumClusterwideNetworkPolicy closed")


def test_files_that_are_not_everything_claim_nothing_of_tiers(tmp_path: Path) -> None:
    text = CALICO.replace("GROUP", "projectcalico.org/v3").replace("PORT", "9000")
    assert subjects(files(tmp_path, text, complete=False)) == []


def test_what_denies_some_clients_claims_nothing_where_files_are_not_everything(
    tmp_path: Path,
) -> None:
    """What allows the others may stand elsewhere; what denies all comes before it."""
    bare = SHOP.partition("apiVersion: networking")[0]
    some = CILIUM.replace("fromEntities: [all]", "fromEndpoints: [{matchLabels: {app: x}}]")
    for text, expected in ((some, []), (CILIUM, ["PC720"])):
        (tmp_path / "all.yaml").write_text(bare + text)
        found = check(tmp_path, complete=False)
        assert [code for code, _ in subjects(found)] == expected


def test_a_kind_of_another_group_is_another_thing(tmp_path: Path) -> None:
    antrea = "apiVersion: crd.antrea.io/v1beta1\nkind: ClusterNetworkPolicy\nmetadata: {name: x}\n"
    assert files(tmp_path, antrea).raw.verdict == "healthy"


TIER = """\
apiVersion: projectcalico.org/v3
kind: Tier
metadata: {name: platform}
spec: {order: ORDER}
"""
IN_TIER = (
    CALICO.replace("GROUP", "projectcalico.org/v3")
    .replace("PORT", "9000")
    .replace("  order: 1\n", "  tier: platform\n")
)


def test_a_tier_of_calico_stands_anywhere_in_the_files(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    for order, expected in (("1", 1), ("2000000", 0)):
        (tmp_path / "cluster" / "tiers.yaml").write_text(TIER.replace("ORDER", order))
        assert len(subjects(files(tmp_path, IN_TIER))) == expected


def test_a_tier_that_is_not_in_the_files_is_not_known(tmp_path: Path) -> None:
    found = files(tmp_path, IN_TIER)
    assert subjects(found) == []
    assert "tier platform" in lacking(found)


def test_service_accounts_of_files(tmp_path: Path) -> None:
    policy = IN_TIER.replace(
        "tier: platform", "order: 1\n  serviceAccountSelector: team == 'sales'"
    )
    account = "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default, namespace: shop"
    for labels, expected in ((", labels: {team: sales}", 1), ("", 0)):
        found = files(tmp_path, f"{policy}{account}{labels}}}\n")
        assert len(subjects(found)) == expected
    found = files(tmp_path, policy)
    assert subjects(found) == []
    assert "service accounts" in lacking(found)
