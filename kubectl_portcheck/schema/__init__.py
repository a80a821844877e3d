"""The JSON Schema of the report, as package data."""

from importlib.resources import files


def report_schema() -> str:
    """The schema of ``-o json``, schema version 1, as JSON text."""
    return files(__package__).joinpath("report-v1.json").read_text(encoding="utf-8")
