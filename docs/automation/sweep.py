"""Which Services of a namespace are broken, and how to fix each.

python sweep.py production
"""

import sys

from kubectl_portcheck import NoAnswerError, NoClusterError, diagnose


def main(namespace: str) -> int:
    """Prints a line for each Service; the exit code is 1 where one is broken or degraded."""
    try:
        report = diagnose(namespace=namespace, timeout=60)
    except (NoAnswerError, NoClusterError) as error:
        print(error.message, file=sys.stderr)
        return 4
    for service in report.services:
        print(f"{service.name}: {service.verdict}: {service.headline}")
        for finding in service.findings:
            if finding.cause and finding.severity == "error":
                for fix in finding.fixes[:1]:
                    print(f"  {finding.code} {fix.title} ({fix.safety})")
    return 1 if report.verdict in ("broken", "degraded") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
