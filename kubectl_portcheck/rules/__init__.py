"""The catalogue of problems. To add one, write its file and run ``python -m tests.rule_table``."""

from kubectl_portcheck.rules.table import RULES

CATALOGUE = RULES
"""Every rule, in the order of its code. Its file is loaded when its check runs."""
