#!/bin/sh
# The runbook for "connection refused": checks one Service and says what to do next.
#
#     runbook.sh SERVICE [NAMESPACE]
#
# $PORTCHECK_POST_URL: a chat's incoming webhook, which gets {"text": "..."} (needs curl and jq).
# Without it the report goes to the standard output. The exit code is portcheck's own.
set -u

service=${1:?usage: runbook.sh SERVICE [NAMESPACE]}
namespace=${2:-}

portcheck() {
  if command -v kubectl >/dev/null 2>&1; then
    kubectl portcheck "$@"
  else # In the image there is none.
    kubectl-portcheck "$@"
  fi
}

post() {
  if [ -z "${PORTCHECK_POST_URL:-}" ]; then
    printf '%s\n\n' "$1"
    cat "$report"
    return
  fi
  # A report quotes anyone's words: mentions and links are made plain text.
  { printf '%s\n\n' "$1" && cat "$report"; } |
    jq -R -s '{text: (gsub("@"; "@\u200b") | gsub("://"; ":\u200b//") | gsub("<"; "\u2039") |
      gsub("\\]\\("; "]\u200b(") | gsub("www\\."; "w\u200bww."))}' |
    curl --fail --silent --show-error --max-time 20 \
      -H 'Content-Type: application/json' --data-binary @- "$PORTCHECK_POST_URL" >/dev/null ||
    echo "the report could not be posted" >&2
}

report=$(mktemp) || exit 2
trap 'rm -f "$report"' EXIT

set -- "svc/$service" --timeout=60s --output=markdown
[ -z "$namespace" ] || set -- "$@" "--namespace=$namespace"
portcheck "$@" >"$report"
code=$?

case $code in
0) echo "$service: all clients are served. If they still complain, look beyond the Service." ;;
1) post "$service refuses connections. The first fix below solves it." ;;
2) echo "$service: no such Service, or a mistake in its name: see above." >&2 ;;
3) post "$service: the verdict is not known. The report names what was missing." ;;
4) echo "no cluster was reached: check the kubeconfig and the VPN first." >&2 ;;
5) echo "the report could not be written: is the disk full?" >&2 ;;
130) echo "interrupted" >&2 ;;
*) echo "unexpected exit code $code" >&2 ;;
esac
exit "$code"
