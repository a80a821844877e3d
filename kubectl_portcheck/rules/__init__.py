"""The catalogue of problems. To add one, write its file and run ``python -m tests.rule_table``."""
