"""Services that Knative Serving makes for each revision, and what gives them endpoints.

Of each revision a ServerlessService makes two Services: a public one without a selector, whose
endpoints are the pods or, while there are none, the activator; and a private one, which selects the
pods. (knative.dev/serving, ``MakePublicService``, ``MakePrivateService``)
"""

from typing import Final

from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.selectors import matches

SERVICE_TYPE: Final = "networking.internal.knative.dev/serviceType"
"""The label that says which of the two Services it is: ``Public`` or ``Private``."""
REVISION: Final = "serving.knative.dev/revision"
"""The label that names the revision."""


def at_zero(case: ServiceCase) -> str:
    """Why a private Service has no pods by design, in words; '' where it has, or ought to."""
    labels = case.service.metadata.labels
    if labels.get(SERVICE_TYPE) != "Private":
        return ""
    if case.pods or case.finished_pods or not case.selects:
        return ""
    selector = case.service.spec.selector
    made = [w for w in case.deployments if matches(selector, w.spec.template.metadata.labels)]
    if not made or any(w.spec.replicas != 0 for w in made):
        return ""
    name = labels.get(REVISION) or case.name.removesuffix("-private")
    return f"Knative has scaled revision {name} to 0, until a request comes"
