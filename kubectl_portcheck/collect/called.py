"""The hosts that a workload's settings name, read without keeping anything else of them.

The values of environment variables, arguments and commands are read while an object is decoded,
and are gone when it is: what is left of them are hosts and ports.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import force_setattr

from kubectl_portcheck.model.base import KindName, Record
from kubectl_portcheck.model.calls import OWN_ADDRESS, Named, Setting
from kubectl_portcheck.model.objects import ContainerPort, ObjectMeta
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics.called import Host, hosts, plain
from kubectl_portcheck.semantics.digits import number_of

MOST = 64
"""Hosts that are kept of one container."""
_SECRET = regex(
    r"passw|pwd|secret|token|credential|api_?key|access_?key|private_?key|auth|cookie|salt|hash",
    re.IGNORECASE,
)
"""Variables whose values are read for URLs only."""
_NO_ADDRESS = regex(r"image|version|tag|cron|schedule|format|pattern|regex", re.IGNORECASE)
"""Variables whose values are no addresses, whatever they look like."""
_OWN = regex(r"listen|bind|^(http_|server_|metrics_|health_|admin_|pprof_)?addr(ess)?$", re.I)
"""Variables for the address on which the program itself listens."""
_HOST = regex(
    r"^(?P<of>.+?)[_.-]?(?:service[_.-])?(?:host|hostname|addr|address|server|endpoint)$", re.I
)
_URL = regex(r"(?:url|uri|addr|address|endpoint|server|service|broker|target|dsn)s?$", re.I)
_LIST = regex(r"[\w.:-]{1,300}(?:,[\w.:-]{1,300}){0,20}")
"""Hosts with ports, and nothing else."""
_EXPANDED = regex(r"\$\(([A-Za-z_][\w.-]{0,100})\)")


class _Ref(Record, frozen=True):
    name: str = ""
    key: str = ""


class _FieldRef(Record, frozen=True):
    field_path: str = ""


class _ValueFrom(Record, frozen=True):
    config_map_key_ref: _Ref | None = None
    field_ref: _FieldRef = _FieldRef()


class _EnvFrom(Record, frozen=True):
    config_map_ref: _Ref | None = None


class _Source(Record, frozen=True):
    config_map: _Ref | None = None


class _Projected(Record, frozen=True):
    sources: tuple[_Source, ...] = ()


class _Volume(_Source, frozen=True):
    projected: _Projected = _Projected()


class _Alias(Record, frozen=True):
    hostnames: tuple[str, ...] = ()


class _Variable(Record, frozen=True):
    name: str = ""
    value: str = ""
    value_from: _ValueFrom = _ValueFrom()


class _Container(Record, frozen=True):
    """A container, of whose settings only the hosts are kept."""

    name: str = ""
    ports: tuple[ContainerPort, ...] = ()
    restart_policy: str = ""
    env: tuple[_Variable, ...] = ()
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env_from: tuple[_EnvFrom, ...] = ()
    found: tuple[Named, ...] = ()
    """What the settings name; they themselves are empty from the beginning."""
    config_maps: tuple[_Ref, ...] = ()
    """The ConfigMaps that give variables their values, each with a key or with all of them."""

    def __post_init__(self) -> None:
        keys = (v.value_from.config_map_key_ref for v in self.env)
        wholes = (e.config_map_ref for e in self.env_from)
        used = tuple(r for r in (*keys, *wholes) if r is not None)
        force_setattr(self, "config_maps", used)
        found = [*_of_variables(self.name, self.env), *_of_words(self)]
        for field in ("env", "command", "args"):
            force_setattr(self, field, ())
        force_setattr(self, "found", tuple(dict.fromkeys(found))[:MOST])


class _Pods(Record, frozen=True):
    containers: tuple[_Container, ...] = ()
    init_containers: tuple[_Container, ...] = ()
    volumes: tuple[_Volume, ...] = ()
    host_aliases: tuple[_Alias, ...] = ()


class _Template(Record, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    spec: _Pods = _Pods()


class _JobSpec(Record, frozen=True):
    template: _Template = _Template()


class _JobTemplate(Record, frozen=True):
    spec: _JobSpec = _JobSpec()


class _Spec(_Pods, frozen=True):
    template: _Template = _Template()
    job_template: _JobTemplate = _JobTemplate()


class _Status(Record, frozen=True):
    completion_time: str = ""


class Calling(Record, frozen=True):
    """A workload or a pod, with the hosts that its containers name."""

    metadata: ObjectMeta = ObjectMeta()
    kind: KindName = ""
    spec: _Spec = _Spec()
    status: _Status = _Status()

    @property
    def passed(self) -> bool:
        """Whether it calls no more, or another workload is listed for it: a Job that has ended, or
        that a CronJob made."""
        owned = any(o.controller for o in self.metadata.owner_references)
        return self.kind == "Job" and (owned or bool(self.status.completion_time))

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its pods."""
        return self._template.metadata.labels

    def named(self, config_maps: "Mapping[str, ConfigMapCalls]") -> tuple[Named, ...]:
        """The hosts that its containers name, in their own settings and in these ConfigMaps.

        What /etc/hosts of the pod defines is no host that DNS is asked for.
        """
        pods = self._template.spec
        given = {n.lower() for a in pods.host_aliases for n in a.hostnames}
        mounted = self._mounted(config_maps)
        return tuple(
            found if container in pods.containers else _initial(found)
            for container in (*pods.init_containers, *pods.containers)
            for found in (*container.found, *_configured(container, mounted, config_maps))
            if found.host not in given
        )

    def _mounted(self, config_maps: "Mapping[str, ConfigMapCalls]") -> list[_Ref]:
        """The ConfigMaps that are mounted as files: any container may read them."""
        if not config_maps:
            return []
        volumes = self._template.spec.volumes
        sources = (s for v in volumes for s in (v, *v.projected.sources))
        return [s.config_map for s in sources if s.config_map is not None]

    @property
    def declared(self) -> frozenset[int]:
        """The ports that the containers of its pods declare."""
        pods = self._template.spec
        return frozenset(
            p.container_port for c in (*pods.containers, *pods.init_containers) for p in c.ports
        )

    @property
    def _template(self) -> _Template:
        if self.spec.containers:
            return _Template(metadata=self.metadata, spec=self.spec)
        if self.spec.template.spec.containers:
            return self.spec.template
        return self.spec.job_template.spec.template


class ConfigMapCalls(Record, frozen=True):
    """A ConfigMap, of which only the hosts are kept that its values name, by key."""

    metadata: ObjectMeta = ObjectMeta()
    data: dict[str, str] = {}
    found: tuple[tuple[str, tuple[Named, ...]], ...] = ()

    def __post_init__(self) -> None:
        variables = [_Variable(name=k, value=v) for k, v in self.data.items()]
        plain_values = {v.name: v.value for v in variables if _may_be_expanded(v)}
        found = {v.name: tuple(_of_key(v, plain_values)) for v in variables}
        force_setattr(self, "data", {})
        force_setattr(self, "found", tuple((k, named) for k, named in found.items() if named))


def _of_key(variable: _Variable, others: dict[str, str]) -> Iterator[Named]:
    """The hosts in one value of a ConfigMap."""
    if not _NO_ADDRESS.search(variable.name):
        yield from _of_variable("", variable.name, variable.value, others)


def _configured(
    container: _Container, mounted: Iterable[_Ref], config_maps: Mapping[str, ConfigMapCalls]
) -> Iterator[Named]:
    """What the container takes from ConfigMaps."""
    for ref in dict.fromkeys((*container.config_maps, *mounted)):
        known = config_maps.get(ref.name)
        for key, found in known.found if known else ():
            if ref.key in ("", key):
                for named in found:
                    yield msgspec.structs.replace(
                        named,
                        container=container.name,
                        setting="config-map",
                        variable=f"{ref.name}/{key}",
                        port_variable="",
                        whole=False,
                    )


def _initial(found: Named) -> Named:
    return msgspec.structs.replace(found, init=True)


def _of_variables(container: str, env: Iterable[_Variable]) -> Iterator[Named]:
    """The hosts in the values of environment variables."""
    if not any(v.value for v in env):
        return
    plain_values = {v.name: v.value for v in env if v.value and _may_be_expanded(v)}
    own = {v.name: OWN_ADDRESS for v in env if v.value_from.field_ref.field_path == "status.podIP"}
    plain_values.update(own)
    for variable in env:
        if not variable.value or _NO_ADDRESS.search(variable.name):
            continue
        value = _EXPANDED.sub(lambda m: plain_values.get(m[1], m[0]), variable.value)
        for found in _of_variable(container, variable.name, value, plain_values):
            # What is put together of other variables is not to be set as a whole.
            yield found if value == variable.value else _parted(found)


def _parted(found: Named) -> Named:
    return msgspec.structs.replace(found, whole=False, port_variable="")


def _may_be_expanded(variable: _Variable) -> bool:
    """Whether the value is a host or a number, which may be part of another variable's value."""
    if _SECRET.search(variable.name):
        return False
    return variable.value.isdecimal() or plain(variable.value) is not None


def _of_variable(container: str, name: str, value: str, others: dict[str, str]) -> Iterator[Named]:
    secret, own = _SECRET.search(name), _OWN.search(name)
    if own:
        return
    called = bool(_URL.search(name) or _HOST.search(name))
    whole = plain(value)
    if whole is not None and called and not secret:
        port, port_variable = whole.port, ""
        if port is None:
            port, port_variable = _port_beside(name, others)
        yield _named(
            *(container, "env", msgspec.structs.replace(whole, port=port, sure=True)),
            variable=name,
            port_variable=port_variable,
            whole=True,
        )
        return
    for host in hosts(value):
        if secret and not host.sure:
            continue
        sure = host.sure or (called and bool(_LIST.fullmatch(value.strip())))
        yield _named(
            container,
            "env",
            msgspec.structs.replace(host, sure=sure),
            variable=name,
            whole=bool(whole),
        )


def _port_beside(name: str, others: dict[str, str]) -> tuple[int | None, str]:
    """The port in ``CHECKOUT_PORT``, for the host in ``CHECKOUT_HOST``; and that name."""
    found = _HOST.match(name)
    if found is None:
        return None, ""
    stem = found["of"].lower()
    for other, value in others.items():
        match = re.match(r"^(.+?)[_.-]?(?:service[_.-])?port(?:[_.-]?number)?$", other, re.I)
        number = number_of(value) or 0
        if match and match[1].lower() == stem and 0 < number < 65536:
            return number, other
    return None, ""


def _of_words(container: _Container) -> Iterator[Named]:
    """The hosts in the command and in the arguments."""
    fields: tuple[tuple[Setting, tuple[str, ...]], ...] = (
        ("command", container.command),
        ("args", container.args),
    )
    for setting, words in fields:
        for host in hosts(" ".join(_of_others(words))):
            yield _named(container.name, setting, host)


def _of_others(words: Iterable[str]) -> Iterator[str]:
    """The words without options that name no other program's address, and without their values."""
    skip = False
    for word in words:
        if skip and not word.startswith("-"):
            skip = False
            continue
        flag = _flag(word)
        skip = bool(flag and (_NO_ADDRESS.search(flag) or _OWN.search(flag)))
        if not skip:
            yield word
        skip = skip and "=" not in word


def _flag(word: str) -> str:
    """The name of an option: ``listen-address`` in ``--listen-address=:8080``."""
    return word.partition("=")[0].lstrip("-").replace("-", "_") if word.startswith("-") else ""


def _named(container: str, setting: Setting, host: Host, **more: Any) -> Named:
    return Named(
        container=container,
        setting=setting,
        host=host.name,
        port=host.port,
        sure=host.sure,
        **more,
    )
