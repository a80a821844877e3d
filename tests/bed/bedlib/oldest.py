"""The oldest Kubernetes that the plugin works with, built with today's Go.

Its module lacks one file that its own build makes: the OpenAPI definitions of the API server. So
they are made here too, with the generator of that time, in a copy of the module.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from . import store
from .paths import ARCHITECTURE, OLDEST, OLDEST_VERSION
from .shell import run, say

Ask = Callable[..., str]

_TAGS = "providerless,dockerless,nokmem"
_MODULE = "k8s.io/kubernetes"
_OPENAPI = "pkg/generated/openapi"
_WANTED = "+k8s:openapi-gen="


def _flags() -> str:
    major, minor = OLDEST_VERSION.lstrip("v").split(".")[:2]
    stamp = "k8s.io/component-base/version"
    return (
        f"-s -w -X {stamp}.gitVersion={OLDEST_VERSION}"
        f" -X {stamp}.gitMajor={major} -X {stamp}.gitMinor={minor}"
    )


def place() -> str:
    """Give the name under which the programs are kept."""
    source = [OLDEST / name for name in ("go.mod", "go.sum", "tools.go")]
    return f"{OLDEST_VERSION}-{ARCHITECTURE}-{store.key(*source, _flags(), _TAGS)}"


def build(go: Path, environ: Mapping[str, str], programs: Sequence[str], draft: Path) -> None:
    """Build the programs into the folder, at the lowest priority."""
    say(f"building Kubernetes {OLDEST_VERSION} (about ten minutes on two cores, once)")
    source = draft / "source"
    shutil.copytree(OLDEST, source)
    env = {**environ, "GOFLAGS": "-mod=mod"}

    def ask(*words: str) -> str:
        return run(["nice", "-n", "19", go, *words], cwd=source, env=env, timeout=7200)

    ask("mod", "download", _MODULE)
    # A replacement below the module cache would be refused, and the cache cannot be written.
    copy = source / "kubernetes"
    shutil.copytree(ask("list", "-m", "-f", "{{.Dir}}", _MODULE).strip(), copy)
    for path in [copy, *copy.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    ask("mod", "edit", "-replace", f"{_MODULE}=./kubernetes")
    _generate(ask, source, copy, env)
    targets = [f"{_MODULE}/cmd/{program}" for program in programs]
    options = ["-tags", _TAGS, "-trimpath", "-ldflags", _flags(), "-o", f"{draft}/"]
    ask("build", *options, *targets)
    shutil.rmtree(source)


def _generate(ask: Ask, source: Path, copy: Path, env: Mapping[str, str]) -> None:
    """Make the OpenAPI definitions of all packages that want to be in them."""
    form = "{{if .Module}}{{.ImportPath}} {{.Dir}}{{end}}"
    # The API server itself cannot be listed whole before the definitions are there: -e.
    server = f"{_MODULE}/cmd/kube-apiserver"
    listed = ask("list", "-e", "-deps", "-tags", _TAGS, "-f", form, server).split("\n")
    pairs = [line.split(" ", 1) for line in listed if line.startswith("k8s.io/")]
    inputs = [name for name, folder in pairs if _is_wanted(Path(folder))]
    generator = source / "openapi-gen"
    ask("build", "-o", str(generator), "k8s.io/kube-openapi/cmd/openapi-gen")
    (source / "header").touch()
    words: list[str | Path] = [generator, "-i", ",".join(inputs), "-p", f"{_MODULE}/{_OPENAPI}"]
    words += ["-O", "zz_generated.openapi", "-h", "header", "-o", "made", "-r", "report"]
    run(words, cwd=source, env=env, timeout=1200)
    made = source / "made" / _MODULE / _OPENAPI / "zz_generated.openapi.go"
    shutil.copy(made, copy / _OPENAPI)


def _is_wanted(folder: Path) -> bool:
    return any(_WANTED in path.read_text() for path in folder.glob("*.go"))
