"""(b) Start-up: what needs no cluster, against an empty Python program and against kubectl."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kubectl_portcheck.__main__ import COMPLETER
from tests.bench.measure import ROOT, Command, Table, in_turn, median, spread
from tests.bench.places import archive, python_of, unpacked

MANIFEST = ROOT / "tests" / "corpus" / "manifests" / "published" / "guestbook.yaml"
BARE, KUBECTL = "`python -c pass`", "`kubectl version --client`"
WORDS: dict[str, Command] = {
    "`--version`": ["--version"],
    "`--help`": ["--help"],
    "completion": [],
    "`--explain PC401`": ["--explain", "PC401"],
    "`--demo`": ["--demo"],
    "`-f guestbook.yaml`": ["-f", MANIFEST],
}
OF_ARCHIVE = {name: f"{name}, Krew's archive" for name in WORDS if name != "completion"}
ROWS = (BARE, KUBECTL, *WORDS, *OF_ARCHIVE.values())


def run(program: Path, environ: Mapping[str, str], *, rounds: int = 15) -> Table:
    """Measures all of them in turn."""
    bundle = unpacked(archive())
    commands: dict[str, Command] = {
        BARE: [python_of(program), "-c", "pass"],
        KUBECTL: ["kubectl", "version", "--client"],
        **{name: [program, *words] for name, words in WORDS.items()},
        "completion": [program.with_name(COMPLETER), "--exp"],
        **{own: [bundle, *WORDS[name]] for name, own in OF_ARCHIVE.items()},
    }
    found = in_turn(commands, environ, rounds)
    bare, kubectl = median(found[BARE]), median(found[KUBECTL])
    least = min(r.wall for r in found[BARE])
    lines = []
    for name, runs in found.items():
        one, fastest = median(runs), min(r.wall for r in runs)
        lines.append(
            (
                name,
                f"{one.wall:.0f} ms {spread(r.wall for r in runs)}",
                f"{one.cpu:.0f} ms",
                f"{fastest:.0f} ms",
                f"{fastest - least:+.0f} ms",
                f"{one.wall / bare.wall:.1f}",
                f"{one.wall / kubectl.wall:.2f}",
            )
        )
    head = ("", "wall", "CPU", "fastest", "over Python", "÷ Python", "÷ kubectl")
    note = (
        f"Medians of {rounds} rounds; the fastest round of each is nearest to what the program "
        "itself takes, and compared with the fastest of Python. The goals over Python are 15 ms "
        "for `--version` and `--help`, 20 for a completion, 30 for `--explain`, 45 for `--demo` "
        "and 70 for `-f`; the completion is of a flag, as kubectl asks for it."
    )
    return Table(head, tuple(lines), note)
