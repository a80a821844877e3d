"""Who keeps an object as it is: what would take back a change that is made by hand."""

OWNER_ANNOTATIONS = (
    "meta.helm.sh/release-name",
    "meta.helm.sh/release-namespace",
    "argocd.argoproj.io/tracking-id",
)
"""Annotations that name an owner. (Helm: docs/faq; Argo CD: user-guide/resource_tracking)"""
