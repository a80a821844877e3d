"""``--from``: connections from inside an existing pod, with what its image has to connect with.

One exec. Nothing is sent where the tool allows that: bash's /dev/tcp, nc, python3, perl, and curl's
telnet connect and close. wget, and a curl without telnet, send an HTTP request and are used only on
ports with evidence of HTTP. At most a few connections are open at a time, and each of them waits
for a few seconds at most.

Some meshes accept every connection in the client's own pod. So one port that is surely closed is
dialled as well: where that is accepted, nothing that was accepted proves anything.
"""

import re
from collections.abc import Sequence

from kubectl_portcheck.client.port_forward import fence_for
from kubectl_portcheck.collect.cluster.from_pod import Dial, DialResults
from kubectl_portcheck.collect.sockets.rows import canonical
from kubectl_portcheck.model.objects import Pod, Service, ServicePort
from kubectl_portcheck.model.probes import Attempt, Outcome
from kubectl_portcheck.semantics import ports
from kubectl_portcheck.semantics.listening import addresses_of

MOST = 24
"""How many connections are tried at most."""

_PYTHON = """import errno,os,select,socket,sys,time
w={}
def t(i,e):print('dial %s python3 %d %s'%(i,e,os.strerror(e)))
for a in sys.argv[1:]:
 i,h,p,_=a.split(',')
 s=socket.socket(socket.AF_INET6 if ':' in h else socket.AF_INET)
 s.setblocking(False)
 e=s.connect_ex((h,int(p)))
 if e in(0,errno.EINPROGRESS):w[s]=i
 else:t(i,e)
d=time.time()+3
while w and time.time()<d:
 for s in select.select([],list(w),[],max(0,d-time.time()))[1]:
  t(w.pop(s),s.getsockopt(socket.SOL_SOCKET,socket.SO_ERROR))
for i in w.values():t(i,errno.ETIMEDOUT)
print('end')"""
_PERL = """use IO::Socket::IP;$|=1;
for(@ARGV){next if fork;($i,$h,$p)=split/,/;
$s=IO::Socket::IP->new(PeerHost=>$h,PeerPort=>$p,Type=>SOCK_STREAM,Timeout=>3);
printf"dial %s perl %d %s\\n",$i,$s?0:$!+0,$s?"":"$@ $!";exit}
1 while wait>0;print"end\\n";"""

SCRIPT = r"""P=$1;L=$2;shift 2;set -f
has(){ command -v "$1" >/dev/null 2>&1;}
lim(){ "$@" </dev/null & p=$!
(sleep 3;kill $p) >/dev/null 2>&1 & w=$!
wait $p;c=$?;kill $w 2>/dev/null;return $c;}
one(){ n=${1%%,*};r=${1#*,};h=${r%%,*};r=${r#*,};p=${r%%,*};f=${r#*,};u=$h
case $h in *:*)u="[$h]";;esac
case $T$S$f in curlhttp|wgethttp)echo "dial $n skipped 0";return;;esac
case $T in
bash)o=$(lim bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$h" "$p" 2>&1);;
nc)o=$(lim nc -v -z -w 3 "$h" "$p" 2>&1);;
nce)o=$(lim nc -w 3 "$h" "$p" -e true 2>&1);;
curl)o=$(lim curl -sv -o /dev/null --connect-timeout 3 -m 3 "$S://$u:$p" 2>&1);;
wget)o=$(lim wget -T 3 -O /dev/null "http://$u:$p/" 2>&1);;
esac
echo "dial $n $T $?" $o;}
S=
if has sleep&&has bash;then T=bash
elif has sleep&&has nc;then T=nce;case $(nc -h 2>&1 </dev/null) in *-z*)T=nc;;esac
elif has python3;then exec python3 -c "$P" "$@"
elif has perl;then exec perl -e "$L" "$@"
elif has sleep&&has curl;then T=curl;S=http;case $(curl -V) in *telnet*)S=telnet;;esac
elif has sleep&&has wget;then T=wget;S=http
else echo none;exit;fi
k=0
for d do one "$d" & k=$((k+1));[ $((k%8)) = 0 ]&&wait;done
wait;echo end"""
"""Its arguments: the programs for python3 and for perl, and the dials as ``NUMBER,HOST,PORT,HTTP``,
the last of which is ``http`` or empty. POSIX; it runs in dash, bash, busybox ash and mksh."""

SHELLS = (("/bin/sh", "-c", SCRIPT, "portcheck", _PYTHON, _PERL), ("python3", "-c", _PYTHON))
"""What is run, the next where the one before is not there; each is followed by the dials."""


def dials_for(
    service: Service, asked: Sequence[ServicePort], found: Sequence[tuple[Pod, set[int]]]
) -> list[Dial]:
    """The Service's address on each asked TCP port, then each pod's own on its target ports.

    ``found`` is each running pod with those of its target ports that speak HTTP by evidence.
    """
    # What is no address could be an option, or two arguments, to the program that gets it.
    address = canonical(service.spec.cluster_ip)
    tcp = [p for p in asked if p.protocol == "TCP"]
    dials = []
    if address:
        spoken = {
            p.port
            for p in tcp
            if any(ports.dialled_port(service, p, pod) in http for pod, http in found)
        }
        dials = [Dial("", address, p.port, p.port in spoken) for p in tcp]
    for pod, http in found:
        own = [a for b in addresses_of(pod, service.spec.ip_families) if (a := canonical(b))]
        targets = {t for p in tcp if (t := ports.dialled_port(service, p, pod)) is not None}
        if own:
            dials += [Dial(pod.metadata.name, own[0], t, t in http) for t in sorted(targets)]
    return dials[:MOST]


def control_for(dials: Sequence[Dial]) -> Dial:
    """A port that is surely closed, at the last of the addresses: a pod's where there is one."""
    last = dials[-1]
    taken = [d.port for d in dials if d.address == last.address]
    return Dial("", last.address, fence_for(taken))


def arguments(dials: Sequence[Dial]) -> list[str]:
    """The dials, as the script takes them."""
    return [
        f"{i},{d.address},{d.port},{'http' if d.http else ''}"
        for i, d in enumerate([*dials, control_for(dials)])
    ]


def parse(output: bytes, dials: Sequence[Dial]) -> DialResults | None:
    """What the script says became of the dials; None where it had nothing to dial with."""
    text = output.decode("utf-8", "replace")
    reported: dict[int, tuple[str, int, str]] = {}
    for line in text.splitlines():
        if found := re.fullmatch(r"dial (\d{1,3}) (\w+) (\d{1,5}) ?(.*)", line, re.ASCII):
            reported.setdefault(int(found[1]), (found[2], int(found[3]), found[4][:200]))
    if not reported:
        return None
    outcomes = [
        _outcome(*reported[i]) if i in reported else _NOT_REPORTED for i in range(len(dials) + 1)
    ]
    if outcomes.pop()[0] == "accepted":
        outcomes = [_DOUBTED if outcome == "accepted" else (outcome, d) for outcome, d in outcomes]
    attempts = [
        Attempt(
            pod=dial.pod,
            port=dial.port,
            path="in-cluster",
            outcome=outcome,
            address=dial.address,
            detail=detail,
        )
        for dial, (outcome, detail) in zip(dials, outcomes, strict=True)
    ]
    tool = {"nce": "nc"}.get(first := next(iter(reported.values()))[0], first)
    return DialResults(tool, tuple(attempts))


_NOT_REPORTED: tuple[Outcome, str] = ("unknown", "the test did not come to its end")
_DOUBTED: tuple[Outcome, str] = (
    "unknown",
    "a closed port was accepted as well: something in the way accepts every connection",
)
_KILLED = (124, 137, 143)
"""Exit codes of a command that was ended because it took too long."""


def _outcome(tool: str, code: int, text: str) -> tuple[Outcome, str]:
    if tool == "skipped":
        return "skipped", "only an HTTP request could be sent, and nothing says that it is HTTP"
    low = text.lower()
    if code == 0 or _answered(tool, low):
        return "accepted", ""
    if "refused" in low:
        return "refused", ""
    if "reset by peer" in low:
        return "reset", ""
    if code in _KILLED or re.search(r"time(d )?[- ]?out", low):
        return "timeout", ""
    return "unknown", text or f"{tool} ended with {code}"


def _answered(tool: str, low: str) -> bool:
    """Whether a tool that failed had a connection all the same."""
    if tool == "curl":
        return bool(re.search(r"\* connected to |\* established connection", low))
    return tool == "wget" and bool(
        re.search(r"server returned error|error \d{3}|http/1|\.\.\. connected", low)
    )
