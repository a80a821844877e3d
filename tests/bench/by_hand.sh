#!/usr/bin/env bash
# The debrief's six steps as a person would script them: plain kubectl commands, on one pod.
set -u
namespace=$1 service=$2

dial() { # A forwarded port: wait until kubectl listens, then connect and wait for a first byte.
  local port
  coproc forward { exec kubectl port-forward -n "$namespace" "$1" ":$2" 2>&1; }
  while read -r -t 5 -u "${forward[0]}" line; do
    case $line in "Forwarding from 127.0.0.1:"*) port=${line#*127.0.0.1:}; port=${port%% *}; break ;; esac
  done
  if [ -n "${port:-}" ] && exec 3<>"/dev/tcp/127.0.0.1/$port"; then
    printf 'GET / HTTP/1.0\r\n\r\n' >&3
    if read -r -t 2 -u 3 answer && [ -n "$answer" ]; then echo "$1:$2 answers"; else echo "$1:$2 fails"; fi
    exec 3>&-
  fi
  kill "$forward_PID" 2>/dev/null
  wait "$forward_PID" 2>/dev/null
}

selector=$(kubectl get service "$service" -n "$namespace" -o jsonpath='{.spec.selector.app}')
pod=$(kubectl get pods -n "$namespace" -l "app=$selector" -o jsonpath='{.items[0].metadata.name}')
kubectl get pod "$pod" -n "$namespace"                                     # 1
kubectl exec "$pod" -n "$namespace" -- netstat -tlnp                       # 2
kubectl get pod "$pod" -n "$namespace" -o yaml | grep containerPort
kubectl get endpointslices -n "$namespace" -l "kubernetes.io/service-name=$service" # 3
kubectl get service "$service" -n "$namespace" -o yaml | grep targetPort   # 4
target=$(kubectl get service "$service" -n "$namespace" -o jsonpath='{.spec.ports[0].targetPort}')
port=$(kubectl get service "$service" -n "$namespace" -o jsonpath='{.spec.ports[0].port}')
dial "pod/$pod" "$target"                                                  # 5
dial "service/$service" "$port"                                            # 6
