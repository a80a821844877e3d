"""The test images: docker archives, made by hand from packages."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from . import store
from .paths import ARCHITECTURE
from .shell import BedError, run, say

PAUSE = "portcheck.test/pause:1"
BUSYBOX = "portcheck.test/busybox:1"
DISTROLESS = "portcheck.test/distroless:1"
DEBIAN = "portcheck.test/debian:1"
DNS = "portcheck.test/coredns:1"
OLD_PROXY = "portcheck.test/proxyv2:1.9"
"""The same as the one before, for what goes by the version of a mesh's proxy."""
ALL = (PAUSE, BUSYBOX, DISTROLESS, OLD_PROXY, DEBIAN)
"""What every cluster has; the image of DNS comes where the cluster has that too."""

_DEBIAN_PACKAGES = (
    "python3-minimal,libpython3-stdlib,net-tools,iproute2,curl,ncat,nginx-light,procps,iptables"
)
LEFT_OUT = (
    *("dev/*", "proc/*", "sys/*", "run/*", "etc/hostname", "etc/apt/sources.list"),
    *("var/cache/apt/*", "var/cache/debconf/*", "var/lib/apt/lists/*", "var/log/*.log"),
    *("var/log/apt/*", "usr/share/doc/*", "usr/share/man/*", "usr/share/locale/*"),
)
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
_GROUP = "root:x:0:\nnobody:x:65534:\n"


def build(listen: Path, dns: Path | None) -> Iterable[Path]:
    """Give the archives of all images, making those that are missing."""
    busybox = Path("/bin/busybox")
    pause = _layer("pause", store.digest(listen), lambda target: _program(target, "pause", listen))
    program = _layer(
        "listen", store.digest(listen), lambda target: _program(target, "listen", listen)
    )
    tools = _layer("busybox", store.digest(busybox), lambda target: _busybox(target, busybox))
    debian = _layer("debian", _DEBIAN_PACKAGES + "".join(LEFT_OUT), _debian)
    # A single program is an entrypoint; a shell is a default that a pod may replace by args only.
    yield _image(PAUSE, {"Entrypoint": ["/pause"]}, [pause])
    yield _image(DISTROLESS, {"Entrypoint": ["/listen"]}, [program])
    yield _image(OLD_PROXY, {"Entrypoint": ["/listen"]}, [program])
    yield _image(BUSYBOX, {"Cmd": ["/bin/sh"]}, [tools, program])
    yield _image(DEBIAN, {"Cmd": ["/bin/bash"]}, [debian, program])
    if dns:
        server = _layer("coredns", store.digest(dns), lambda to: _program(to, "coredns", dns))
        yield _image(DNS, {"Entrypoint": ["/coredns"]}, [server])


def _layer(name: str, inputs: str, fill: Callable[[Path], None]) -> Path:
    def make(draft: Path) -> None:
        fill(draft / "layer.tar")
        (draft / "checksum").write_text(store.digest(draft / "layer.tar"))

    return store.keep(f"layers/{name}-{store.key(inputs)}", make)


def _image(name: str, command: dict[str, list[str]], layers: list[Path]) -> Path:
    checksums = [(layer / "checksum").read_text() for layer in layers]

    def make(draft: Path) -> None:
        say(f"making the image {name}")
        archive(draft / "image.tar", name, command, layers)

    short = name.partition("/")[2].replace(":", "-")
    inputs = store.key(json.dumps(command), *checksums)
    return store.keep(f"images/{short}-{inputs}", make) / "image.tar"


def archive(target: Path, name: str, settings: Mapping[str, object], layers: list[Path]) -> None:
    """Write a docker archive; ``settings`` are the image's own, such as its entrypoint."""
    checksums = [(layer / "checksum").read_text() for layer in layers]
    begin = "1970-01-01T00:00:00Z"
    config = json.dumps(
        {
            "architecture": ARCHITECTURE,
            "os": "linux",
            "created": begin,
            "config": {"Env": [_PATH], "WorkingDir": "/", **settings},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{one}" for one in checksums]},
            "history": [{"created": begin, "created_by": "portcheck test bed"} for _ in layers],
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    names = [f"{one}/layer.tar" for one in checksums]
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": names}]
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        _bytes(tar, config_name, config)
        _bytes(tar, "manifest.json", json.dumps(manifest).encode())
        for layer, entry_name in zip(layers, names, strict=True):
            entry = tarfile.TarInfo(entry_name)
            entry.size = (layer / "layer.tar").stat().st_size
            with (layer / "layer.tar").open("rb") as content:
                tar.addfile(entry, content)


def _bytes(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = mode
    tar.addfile(entry, io.BytesIO(content))


def _directory(tar: tarfile.TarFile, name: str, mode: int = 0o755) -> None:
    entry = tarfile.TarInfo(name)
    entry.type = tarfile.DIRTYPE
    entry.mode = mode
    tar.addfile(entry)


def _program(target: Path, name: str, program: Path) -> None:
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        _directory(tar, "tmp", 0o1777)
        _bytes(tar, name, program.read_bytes(), 0o755)


def _busybox(target: Path, busybox: Path) -> None:
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in ("bin", "sbin", "usr", "usr/bin", "usr/sbin", "etc", "root", "var", "proc"):
            _directory(tar, name)
        _directory(tar, "tmp", 0o1777)
        _bytes(tar, "etc/passwd", _PASSWD.encode())
        _bytes(tar, "etc/group", _GROUP.encode())
        _bytes(tar, "bin/busybox", busybox.read_bytes(), 0o755)
        for name in run([busybox, "--list-full"]).split():
            if name != "bin/busybox":
                entry = tarfile.TarInfo(name)
                entry.type = tarfile.SYMTYPE
                entry.linkname = "/bin/busybox"
                tar.addfile(entry)


def _debian(target: Path) -> None:
    """Bootstrap the machine's own release from the mirror of the machine's own apt settings."""
    release, site, components, keyring = mirror()
    say(f"bootstrapping Debian {release} for {DEBIAN} (about a minute, once)")
    root = target.parent / "root"
    command = ["debootstrap", "--variant=minbase", f"--components={components}"]
    if keyring:
        command.append(f"--keyring={keyring}")
    run(
        [*command, f"--include={_DEBIAN_PACKAGES}", release, root, site],
        timeout=1800,
        env=apt_proxy(),
    )
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    pack = ["tar", "--create", "--file", str(target), "--directory", str(root)]
    pack += ["--numeric-owner", "--sort=name", "--mtime=@0"]
    run([*pack, *(f"--exclude=./{name}" for name in LEFT_OUT), "."], timeout=600)
    shutil.rmtree(root)


def mirror() -> tuple[str, str, str, str]:
    """Read release, site, components and keyring from apt: nothing of the kind is written here."""
    system = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if line
    )
    release = system.get("VERSION_CODENAME", "").strip('"')
    form = "$(RELEASE)|$(SITE)|$(COMPONENT)|$(SIGNED_BY)|$(CREATED_BY)"
    components: list[str] = []
    site = keyring = ""
    for line in run(["apt-get", "indextargets", "--format", form]).splitlines():
        of, where, component, signed_by, kind = line.split("|")
        if of == release and kind == "Packages" and site in ("", where):
            site = where
            keyring = signed_by if signed_by.startswith("/") else keyring
            if component not in components:
                components.append(component)
    if not site:
        raise BedError(
            f"apt knows no mirror of the release {release!r}, from which to make {DEBIAN}"
        )
    return release, site, ",".join(components), keyring


def apt_proxy() -> dict[str, str]:
    """Give the environment with the proxies that apt uses."""
    env = dict(os.environ)
    for scheme in ("http", "https"):
        setting = f"Acquire::{scheme}::Proxy"
        value = run(["apt-config", "dump", "--format", "%v%n", setting]).strip()
        if value and value != "DIRECT":
            env[f"{scheme}_proxy"] = value
    return env
