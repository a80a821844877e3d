"""``-o junit``: a test suite a Service, a test case a port, for a pipeline's test report."""

from xml.etree import ElementTree as ET

from kubectl_portcheck.model.report import FAULTY, Finding, PortReport, Report, ServiceReport
from kubectl_portcheck.render import facts
from kubectl_portcheck.render.chain import port_text, target_text
from kubectl_portcheck.render.look import SIGNS
from kubectl_portcheck.render.shell import shell_form
from kubectl_portcheck.render.text import clean
from kubectl_portcheck.render.wording import STEP_NAMES, step_text


def render_junit(report: Report) -> str:
    """The report as JUnit XML, in the form of the Jenkins and Surefire schemas.

    A broken or degraded port is a failure, a port that is not known is an error.
    """
    suites = ET.Element("testsuites", name="kubectl portcheck")
    for service in report.services:
        _suite(suites, service, report.context.collected_at)
    for key in ("tests", "failures", "errors"):
        suites.set(key, str(sum(int(s.get(key, "0")) for s in suites)))
    ET.indent(suites)
    text: str = ET.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(suites: ET.Element, service: ServiceReport, collected_at: str) -> None:
    cluster = f"{service.cluster}/" if service.cluster else ""
    label = clean(f"{cluster}{service.namespace}/{service.label}")
    suite = ET.SubElement(suites, "testsuite", name=label)
    if collected_at:
        # The schema's type is xs:dateTime; what else a snapshot holds there is left out.
        stamp = clean(collected_at).removesuffix("Z")
        if len(stamp) == 19 and stamp[4:11:3] == "--T":
            suite.set("timestamp", stamp)
    verdicts = [p.verdict for p in service.ports] or [service.verdict]
    suite.set("tests", str(len(verdicts)))
    suite.set("failures", str(sum(v in FAULTY for v in verdicts)))
    suite.set("errors", str(verdicts.count("inconclusive")))
    suite.set("skipped", "0")
    suite.set("time", "0")
    if not service.ports:
        case = ET.SubElement(suite, "testcase", classname=label, name="ports", time="0")
        _outcome(case, service.verdict, clean(str(service.headline)), _findings(service, None))
    for port in service.ports:
        name = clean(f"port {port_text(port)} to {target_text(port)}")
        case = ET.SubElement(suite, "testcase", classname=label, name=name, time="0")
        _outcome(case, port.verdict, _message(service, port), _detail(service, port))


def _message(service: ServiceReport, port: PortReport) -> str:
    own = next((f for f in _of(service, port.port) if f.cause and f.severity == "error"), None)
    return clean(own.summary if own else str(service.headline))


def _outcome(case: ET.Element, verdict: str, message: str, detail: str) -> None:
    if verdict == "healthy":
        ET.SubElement(case, "system-out").text = detail
        return
    tag = "error" if verdict == "inconclusive" else "failure"
    ET.SubElement(case, tag, message=message, type=verdict).text = detail


def _of(service: ServiceReport, port: int | None) -> list[Finding]:
    return [f for f in service.findings if port is None or f.port in (None, port)]


def _detail(service: ServiceReport, port: PortReport) -> str:
    rows = [
        f"{SIGNS[s.status]} {s.step} {STEP_NAMES[s.name]}: {clean(step_text(s))}"
        for s in port.steps
    ]
    return "\n".join([*rows, _findings(service, port.port)]).rstrip()


def _findings(service: ServiceReport, port: int | None) -> str:
    rows = []
    for finding in _of(service, port):
        rows.append(clean(f"{finding.code} {finding.name}: {finding.summary}"))
        rows += [f"  {clean(fact)}" for fact in facts.lines(finding.evidence)]
        for fix in finding.fixes:
            rows.append(f"  fix: {clean(fix.title)}")
            shell = shell_form(fix.command or fix.look)
            rows += [f"    {shell}"] if shell else []
    rows += [
        clean(f"{s.finding.code} {s.finding.name}: ignored ({s.by})")
        for s in service.suppressed
        if port is None or s.finding.port in (None, port)
    ]
    return "\n".join(rows)
