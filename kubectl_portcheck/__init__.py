"""Names the cause when a Kubernetes Service refuses connections, proves it, and proposes a fix.

Besides the command line it is a library: see :mod:`kubectl_portcheck.api`. What is exported here
is imported when it is first used, so that ``import kubectl_portcheck`` itself costs nothing.
"""

TYPE_CHECKING = False  # A type checker takes it for true; typing's own would have to be imported.

if TYPE_CHECKING:
    from kubectl_portcheck.api import (
        diagnose,
        diagnose_files,
        diagnose_snapshot,
        to_html,
        to_json,
        to_markdown,
    )
    from kubectl_portcheck.errors import (
        NoAnswerError,
        NoClusterError,
        PortcheckError,
        UnknownTargetError,
        UsageError,
    )
    from kubectl_portcheck.exit_codes import ExitCode, exit_code_for
    from kubectl_portcheck.model.fixes import Fix
    from kubectl_portcheck.model.report import (
        Finding,
        PodReport,
        PortReport,
        Report,
        ServiceReport,
        Severity,
        Step,
        Verdict,
    )

__version__ = "0.1.0"

__all__ = [
    "ExitCode",
    "Finding",
    "Fix",
    "NoAnswerError",
    "NoClusterError",
    "PodReport",
    "PortReport",
    "PortcheckError",
    "Report",
    "ServiceReport",
    "Severity",
    "Step",
    "UnknownTargetError",
    "UsageError",
    "Verdict",
    "__version__",
    "diagnose",
    "diagnose_files",
    "diagnose_snapshot",
    "exit_code_for",
    "to_html",
    "to_json",
    "to_markdown",
]

_PLACES = ("errors", "exit_codes", "model.report", "api")
"""Where the exported names are defined, the cheapest import first."""


if not TYPE_CHECKING:  # To a type checker, a name that is not exported is a mistake.

    def __getattr__(name: str) -> object:
        if name in __all__:
            from importlib import import_module

            for place in _PLACES:
                module = import_module(f"{__name__}.{place}")
                if hasattr(module, name):
                    return getattr(module, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
