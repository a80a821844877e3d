"""What the archive is made of: every part with its version and licence.

Runs under the interpreter that the archive was made with. Writes the licence texts beside the
program and a CycloneDX list of the parts, and fails on a part whose licence nobody has looked at.
"""

import argparse
import importlib
import json
import platform
import re
import sys
import sysconfig
import uuid
from collections.abc import Callable, Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
PROJECT = "kubectl-portcheck"

COMPATIBLE = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 AND BSD-2-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "LicenseRef-Microsoft-Redistributable",
    "LicenseRef-PyInstaller-Bootloader",
    "MIT",
    "PSF-2.0",
    "Zlib",
}
"""Licences under which a part may be given away together with an Apache-2.0 program."""

SPDX = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
}
"""What packages without an SPDX expression write instead."""


class Part(NamedTuple):
    """One part of the archive."""

    name: str
    version: str
    license: str
    text: str
    purl: str | None = None


class Library(NamedTuple):
    """A library that is no Python package: alone in a file, or inside Python or an extension."""

    name: str
    license: str
    text: Path
    files: str
    """A pattern of its file names in the archive."""
    version: Callable[[], str] = lambda: ""
    inside: str | None = None
    """The module that holds it where no file does."""


LIBRARIES = (
    Library(
        "OpenSSL",
        "Apache-2.0",
        HERE / "licences" / "openssl.txt",
        r"lib(crypto|ssl)[-.].*",
        lambda: str(importlib.import_module("ssl").OPENSSL_VERSION.split()[1]),
        inside="ssl",
    ),
    Library(
        "zlib",
        "Zlib",
        HERE / "licences" / "zlib.txt",
        r"(libz\.|zlib1?\.dll).*",
        lambda: str(importlib.import_module("zlib").ZLIB_RUNTIME_VERSION),
        inside="zlib",
    ),
    Library(
        "Expat",
        "MIT",
        HERE / "licences" / "expat.txt",
        r"libexpat\..*",
        lambda: str(importlib.import_module("pyexpat").EXPAT_VERSION.removeprefix("expat_")),
        inside="pyexpat",
    ),
    Library(
        "mpdecimal",
        "BSD-2-Clause",
        HERE / "licences" / "mpdecimal.txt",
        r"libmpdec\..*",
        lambda: str(importlib.import_module("_decimal").__libmpdec_version__),
        inside="_decimal",
    ),
    Library(
        "LibYAML",
        "MIT",
        HERE / "licences" / "libyaml.txt",
        r"libyaml[-.].*",
        lambda: ".".join(str(n) for n in importlib.import_module("yaml._yaml").get_version()),
        inside="yaml._yaml",
    ),
    Library("libffi", "MIT", HERE / "licences" / "libffi.txt", r"libffi[-.].*"),
    Library(
        "Microsoft Visual C++ runtime",
        "LicenseRef-Microsoft-Redistributable",
        HERE / "licences" / "vcruntime.txt",
        r"(vcruntime140(_1)?|msvcp140|ucrtbase|api-ms-win-.*)\.dll",
    ),
)


def parts(folder: Path) -> list[Part]:
    """Everything in the archive's folder that others made."""
    found = [_python(), _bootloader()]
    files = [path for path in (folder / "lib").rglob("*") if path.is_file()]
    names = {path.name for path in files}
    for library in LIBRARIES:
        if library.inside or any(re.fullmatch(library.files, n, re.I) for n in names):
            text = library.text.read_text(encoding="utf-8")
            found.append(Part(library.name, library.version(), library.license, text))
    found += (_package(package) for package in _packages(folder))
    unknown = sorted(name for name in names if not _known(name))
    if unknown:
        raise SystemExit(f"shared libraries without an entry in inventory.py: {unknown}")
    strange = sorted(part.name for part in found if part.license not in COMPATIBLE)
    if strange:
        raise SystemExit(f"licences that nobody has found compatible with Apache-2.0: {strange}")
    return sorted(found, key=lambda part: part.name.lower())


def license_texts(found: Iterable[Part]) -> str:
    """The licences of all parts as one text."""
    intro = (
        "kubectl-portcheck is licensed under Apache-2.0, see LICENSE. This archive also holds the\n"
        "parts below, under their own licences.\n"
    )
    blocks = [intro]
    for part in found:
        title = f"{part.name} {part.version}".strip()
        blocks.append(f"{'=' * 80}\n{title}: {part.license}\n{'=' * 80}\n\n{part.text.strip()}\n")
    return "\n".join(blocks)


def bill_of_materials(found: Iterable[Part], version: str) -> dict[str, object]:
    """The parts as a CycloneDX 1.6 document, the same for the same parts."""
    root = f"pkg:pypi/{PROJECT}@{version}"
    components = []
    for part in found:
        component: dict[str, object] = {
            "type": "library",
            "bom-ref": part.purl or f"part:{part.name}@{part.version}",
            "name": part.name,
            "licenses": [_license_entry(part.license)],
        }
        if part.version:
            component["version"] = part.version
        if part.purl:
            component["purl"] = part.purl
        components.append(component)
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([root, components], sort_keys=True))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": PROJECT,
                "version": version,
                "purl": root,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        "dependencies": [
            {"ref": root, "dependsOn": [str(component["bom-ref"]) for component in components]}
        ],
    }


def _license_entry(license: str) -> dict[str, object]:
    """A licence as CycloneDX has it: several together are an expression."""
    if " AND " in license:
        return {"expression": license}
    return {"license": _license_field(license)}


def _license_field(license: str) -> dict[str, str]:
    return {"name": license} if license.startswith("LicenseRef-") else {"id": license}


def _python() -> Part:
    places = (Path(sysconfig.get_path("stdlib")), Path(sys.base_prefix))
    texts = [place / "LICENSE.txt" for place in places if (place / "LICENSE.txt").is_file()]
    if not texts:
        raise SystemExit("this Python came without its LICENSE.txt")
    text = texts[0].read_text(encoding="utf-8")
    return Part(platform.python_implementation(), platform.python_version(), "PSF-2.0", text)


def _bootloader() -> Part:
    package = next(iter(distributions(name="pyinstaller")))
    part = _package(package, "LicenseRef-PyInstaller-Bootloader")
    return part._replace(name="PyInstaller bootloader")


def _packages(folder: Path) -> Iterable[Distribution]:
    """The packages of which the archive holds any module."""
    inside = {path.name.split(".")[0] for path in (folder / "lib").iterdir()}
    for package in distributions():
        tops = {path.parts[0] for path in package.files or () if path.suffix in (".py", ".so")}
        tops = {top.split(".")[0] for top in tops}
        if package.name.lower() not in (PROJECT, "pyinstaller") and tops & inside:
            yield package


def _package(package: Distribution, license: str | None = None) -> Part:
    if license is None:
        fields = ("License-Expression", "License", "Classifier")
        written = (s for f in fields for s in package.metadata.get_all(f) or ())
        said = next((s for s in written if "::" not in s or s.startswith("License ::")), "")
        said = said.rpartition(" :: ")[2]
        license = SPDX.get(said, said)
    texts = [
        Path(str(path.locate())).read_text(encoding="utf-8")
        for path in package.files or ()
        if re.match(r"(LICEN[CS]E|COPYING|NOTICE)", path.name) and ".dist-info" in str(path)
    ]
    if not texts:
        raise SystemExit(f"{package.name} came without the text of its licence")
    name = package.name.lower()
    purl = f"pkg:pypi/{name}@{package.version}"
    return Part(package.name, package.version, license, "\n\n".join(texts), purl)


def _known(name: str) -> bool:
    """Whether a file is no shared library, or one whose licence is known."""
    if not re.search(r"\.(so|dylib|dll)(\.|$)", name) or re.search(r"\.(cpython-|abi3)", name):
        return True
    if re.match(r"(lib)?python3", name):
        return True
    return any(re.fullmatch(library.files, name, re.I) for library in LIBRARIES)


def main() -> None:
    """Writes the licence texts, and the bill of materials where one is asked for."""
    parser = argparse.ArgumentParser(description="Lists what an archive is made of.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--sbom", type=Path, required=True)
    args = parser.parse_args()
    found = parts(args.folder)
    args.texts.write_text(license_texts(found), encoding="utf-8", newline="\n")
    bill = json.dumps(bill_of_materials(found, args.version), indent=2)
    args.sbom.write_text(bill + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
