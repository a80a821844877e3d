"""The objects as they are applied, as far as patches among the files say so."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from kubectl_portcheck.collect.manifests.files import Problem
from kubectl_portcheck.collect.manifests.kustomize import Kustomizations, Patch, Patches, merged
from kubectl_portcheck.collect.manifests.objects import Manifests, Object
from kubectl_portcheck.collect.manifests.pods import TEMPLATES
from kubectl_portcheck.inputs import yaml_tree

_APPS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")


def applied(manifests: Manifests) -> Manifests:
    """The same without documents that are patches, and with what they change."""
    try:
        found = Kustomizations(manifests.files)
    finally:
        yaml_tree.forget()
    partial: dict[tuple[str, str], list[Object]] = defaultdict(list)
    whole: list[Object] = []
    lacks = [_lacks(item) for item in manifests.objects]
    complete = {
        (o.kind, o.name) for o, lack in zip(manifests.objects, lacks, strict=True) if not lack
    }
    for item, lack in zip(manifests.objects, lacks, strict=True):
        path = item.file.real
        if path in found.patch_files:
            continue
        roots = found.roots(path) if path else frozenset()
        if lack and (roots or (item.kind, item.name) in complete):
            partial[item.kind, item.name].append(item)
        else:
            changed = roots or lack
            whole.append(item._replace(roots=roots, lacks=lack) if changed else item)
    changing = {
        roots: Patches(found.patches(roots) if roots else ()) for roots in {o.roots for o in whole}
    }
    objects = [
        _changed(o, changing[o.roots], found, partial.get((o.kind, o.name), ())) for o in whole
    ]
    notes = [_note(item) for items in partial.values() for item in items]
    return manifests._replace(objects=tuple(objects), notes=(*manifests.notes, *notes))


def _lacks(item: Object) -> str:
    """The field without which the API server would not take the object: then it is mostly a patch
    of another one. '' where it has all of these."""
    spec = item.data.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    if item.kind in _APPS and item.data.get("apiVersion") == "apps/v1":
        return "" if "selector" in spec else "spec.selector"
    if item.kind == "Service":
        outside = spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None"
        return "" if spec.get("ports") or outside else "spec.ports"
    return ""


def _note(item: Object) -> Problem:
    return Problem(
        item.file.name,
        item.line(item.node.start),
        f"{item.kind} {item.name} has no {_lacks(item)}, and is taken for a patch of another file",
    )


def _changed(
    item: Object, patches: Patches, found: Kustomizations, partial: Iterable[Object]
) -> Object:
    if item.kind != "Service" and item.kind not in TEMPLATES:
        return item
    own = patches.of(item.kind, item.name)
    own += [Patch(p.file.name, p.data, {}) for p in partial]
    data: dict[str, Any] = item.data
    by = found.opaque(item.roots) if item.roots else ""
    for patch in own:
        more = merged(data, patch)
        if more is None or (item.kind == "Service" and len(item.roots) > 1 and more != data):
            # What one overlay adds to a workload harms no other; a Service has one value a field.
            by = patch.by
        else:
            data = more
    if data is item.data and not by:
        return item
    return item._replace(data=data, changed_by=by)
