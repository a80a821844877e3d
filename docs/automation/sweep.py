"""Which of the Services named on the command line are broken, and how to mend each.

python sweep.py production checkout search payments
"""

import sys

from kubectl_portcheck import NoClusterError, UnknownTargetError, diagnose


def main(namespace: str, *names: str) -> int:
    """Prints a line for each Service; the exit code is 1 where one is broken."""
    broken = 0
    for name in names:
        try:
            report = diagnose(f"svc/{name}", namespace=namespace, timeout=20)
        except UnknownTargetError:
            print(f"{name}: no such Service")
            continue
        except NoClusterError as error:
            print(error.message, file=sys.stderr)
            return 4
        (service,) = report.services
        print(f"{name}: {service.verdict}: {service.headline}")
        if service.verdict in ("broken", "degraded"):
            broken += 1
            for finding in service.findings:
                if finding.cause:
                    for fix in finding.fixes[:1]:
                        print(f"  {finding.code} {fix.title} ({fix.safety})")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
