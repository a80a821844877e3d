"""From the flags to what is checked: a cluster, files, or saved evidence."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kubectl_portcheck import arguments
from kubectl_portcheck.commands.lookups import style_from
from kubectl_portcheck.commands.modes import (
    Access,
    DemoRequest,
    FilesRequest,
    FixRequest,
    FleetRequest,
    McpRequest,
    MergeRequest,
    Output,
    ReplayRequest,
    Request,
    SweepRequest,
    WalkRequest,
)
from kubectl_portcheck.commands.refusals import (
    NEEDED,
    one_of,
    refuse_all_namespaces,
    refuse_logs_without_a_reader,
    refuse_other_kinds,
    refuse_selectors,
    refuse_what_only_a_table_has,
)
from kubectl_portcheck.commands.roles import RoleFor
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.parser import Given

if TYPE_CHECKING:
    from kubectl_portcheck.address import Address
    from kubectl_portcheck.client import ConnectionFlags
    from kubectl_portcheck.collect.cluster.from_pod import Source
    from kubectl_portcheck.collect.shards import Shard
    from kubectl_portcheck.target import Target


def check_from(given: Given, mode: str) -> Request:
    """Make of the flags what is checked. Raises UsageError for flags that exclude each other."""
    if mode == "filename":
        return _files(given)
    if mode == "demo":
        animated = not given.switch("no_animation")
        return DemoRequest(given.text("demo") or "", _output(given), animated)
    if mode == "replay":
        return ReplayRequest(given.text("replay") or "", _output(given))
    if mode == "mcp":
        given.switch("mcp")
        return McpRequest(tuple(_connection(given).to_argv()))
    if mode == "merge":
        return _merge(given)
    if given.has("fix") and given.has("targets"):
        return _fix(given)
    if given.has("targets"):
        return _walk(given)
    if given.has("contexts") or given.has("all_contexts"):
        return _fleet(given)
    return _sweep(given)


# The modes


def _walk(given: Given) -> WalkRequest:
    refuse_all_namespaces(given)
    refuse_selectors(given)
    if given.has("deep"):
        raise UsageError("--deep does nothing with a TARGET: every pod of it is looked into anyway")
    debug_image = given.text("debug_image")
    if debug_image and (given.has("wait") or given.has("watch")):
        raise UsageError("--debug-image changes a pod: it cannot be used with --wait or --watch")
    if debug_image and given.has("no_exec"):
        raise UsageError("--debug-image and --no-exec exclude each other")
    targets, source, calls = _targets(given), _source(given), given.switch("calls")
    refuse_other_kinds(targets, calls=calls)
    return WalkRequest(targets, _access(given), _output(given), source, debug_image, calls)


def _fix(given: Given) -> FixRequest:
    for flag in ("wait", "watch", "debug_image", "redact", "calls", "save_svg"):
        if given.has(flag):
            raise UsageError(f"--fix and {given.name(flag)} exclude each other")
    if given.text("output") == "junit":
        raise UsageError("--fix cannot print junit: a test cannot be changed")
    number = given.number("fix") or 0
    dry_run = given.text("dry_run") is not None
    yes = given.switch("yes")
    if yes and dry_run:
        raise UsageError("--yes does nothing with --dry-run: nothing is changed")
    walk = _walk(given)
    if len(walk.targets) != 1:
        raise UsageError("--fix takes one TARGET")
    return FixRequest(walk, number, yes, dry_run)


def _sweep(given: Given) -> SweepRequest:
    from kubectl_portcheck.collect.cluster.collect import Selection

    selection = Selection(
        given.switch("all_namespaces"),
        given.text("selector") or "",
        given.text("field_selector") or "",
        _shard(given),
    )
    return SweepRequest(selection, _access(given), _output(given), given.switch("deep"))


def _shard(given: Given) -> "Shard | None":
    text = given.text("shard")
    if text is None:
        return None
    if not given.has("all_namespaces"):
        raise UsageError("--shard needs -A: it divides the namespaces")
    from kubectl_portcheck.collect.shards import parse_shard

    return parse_shard(text)


ONE_CLUSTER = ("context", "cluster", "server", "wait", "watch", "save", "redact")
"""What is of one cluster only."""


def _merge(given: Given) -> MergeRequest:
    for flag in ("save", "ignore"):
        if given.has(flag):
            raise UsageError(
                f"{given.name(flag)} does nothing with --merge: a report has no evidence to judge"
            )
    return MergeRequest(given.texts("merge"), _output(given, redacts=False))


def _fleet(given: Given) -> FleetRequest:
    flag = one_of(given, "contexts", "all_contexts")
    for other in ONE_CLUSTER:
        if given.has(other):
            raise UsageError(f"{given.name(flag)} and {given.name(other)} exclude each other")
    given.switch("all_contexts")
    texts = given.texts("contexts")
    names = [name.strip() for text in texts for name in text.split(",")]
    if flag == "contexts" and not all(names):
        raise UsageError(f'invalid argument "{",".join(texts)}" for "--contexts": a name is empty')
    return FleetRequest(_sweep(given), tuple(dict.fromkeys(names)))


def _files(given: Given) -> FilesRequest:
    if given.has("targets"):
        refuse_selectors(given)
    everywhere = given.switch("all_namespaces")
    change = one_of(given, "diff", "write")
    for flag in ("diff", "write"):
        given.switch(flag)
    return FilesRequest(
        paths=given.texts("filename"),
        targets=_known(_targets(given)),
        output=_output(given, redacts=False, prints=not change),
        namespace="" if everywhere else given.text("namespace") or "",
        selector=given.text("selector") or "",
        complete=given.switch("complete"),
        change="diff" if change == "diff" else "write" if change else "",
    )


def role_from(given: Given) -> RoleFor:
    """What the Role of ``--rbac`` is for: the walk or the sweep that the other flags describe."""
    if given.has("targets"):
        refuse_all_namespaces(given)
        refuse_selectors(given)
    for flag in ("from_namespace", "from_each_node"):
        if given.has(flag) and not given.has("from"):
            raise UsageError(f"{given.name(flag)} needs {NEEDED[flag]}")
    source = _source(given)
    role = RoleFor(
        targets=_known(_targets(given)),
        namespace=given.text("namespace") or "",
        everywhere=given.switch("all_namespaces"),
        exec=not given.switch("no_exec"),
        port_forward=not given.switch("no_port_forward"),
        debug=bool(given.text("debug_image")),
        fix=given.has("fix"),
        callers=any(
            [given.switch("callers"), given.switch("calls"), source is not None and source.auto]
        ),
        logs=given.switch("logs"),
        source_kind=source.kind.name if source and source.kind else "",
        source_namespace=source.namespace if source else None,
    )
    # The others of a walk and of a sweep need no right, and are no mistake beside --rbac.
    given.accept(arguments.SEVERAL, arguments.WALK, arguments.OUTPUT)
    return role


# What several modes have


def _targets(given: Given) -> "tuple[Target | Address, ...]":
    from kubectl_portcheck.target import parse_targets

    return parse_targets(given.texts("targets"))


def _known(targets: "tuple[Target | Address, ...]") -> "tuple[Target, ...]":
    """The targets without addresses, which only a cluster can tell the Service of."""
    from kubectl_portcheck.target import Target

    for target in targets:
        if not isinstance(target, Target):
            raise UsageError(
                f"cannot look up {target.text} without a cluster",
                "Name the Service: NAME, or NAME.NAMESPACE.",
            )
    return tuple(t for t in targets if isinstance(t, Target))


def _source(given: Given) -> "Source | None":
    text = given.text("from")
    if text is None:
        return None
    from kubectl_portcheck.collect.cluster.from_pod import parse_source

    source, namespace = parse_source(text), given.text("from_namespace") or ""
    source = source._replace(each_node=given.switch("from_each_node"))
    if source.namespace and namespace and source.namespace != namespace:
        raise UsageError("--from and --from-namespace name two namespaces")
    return source._replace(namespace=source.namespace or namespace)


def _access(given: Given) -> Access:
    again = one_of(given, "wait", "watch")
    for flag in ("wait", "watch"):
        given.switch(flag)
    if given.has("logs"):
        refuse_logs_without_a_reader(given)
    return Access(
        flags=_connection(given),
        verbosity=given.number("v") or 0,
        timeout=given.seconds("timeout"),
        again="wait" if again == "wait" else "watch" if again else "",
        exec=not given.switch("no_exec"),
        port_forward=not given.switch("no_port_forward"),
        callers=given.switch("callers"),
        configured=_configured(given),
        logs=given.switch("logs"),
        since_last=_since_last(given),
    )


def _since_last(given: Given) -> bool:
    if not given.switch("since_last"):
        return False
    for flag in ("wait", "watch", "fix", "redact", "quiet", "contexts", "all_contexts"):
        if given.has(flag):
            raise UsageError(f"--since-last and {given.name(flag)} exclude each other")
    form = given.text("output") or "table"
    if form not in ("table", "wide"):
        raise UsageError(f"--since-last does nothing with -o {form}: it is for a table")
    return True


def _configured(given: Given) -> bool:
    if given.has("configmaps") and not (given.has("callers") or given.has("calls")):
        raise UsageError("--configmaps needs --callers or --calls")
    return given.switch("configmaps")


def _connection(given: Given) -> "ConnectionFlags":
    from kubectl_portcheck.client import ConfigurationError, ConnectionFlags
    from kubectl_portcheck.client.connection import parse_timeout

    try:
        parse_timeout(given.text("request_timeout"))
    except ConfigurationError as error:
        raise UsageError(error.message) from None
    extras: dict[str, tuple[str, ...]] = {}
    for key, value in given.pairs("as_user_extra"):
        extras[key] = (*extras.get(key, ()), value)
    return ConnectionFlags(
        kubeconfig=given.text("kubeconfig"),
        context=given.text("context"),
        cluster=given.text("cluster"),
        user=given.text("user"),
        namespace=given.text("namespace"),
        server=given.text("server"),
        tls_server_name=given.text("tls_server_name"),
        certificate_authority=given.text("certificate_authority"),
        insecure_skip_tls_verify=given.switch("insecure_skip_tls_verify"),
        client_certificate=given.text("client_certificate"),
        client_key=given.text("client_key"),
        token=given.text("token"),
        username=given.text("username"),
        password=given.text("password"),
        as_user=given.text("as"),
        as_uid=given.text("as_uid"),
        as_groups=given.texts("as_group"),
        as_user_extra=extras,
        request_timeout=given.text("request_timeout"),
        disable_compression=given.switch("disable_compression"),
    )


def _output(given: Given, *, redacts: bool = True, prints: bool = True) -> Output:
    """What becomes of the report. Where none is printed, the flags of its form are left over."""
    save, ignore = _place(given.text("save")), _ignored(given.texts("ignore"))
    exit_zero, fail_on = given.switch("exit_zero"), given.text("fail_on") or "degraded"
    # With --wait it is --fail-on that says when a Service is healthy.
    if exit_zero and given.has("fail_on") and not given.has("wait"):
        raise UsageError("--fail-on does nothing with --exit-zero")
    if not prints:
        return Output(save=save, fail_on=fail_on, exit_zero=exit_zero, ignore=ignore)
    form = given.text("output") or "table"
    if given.has("watch") and form in ("junit", "html"):
        raise UsageError(f"--watch cannot print {form}: one document does not follow another")
    refuse_what_only_a_table_has(given, form)
    svg = _place(given.text("save_svg"))
    return Output(
        form=form,
        style=style_from(given),
        quiet=given.switch("quiet"),
        summary=given.switch("summary"),
        show_commands=given.switch("show_commands"),
        files=tuple((f, _place(path) or "") for f, path in given.pairs("output_file")),
        svg=svg,
        dark=bool(svg) and given.text("theme") == "dark",
        save=save,
        redact=redacts and given.switch("redact"),
        fail_on=fail_on,
        exit_zero=exit_zero,
        ignore=ignore,
    )


def _place(path: str | None) -> str | None:
    """Give the path back. Raises UsageError where no file can be written."""
    if path:
        from kubectl_portcheck.writing import check_place

        check_place(path)
    return path


def _ignored(words_given: Sequence[str]) -> tuple[str, ...]:
    """The codes that --ignore names. Raises UsageError for what is no rule."""
    if not words_given:
        return ()
    from kubectl_portcheck.commands.rules import rule_named
    from kubectl_portcheck.rules.names import words
    from kubectl_portcheck.rules.table import CATALOGUE

    return tuple(rule_named(word, CATALOGUE).code for text in words_given for word in words(text))
