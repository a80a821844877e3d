"""Reports as text: pure functions from a :class:`~kubectl_portcheck.model.report.Report`.

Nothing here reads the clock, the environment or a file. Every text of a report is untrusted, and
goes through :mod:`~kubectl_portcheck.render.text` before it is drawn.
"""
