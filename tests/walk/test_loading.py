"""What a walk loads. A count of imports is exact, where a time is not."""

from pathlib import Path

import yaml

from tests.fake.api_server import FakeApiServer
from tests.unit.test_imports import FORMS, OWN, loaded_at_the_end
from tests.walk.shop import shop


def test_a_plain_walk_loads_nothing_for_what_a_plain_cluster_does_not_have(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    with FakeApiServer() as server:
        shop(server, 9000)
        kubeconfig.write_text(yaml.safe_dump(server.kubeconfig()))
        words = ("svc/checkout", "-n", "production")
        found = set(loaded_at_the_end(*words, KUBECONFIG=str(kubeconfig)))
    assert f"{OWN}.rules.pc401_target_port_not_listening" in found
    # The API server of every cluster calls Services.
    assert FORMS & found == {f"{OWN}.semantics.referrers.api_server"}
    others = ("seats", "unready", "shared_lists", "sweep", "own_calls", "name_server")
    unwanted = {f"{OWN}.{name}" for name in ("collect.manifests", "collect.snapshots")}
    unwanted |= {f"{OWN}.collect.cluster.{name}" for name in others}
    assert found & {*unwanted, "kubernetes", "urllib3", "yaml"} == set()
