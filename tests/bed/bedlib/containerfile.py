"""Images by the steps of a Containerfile, without an engine: as far as this machine can follow.

Each stage is a root file system: Debian's base by debootstrap, the steps run in it by chroot.
What comes out is a docker archive of one layer. Only the instructions that are needed here exist.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from . import images, store
from .paths import CACHE
from .shell import BedError, run, say

AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
RESOLVER = Path("/etc/resolv.conf")
_DEBIAN = re.compile(r"(?:[\w./-]+/)?debian:([a-z]+)-slim")
_KERNEL = ("dev/*", "proc/*", "sys/*")
_SKIPPED = shutil.ignore_patterns("__pycache__")
# The root is one of its own, and all mounts end with the command.
_INSIDE = """
mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" || exit 1
exec chroot "$1" /bin/sh -c 'cd "$1" && eval "$2"' sh "$2" "$3"
"""


class Step(NamedTuple):
    """An instruction and what stands behind it."""

    word: str
    rest: str


class Stage:
    """One root file system in the making, and what the image will say beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.kept: Path | None = None
        """Where the content lies packed, until a step needs it as files."""
        self.folder = "/"
        self.history: list[str] = []
        """The steps so far, and the checksums of what they copied."""
        self.steady = True
        """Whether what comes out is worth keeping: a copied folder is a source that changes."""
        self.environ = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        self.user = ""
        self.entrypoint: list[str] = []


def make(file: Path, context: Path, name: str) -> Path:
    """Make the image and give its docker archive; the last one made is kept."""
    steps = parse(file.read_text())
    said = "\n".join(map(" ".join, steps))
    short = name.rpartition("/")[2].replace(":", "-")
    place = f"images/{short}-{store.key(name, said, *_sources(steps, context))}"
    if store.intact(place):
        return CACHE / place / "image.tar"
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=".image-") as work:
        stage = _run_all(steps, context, Path(work))
        layer = Path(work) / "layer"
        layer.mkdir()
        _pack(_unpacked(stage), layer / "layer.tar", images.LEFT_OUT)
        (layer / "checksum").write_text(store.digest(layer / "layer.tar"))
        settings = {"Entrypoint": stage.entrypoint, "Env": stage.environ, "User": stage.user}
        made = store.keep(
            place, lambda draft: images.archive(draft / "image.tar", name, settings, [layer])
        )
    for older in made.parent.glob(f"{short}-*"):
        if older != made:
            shutil.rmtree(older, ignore_errors=True)
    return made / "image.tar"


def parse(text: str) -> list[Step]:
    """The instructions of a Containerfile, with their lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, rest = line.partition(" ")
        found.append(Step(word.upper(), rest.strip()))
    return found


def _run_all(steps: list[Step], context: Path, draft: Path) -> Stage:
    stages: dict[str, Stage] = {}
    stage = Stage(draft)
    for step in steps:
        if step.word == "FROM":
            image, _, name = step.rest.partition(" AS ")
            stage = Stage(draft / f"root-{len(stages)}")
            stages[name or "last"] = stage
            stage.history = [image]
            stage.kept = _base(image)
        elif step.word in _STEPS:
            say(f"{step.word} {step.rest}")
            _STEPS[step.word](stage, step.rest, context, stages)
        else:
            raise BedError(f"the bed does not know the instruction {step.word}")
    return stage


def _base(image: str) -> Path:
    found = _DEBIAN.fullmatch(image)
    if not found:
        raise BedError(f"the bed can make debian:RELEASE-slim only, not {image}")

    def build(draft: Path) -> None:
        _, site, _, keyring = images.mirror()
        say(f"bootstrapping {image} (about a minute, once)")
        command = ["debootstrap", "--variant=minbase"]
        command += [f"--keyring={keyring}"] if keyring else []
        root = draft / "root"
        run([*command, found[1], root, site], timeout=1800, env=images.apt_proxy())
        _pack(root, draft / "root.tar", _KERNEL)
        shutil.rmtree(root)

    return store.keep(f"layers/base-{store.key(image)}", build) / "root.tar"


def _pack(root: Path, target: Path, left_out: Sequence[str]) -> None:
    pack = ["tar", "--create", "--file", str(target), "--directory", str(root)]
    pack += ["--numeric-owner", "--sort=name", "--mtime=@0"]
    run([*pack, *(f"--exclude=./{name}" for name in left_out), "."], timeout=600)


def _unpacked(stage: Stage) -> Path:
    """The stage's root as files."""
    if stage.kept is not None:
        stage.root.mkdir()
        run(["tar", "--extract", "--file", stage.kept, "--directory", stage.root], timeout=600)
        stage.kept = None
    return stage.root


def _step_run(stage: Stage, command: str, _: Path, __: dict[str, Stage]) -> None:
    stage.history.append(f"RUN {command}")
    if not stage.steady:
        _execute(stage, command)
        return

    ran = False

    def build(draft: Path) -> None:
        nonlocal ran
        ran = True
        _execute(stage, command)
        _pack(stage.root, draft / "root.tar", _KERNEL)

    kept = store.keep(f"layers/steps-{store.key(*stage.history)}", build)
    if not ran:
        shutil.rmtree(stage.root, ignore_errors=True)
        stage.kept = kept / "root.tar"


def _execute(stage: Stage, command: str) -> None:
    """Run a command in the root, which sees this machine's network while it runs."""
    root = _unpacked(stage)
    (root / stage.folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
    lent = [path for path in (AUTHORITIES, RESOLVER) if path.exists()]
    lent = [path for path in lent if not (root / path.relative_to("/")).exists()]
    for path in lent:
        inside = root / path.relative_to("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, inside)
    given = dict(pair.split("=", 1) for pair in stage.environ)
    environ = {**_network(), **given, "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}
    inside_words = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    inside_words += ["/bin/sh", "-c", _INSIDE, "sh", str(root), stage.folder, command]
    try:
        run(inside_words, timeout=1200, env=environ)
    finally:
        for path in lent:
            (root / path.relative_to("/")).unlink(missing_ok=True)


def _network() -> dict[str, str]:
    """The proxies and the package index that this machine uses."""
    names = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT")
    found = {
        name: value
        for name, value in images.apt_proxy().items()
        if name.lower().endswith("_proxy") or name in names
    }
    return {**found, **({"PIP_CERT": str(AUTHORITIES)} if AUTHORITIES.exists() else {})}


def _step_copy(stage: Stage, rest: str, context: Path, stages: dict[str, Stage]) -> None:
    stage.history.append(f"COPY {rest}")
    words = shlex.split(rest)
    source_root = context
    if words[0].startswith("--from="):
        source_root = _unpacked(stages[words.pop(0).partition("=")[2]])
    *sources, target = words
    place = _unpacked(stage) / os.path.join(stage.folder, target).lstrip("/")
    for source in sources:
        found = source_root / source.lstrip("/")
        stage.history += [store.digest(found)] if found.is_file() else []
        stage.steady &= found.is_file()
        if found.is_dir():  # Its content, not itself.
            shutil.copytree(found, place, symlinks=True, dirs_exist_ok=True, ignore=_SKIPPED)
        else:
            into = place / found.name if target.endswith("/") else place
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(found, into)


def _step_folder(stage: Stage, rest: str, _: Path, __: dict[str, Stage]) -> None:
    stage.folder = os.path.join(stage.folder, rest)
    stage.history.append(f"WORKDIR {rest}")


def _step_env(stage: Stage, rest: str, _: Path, __: dict[str, Stage]) -> None:
    stage.history.append(f"ENV {rest}")
    for pair in shlex.split(rest):
        name = pair.partition("=")[0]
        stage.environ = [e for e in stage.environ if e.partition("=")[0] != name] + [pair]


def _step_user(stage: Stage, rest: str, _: Path, __: dict[str, Stage]) -> None:
    stage.user = rest


def _step_entrypoint(stage: Stage, rest: str, _: Path, __: dict[str, Stage]) -> None:
    stage.entrypoint = json.loads(rest)


_STEPS: dict[str, Callable[[Stage, str, Path, dict[str, Stage]], None]] = {
    "RUN": _step_run,
    "COPY": _step_copy,
    "WORKDIR": _step_folder,
    "ENV": _step_env,
    "USER": _step_user,
    "ENTRYPOINT": _step_entrypoint,
}


def _sources(steps: list[Step], context: Path) -> Iterator[Path]:
    """The files that the steps take from the context."""
    for word, rest in steps:
        if word == "COPY" and not rest.startswith("--from="):
            for source in shlex.split(rest)[:-1]:
                path = context / source
                found = sorted(path.rglob("*")) if path.is_dir() else [path]
                yield from (f for f in found if f.is_file() and "__pycache__" not in f.parts)
