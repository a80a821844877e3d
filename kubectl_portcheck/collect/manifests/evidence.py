"""Manifests into evidence: each Service with the pods that its selector would match."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from kubectl_portcheck.collect.decode import trimmed
from kubectl_portcheck.collect.manifests import declared
from kubectl_portcheck.collect.manifests.callers import Callers
from kubectl_portcheck.collect.manifests.entrances import Labelled, placed, with_gateways
from kubectl_portcheck.collect.manifests.environments import Environments, distance
from kubectl_portcheck.collect.manifests.files import Problem
from kubectl_portcheck.collect.manifests.neighbours import Around, Near
from kubectl_portcheck.collect.manifests.objects import Manifests, Object, Unfit, typed
from kubectl_portcheck.collect.manifests.patched import applied
from kubectl_portcheck.collect.manifests.pods import Template, not_owned, template_of, with_sidecars
from kubectl_portcheck.collect.manifests.refused import refusals
from kubectl_portcheck.collect.manifests.slices import slices_of
from kubectl_portcheck.collect.uncollected import uncollected
from kubectl_portcheck.errors import UnknownTargetError, UsageError
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import (
    NOT_ASKED,
    Context,
    Doubt,
    Evidence,
    Misnamed,
    ServiceEvidence,
)
from kubectl_portcheck.model.kinds import POD, SERVICE, WORKLOADS
from kubectl_portcheck.model.objects import Endpoints, EndpointSlice, LabelSelector, Pod, Service
from kubectl_portcheck.model.probes import PodSockets
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.semantics import injection, mesh
from kubectl_portcheck.semantics.endpoints import alias_of, leading_to
from kubectl_portcheck.semantics.misnamed import misnamed
from kubectl_portcheck.semantics.monitoring import Siblings, lacks_port
from kubectl_portcheck.semantics.pods import is_passing
from kubectl_portcheck.semantics.selectors import matches_workload, nearest
from kubectl_portcheck.target import Target

LIVE = Missing(reason=Reason.NOT_RECORDED, detail="only a live cluster can tell")
UNDECLARED = Missing(reason=Reason.NOT_RECORDED, detail="no container port is declared")
MOST_COMPARED = 200
"""Pods of a namespace beside which a selector that matches none is held, to find a slip."""


class Gathered(NamedTuple):
    """Evidence, and where in the files it comes from."""

    evidence: Evidence
    services: tuple[Object, ...]
    """The objects of the evidence's Services, in its order."""
    manifests: Manifests
    problems: tuple[Problem, ...]
    """All that could not be read, so that it is not in the evidence."""
    named: Mapping[tuple[str, str], Sequence[Object]]
    """All objects by kind and name."""

    def find(self, kind: str, name: str, near: Object, namespace: str = "") -> Object | None:
        """The object of that kind and name that belongs to another one; of that namespace, where
        the files name several."""
        found = self.named.get((kind, name), ())
        here = [o for o in found if o.namespace in (namespace, "")]
        return min(here or found, key=lambda o: distance(o, near), default=None)

    def subject(self, finding: Finding, service: Object) -> Object:
        """The object that a finding is about; the Service itself, as a rule."""
        about = finding.subject
        if about.means(service.kind, service.namespace, service.name):
            return service
        return self.find(about.kind, about.name, service, about.namespace) or service


def gather(
    manifests: Manifests,
    targets: Sequence[Target] = (),
    *,
    namespace: str = "",
    complete: bool = False,
    selector: LabelSelector | None = None,
) -> Gathered:
    """The evidence about the targets; about every Service where none is named, or about those
    with labels that the ``selector`` matches.

    ``namespace`` is what objects without one belong to, and the only one that is looked at;
    ``complete`` says that nothing exists beside these files. Raises UnknownTargetError.
    """
    with uncollected():
        return _Gatherer(manifests, namespace, complete).gather(targets, selector)


class _Gatherer:
    def __init__(self, manifests: Manifests, namespace: str, complete: bool) -> None:
        # What is written is judged, not what several overlays make of it together.
        self.refused = {id(o.node): r for o in manifests.objects if (r := refusals(o))}
        self.manifests = manifests = applied(manifests)
        self.asked = namespace
        self.complete = complete
        self.problems: list[Problem] = list(manifests.problems)
        self.default = namespace or _common_namespace(manifests.objects)
        self.environments = Environments(manifests.objects, self._space)
        self.spaces: dict[str, list[Object]] = defaultdict(list)
        """The namespaces in the files, by name."""
        for item in manifests.of_kind("Namespace"):
            self.spaces[item.name].append(item)
        self.endpoints: list[tuple[Object, Endpoints]] = []
        self.labels = self._namespaces()
        for item in manifests.objects:
            self.problems += self.refused.get(id(item.node), ())
        self.services = self._services()
        self.templates = self._templates()
        self.by_label: dict[tuple[str, str, str], list[Template]] = defaultdict(list)
        self.by_namespace: dict[str, list[Template]] = defaultdict(list)
        for template in self.templates:
            space = self._space(template.workload)
            self.by_namespace[space].append(template)
            for key, value in template.pod.metadata.labels.items():
                self.by_label[space, key, value].append(template)
        self.placed = Labelled(
            (t.workload, placed(t.pod, self._space(t.workload))) for t in self.templates
        )
        self.caught: dict[int, list[Template]] = {}
        """By Service: the pods of tasks that its selector matches beside others."""
        self.selected = [self._select(item, service) for item, service in self.services]
        self.leading: dict[tuple[int, int], set[int]] = defaultdict(set)
        """By template and port: the Services that lead there."""
        for (_, service), chosen in zip(self.services, self.selected, strict=True):
            for template in chosen:
                for number in declared.leads_to(service, template.pod):
                    self.leading[id(template), number].add(id(service))
        self.slices = self._slices()
        self.around = Around(manifests, self._space)
        self.callers = Callers(
            (t.workload for t in self.templates), (s for _, s in self.services), self._space
        )
        self.problems += self.around.problems
        self.names = {item.name for item, _ in self.services}
        self.named: dict[tuple[str, str], list[Object]] = defaultdict(list)
        """The Services of a namespace and name; folders hold several environments."""
        self.beside: dict[str, list[tuple[Object, Service]]] = defaultdict(list)
        """The Services of a namespace."""
        self.everyone: dict[str, list[Object]] = defaultdict(list)
        """By namespace: its Services, also those that cannot be read."""
        for item in manifests.of_kind("Service"):
            self.everyone[self._space(item)].append(item)
        self.misnamed: dict[str, dict[str, tuple[Misnamed, ...]]] = {}
        """By namespace."""
        self.siblings: dict[tuple[int, ...], Siblings] = {}
        """By the identities of the Services: those that are beside each other."""
        for item, service in self.services:
            self.named[self._space(item), item.name].append(item)
            self.beside[self._space(item)].append((item, service))

    def gather(self, targets: Sequence[Target], selector: LabelSelector | None) -> Gathered:
        numbers = range(len(self.services))
        found = [
            (self.services[n][0], self._evidence(n, port))
            for n, port in self._chosen(targets, numbers)
            if selector is None or matches_workload(selector, self.services[n][1].metadata.labels)
        ]
        if selector is not None and self.services and not found:
            raise UsageError("no Service in these files matches the selector")
        context = Context(source="manifests", namespace=self.asked or self.default)
        return Gathered(
            Evidence(context=context, services=tuple(e for _, e in found)),
            tuple(item for item, _ in found),
            self.manifests._replace(
                notes=(*self.manifests.notes, *([] if self.complete else self.environments.notes()))
            ),
            tuple(sorted(self.problems, key=lambda p: (p.file, p.line or 0))),
            _named(self.manifests.objects),
        )

    def _chosen(
        self, targets: Sequence[Target], numbers: Iterable[int]
    ) -> Iterable[tuple[int, int | str | None]]:
        here = [
            n for n in numbers if not self.asked or self._space(self.services[n][0]) == self.asked
        ]
        if not targets:
            return [(n, None) for n in here]
        chosen = []
        for target in targets:
            if target.kind is not SERVICE:
                chosen += [(n, port) for n, port in self._leading_to(target, here)]
                continue
            hits = [n for n in here if self.services[n][0].name == target.name]
            if not hits:
                near = nearest(target.name, (self.services[n][0].name for n in here))
                raise UnknownTargetError(
                    f'services "{target.name}" not found in these files',
                    f"Did you mean {near}?" if near else "",
                )
            chosen += [(n, target.port) for n in hits]
        return chosen

    def _leading_to(
        self, target: Target, here: Sequence[int]
    ) -> list[tuple[int, int | str | None]]:
        """The Services that select the pods of a workload. Raises UnknownTargetError."""
        kind, name = target.kind, target.name
        if kind not in WORKLOADS and kind is not POD:
            raise UsageError(f"{target.title} is not looked up in files", "Name the Service.")
        if target.port is not None:
            raise UsageError(
                f"{target.title}:{target.port}: in files only a Service can be named with a port"
            )
        if not any((t.workload.kind, t.workload.name) == (kind.name, name) for t in self.templates):
            names = [t.workload.name for t in self.templates if t.workload.kind == kind.name]
            near = nearest(name, names)
            raise UnknownTargetError(
                f'{kind.plural} "{name}" not found in these files',
                f"Did you mean {near}?" if near else "",
            )
        found = [
            n
            for n in here
            if any(
                (t.workload.kind, t.workload.name) == (kind.name, name) for t in self.selected[n]
            )
        ]
        if not found:
            said = f"no Service in these files selects the pods of {target.title}"
            raise UnknownTargetError(said)
        return [(n, None) for n in found]

    def _space(self, item: Object) -> str:
        return item.namespace or self.default

    def _services(self) -> list[tuple[Object, Service]]:
        found = []
        for item in self.manifests.of_kind("Service"):
            try:
                service = typed(item, item.data, Service)
            except Unfit as error:
                self.problems.append(error.problem)
                continue
            if id(item.node) in self.refused:
                continue
            metadata = msgspec.structs.replace(
                trimmed(service.metadata), name=item.name, namespace=self._space(item)
            )
            found.append((item, msgspec.structs.replace(service, metadata=metadata)))
        return found

    def _templates(self) -> list[Template]:
        found = []
        for item in not_owned(self.manifests.objects):
            try:
                template = template_of(item)
            except Unfit as error:
                self.problems.append(error.problem)
                continue
            if template is not None:
                namespace = self.labels.get(self._space(item), {})
                found.append(with_sidecars(template, _marks(template.data), namespace))
        return found

    def _slices(self) -> dict[tuple[str, str], list[EndpointSlice]]:
        """Endpoints that are written by hand, by namespace and Service."""
        found: dict[tuple[str, str], list[EndpointSlice]] = defaultdict(list)
        for item in (o for k in ("EndpointSlice", "Endpoints") for o in self.manifests.of_kind(k)):
            try:
                if item.kind == "Endpoints":
                    self.endpoints.append((item, typed(item, item.data, Endpoints)))
                service, pieces = slices_of(item)
            except Unfit as error:
                self.problems.append(error.problem)
                continue
            found[self._space(item), service] += pieces
        return found

    def _overwritten(self, item: Object) -> tuple[Endpoints, ...]:
        """The Endpoints beside the Service that its selector makes a controller overwrite."""
        return tuple(
            written
            for o, written in self.endpoints
            if o.name == item.name
            and self._space(o) == self._space(item)
            and not (o.data.get("metadata") or {}).get("ownerReferences")
            and (self.complete or not self.environments.apart(item, o))
        )

    def _namespaces(self) -> dict[str, dict[str, str]]:
        """By name: the labels and annotations of the namespaces in the files."""
        return {name: _marks(found[-1].data) for name, found in self.spaces.items()}

    def _namespace_labels(self, space: str) -> Observed[dict[str, str]] | Missing:
        """The labels of a namespace, where it is among the files."""
        given = self.spaces.get(space, ())
        if len(given) != 1:
            return LIVE
        labels = (given[0].data.get("metadata") or {}).get("labels")
        labels = labels if isinstance(labels, dict) else {}
        return Observed(value={str(k): str(v) for k, v in labels.items()})

    def _doubts(self, item: Object, chosen: Iterable[Template]) -> Iterator[Doubt]:
        """What the files may not show of the Service and of its pods."""
        yield from _unlike(item, "Service", item.name)
        for template in chosen:
            workload, pod = template.workload, template.pod.metadata.name
            asking = injection.asked_by(
                _marks(workload.data) | _marks(template.data),
                self.labels.get(self._space(workload), {}),
            )
            if asking:
                yield Doubt(why="injection", kind="Pod", name=pod, by=asking)
            yield from _unlike(workload, "Pod", pod)
            why = "" if self.complete else self.environments.apart(item, workload)
            if why:
                yield Doubt(why=why, kind="Pod", name=pod)

    def _select(self, item: Object, service: Service) -> list[Template]:
        """The pods that the selector matches.

        Folders hold several environments, or examples, whose labels are alike: what is nearest
        to the Service is meant, unless the files are said to be one cluster.
        """
        selector = service.spec.selector
        if not selector or service.spec.type == "ExternalName":
            return []
        space = self._space(item)
        shortest = min((self.by_label.get((space, k, v), []) for k, v in selector.items()), key=len)
        # Labels that a controller adds are in no index.
        pool = shortest if shortest else self.by_namespace.get(space, [])
        found = [t for t in pool if t.has_labels(selector)]
        lasting = [t for t in found if not is_passing(t.pod)]
        tasks = [t for t in found if is_passing(t.pod) and self._is_beside(item, t)]
        if tasks and not any(self._is_beside(item, t) for t in lasting):
            return _nearest_of_each(tasks, item, everywhere=self.complete)
        if lasting:
            self.caught[id(item)] = _nearest_of_each(tasks, item, everywhere=self.complete)
        return _nearest_of_each(lasting or found, item, everywhere=self.complete)

    def _is_beside(self, item: Object, template: Template) -> bool:
        """Whether both are certainly applied to one cluster."""
        return self.complete or not self.environments.apart(item, template.workload)

    def _evidence(self, number: int, port: int | str | None) -> ServiceEvidence:
        item, service = self.services[number]
        chosen = self.selected[number]
        selects = bool(service.spec.selector) and service.spec.type != "ExternalName"
        sockets = {t.pod.metadata.name: self._sockets(service, t) for t in chosen}
        space = self._space(item)
        found = ServiceEvidence(
            service=service,
            alias=self._alias(item, service),
            asked_port=port,
            files="all" if self.complete else "some",
            doubts=tuple(self._doubts(item, chosen)),
            pods=Observed(value=tuple(t.pod for t in (*chosen, *self.caught.get(id(item), ())))),
            endpoint_slices=LIVE
            if selects
            else Observed(value=tuple(self.slices.get((space, item.name), ()))),
            overwritten=Observed(value=self._overwritten(item) if selects else ()),
            replica_sets=Observed(value=()),
            deployments=Observed(value=()),
            stateful_sets=Observed(value=()),
            namespace_pods=Observed(value=self._similar(service, space))
            if selects and not chosen
            else LIVE,
            sockets=sockets,
            namespace_labels=self._namespace_labels(space),
        )
        near = Near(
            item,
            lambda other: min(distance(other, s) for s in self.named[space, item.name]),
            lambda other: self.environments.apart(item, other),
        )
        around = None if self.complete else near
        called = Observed(value=self.callers.of(service, around))
        whole = self.around.complete(msgspec.structs.replace(found, calls=called), around)
        whole = self._with_gateways(item, whole)
        if self.complete and (meant := self._misnamed(space).get(item.name)):
            whole = msgspec.structs.replace(whole, misnamed=Observed(value=meant))
        if any(mesh.has_istio_sidecar(t.pod) for t in chosen):
            siblings = leading_to(self._beside(item), [t.pod for t in chosen])
            whole = msgspec.structs.replace(whole, services=Observed(value=siblings))
        monitors = whole.monitors
        if isinstance(monitors, Missing) or not any(lacks_port(m, service) for m in monitors.value):
            return whole
        beside = self._beside(item)
        by_monitors = self.siblings.setdefault(tuple(map(id, beside)), Siblings(beside))
        kept = tuple(m for m in monitors.value if not by_monitors.has_meant(m, service))
        return msgspec.structs.replace(whole, monitors=Observed(value=kept))

    def _misnamed(self, space: str) -> dict[str, tuple[Misnamed, ...]]:
        """By the Service of a namespace that seems to be meant: what names one that is missing."""
        if space not in self.misnamed:
            names = {item.name for item in self.everyone.get(space, ())}
            self.misnamed[space] = misnamed(self.around.leading(space, names), names)
        return self.misnamed[space]

    def _with_gateways(self, item: Object, evidence: ServiceEvidence) -> ServiceEvidence:
        """The evidence with the gateways of Istio on the way to the Service."""

        def is_beside(other: Object) -> bool:
            return self.complete or not self.environments.apart(item, other)

        return with_gateways(evidence, self.placed, self.services, is_beside)

    def _beside(self, item: Object) -> list[Service]:
        """The other Services of the namespace, in the environment of this one."""
        return [
            service
            for other, service in self.beside[self._space(item)]
            if self.complete or not self.environments.apart(item, other)
        ]

    def _alias(self, item: Object, service: Service) -> Observed[Service] | Missing:
        """The Service of these files that an ExternalName means."""
        wanted = alias_of(service)
        if wanted is None:
            return NOT_ASKED
        found = [
            (other, candidate)
            for other, candidate in self.services
            if wanted == (self._space(other), other.name)
        ]
        if not found:
            return NOT_ASKED
        return Observed(value=min(found, key=lambda pair: distance(pair[0], item))[1])

    def _sockets(self, service: Service, template: Template) -> Observed[PodSockets] | Missing:
        def used(number: int) -> bool:
            return bool(self.leading.get((id(template), number), set()) - {id(service)})

        around = declared.Surroundings(self.names, used, self.manifests.config)
        found = declared.sockets(service, template, around)
        return UNDECLARED if found is None else Observed(value=found)

    def _similar(self, service: Service, space: str) -> tuple[Pod, ...]:
        """The pods among which the one that was meant may be."""
        pods = [t.pod for t in self.by_namespace.get(space, ())]
        if len(pods) > MOST_COMPARED:
            selector = service.spec.selector
            starts = tuple(value[:3] for value in selector.values())
            pods = [
                p for p in pods if any(v.startswith(starts) for v in p.metadata.labels.values())
            ]
        return tuple(pods[:MOST_COMPARED])


def _unlike(item: Object, kind: str, name: str) -> Iterator[Doubt]:
    """Why the object may be applied otherwise than its file says."""
    if item.changed_by:
        yield Doubt(why="kustomize", kind=kind, name=name, by=item.changed_by)
    if item.lacks:
        yield Doubt(why="partial", kind=kind, name=name, by=item.lacks)


def _marks(data: Any) -> dict[str, str]:
    """The labels and annotations of an object or a template, in one."""
    metadata = data.get("metadata") if isinstance(data, dict) else None
    found: dict[str, str] = {}
    for field in ("annotations", "labels"):
        part = metadata.get(field) if isinstance(metadata, dict) else None
        found |= {k: str(v) for k, v in part.items()} if isinstance(part, dict) else {}
    return found


def _named(objects: Iterable[Object]) -> dict[tuple[str, str], list[Object]]:
    found: dict[tuple[str, str], list[Object]] = defaultdict(list)
    for item in objects:
        found[item.kind, item.name].append(item)
    return found


def _common_namespace(objects: Iterable[Object]) -> str:
    """The one namespace that the files name: objects without any are taken to belong there."""
    named = {o.namespace for o in objects} - {""}
    return next(iter(named)) if len(named) == 1 else ""


def _nearest_of_each(
    found: Sequence[Template], item: Object, *, everywhere: bool
) -> list[Template]:
    if len(found) < 2:
        return list(found)
    by_name: dict[tuple[str, str], Template] = {}
    distances = {id(t): distance(t.workload, item) for t in found}
    least = min(distances.values(), default=0)
    for template in sorted(found, key=lambda t: distances[id(t)]):
        if everywhere or distances[id(template)] == least:
            by_name.setdefault((template.workload.kind, template.workload.name), template)
    return sorted(by_name.values(), key=lambda t: t.pod.metadata.name)
