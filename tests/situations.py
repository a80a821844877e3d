"""The evidence of every rule's examples, read once for all tests that go through it."""

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.rules.table import CATALOGUE

SITUATIONS = {
    f"{r.code}-{i}": evidence_of(e.manifest)
    for r in CATALOGUE
    for i, e in enumerate(r.in_full.examples)
}
"""By the rule's code and the example's place in it: ``PC401-0``."""
