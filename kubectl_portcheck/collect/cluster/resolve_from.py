"""``--from``: how a pod finds the Service's name, with what its image has to ask with.

One exec. It prints the settings of the resolver, lets the C library of the container look up the
name as the program inside would, and asks each nameserver itself, which tells an error of the
server from a name that does not exist. Where only nslookup is there, the script goes through the
search list itself. Nothing is installed, and each wait is for a few seconds at most.

Sources: resolv.conf(5) (nameserver, search, ndots), RFC 1035 (the message), ``proc_net_udp``.
"""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, ip_address

from kubectl_portcheck.model.seat import (
    Dns,
    NameLookup,
    NameOutcome,
    NameTool,
    Resolver,
    ServerAnswer,
    ServerOutcome,
)
from kubectl_portcheck.semantics.digits import number_of

MOST_SERVERS = 3
"""How many nameservers are asked: the C library uses no more."""
LONGEST_NAME = 253

# Each question fails for itself, whatever it fails with: hence the broad except in the script.
_PYTHON = r"""import os,socket,struct,sys,threading as T
n,f=sys.argv[1:3];v=[];d='cluster.local';o=[]
try:
 for l in open('/etc/resolv.conf'):
  w=l.split()
  if w[1:] and w[0] in('nameserver','search','options'):print('conf',*w)
  if w[1:] and w[0]=='nameserver':v+=w[1:2]
  for s in w[1:] if w and w[0]=='search' else ():
   if s.startswith('svc.'):d=s[4:].rstrip('.')
except OSError:pass
def a():
 try:o.append('look python3 0 '+' '.join(sorted({i[4][0] for i in socket.getaddrinfo(n,None,0,1)})))
 except socket.gaierror as e:o.append('look python3 %s %s'%(e.errno,e.strerror))
def u(r):
 p=12;z=[]
 while r[p]:p+=r[p]+1
 p+=5
 for _ in range(struct.unpack('>H',r[6:8])[0]):
  while 0<r[p]<192:p+=r[p]+1
  p+=2 if r[p] else 1
  t,_,_,k=struct.unpack('>HHIH',r[p:p+10]);p+=10
  if t==1:z.append(socket.inet_ntoa(r[p:p+4]))
  p+=k
 return z
def q(s,k):
 h='ask %s %s python3 '%(s,k)
 try:
  c=socket.socket(socket.AF_INET6 if ':' in s else socket.AF_INET,1 if k=='tcp' else 2)
  c.settimeout(3);c.connect((s,53))
  if k=='tcp':o.append(h+'open');return
  g=(f+'.'+d).encode().split(b'.')
  c.send(b'\x50\x43\1\0\0\1\0\0\0\0\0\0'+b''.join(bytes([len(x)])+x for x in g)+b'\0\0\1\0\1')
  r=c.recv(4096);o.append(h+'rcode %d '%(r[3]&15)+' '.join(u(r)))
 except socket.timeout:o.append(h+'timeout')
 except Exception as e:o.append(h+'error '+str(e))
t=[T.Thread(target=a)]+[T.Thread(target=q,args=(s,k)) for s in v[:3] for k in('udp','tcp')]
for x in t:x.daemon=True;x.start()
for x in t:x.join(7)
if t[0].is_alive():o.append('look python3 late')
print('\n'.join(o+['end']));sys.stdout.flush();os._exit(0)"""

_PERL = r"""use Socket qw(:all);use IO::Socket::IP;$|=1;($n,$f)=@ARGV;$d='cluster.local';
if(open H,'/etc/resolv.conf'){for(<H>){next unless/^(nameserver|search|options)\s+\S/;
print"conf $_";push@v,$1 if/^nameserver\s+(\S+)/;$d=$1 if/^search.*\bsvc\.(\S+?)\.?(\s|$)/}}
sub k{my$c=shift;return if fork;$SIG{ALRM}='DEFAULT';alarm 8;$c->();exit}
k(sub{local$SIG{ALRM}=sub{print"look perl late\n";exit};alarm 7;
my($e,@r)=getaddrinfo($n,'',{socktype=>SOCK_STREAM});
if($e){printf"look perl %d %s\n",$e+0,$e;exit}
print"look perl 0 @{[map{(getnameinfo($_->{addr},NI_NUMERICHOST,NIx_NOSERV))[1]}@r]}\n"});
for my$s(grep{defined}@v[0..2]){k(sub{
my$c=IO::Socket::IP->new(PeerHost=>$s,PeerPort=>53,Type=>SOCK_STREAM,Timeout=>3);
print"ask $s tcp perl ",$c?'open':"error $@ $!","\n"});
k(sub{local$SIG{ALRM}=sub{print"ask $s udp perl timeout\n";exit};alarm 3;
my$c=IO::Socket::IP->new(PeerHost=>$s,PeerPort=>53,Type=>SOCK_DGRAM);
$c->syswrite("PC\1\0\0\1\0\0\0\0\0\0".join('',map{chr(length).$_}split/\./,"$f.$d")."\0\0\1\0\1");
my$r;unless($c->sysread($r,4096)){print"ask $s udp perl error $!\n";exit}
my@b=unpack'C*',$r;my$p=12;$p+=$b[$p]+1 while$b[$p];$p+=5;my@z;
for(1..$b[6]*256+$b[7]){$p+=$b[$p]+1 while$b[$p]&&$b[$p]<192;$p+=$b[$p]?2:1;
my$l=$b[$p+8]*256+$b[$p+9];push@z,join'.',@b[$p+10..$p+13]if$b[$p]*256+$b[$p+1]==1;$p+=10+$l}
printf"ask $s udp perl rcode %d @z\n",$b[3]&15})}
1 while wait>0;print"end\n";"""

_NODE = r"""const f=require('fs'),D=require('dns'),N=require('net');
const[n,q]=process.argv.slice(-2);let v=[],d='cluster.local',k=1;
const p=x=>console.log(x),done=()=>--k||(p('end'),process.exit());
try{for(const l of f.readFileSync('/etc/resolv.conf','utf8').split('\n')){
const w=l.trim().split(/\s+/);
if(w[1]&&/^(nameserver|search|options)$/.test(w[0]))p('conf '+w.join(' '));
if(w[0]=='nameserver')v.push(w[1]);
if(w[0]=='search')for(const s of w)if(s.startsWith('svc.'))d=s.slice(4).replace(/\.$/,'')}}
catch(e){}
D.lookup(n,{all:true},(e,a)=>{
p('look node '+(e?e.code:'0 '+a.map(x=>x.address).join(' ')));done()});
for(const s of v.slice(0,3)){k+=2;const r=new D.Resolver({timeout:3000,tries:1});r.setServers([s]);
r.resolve4(q+'.'+d,(e,a)=>{p('ask '+s+' udp node '+(e?e.code:'rcode 0 '+a.join(' ')));done()});
const c=N.connect({host:s,port:53,timeout:3000});let o=0;
const z=m=>{if(!o++){p('ask '+s+' tcp node '+m);c.destroy();done()}};
c.on('connect',()=>z('open')).on('timeout',()=>z('timeout')).on('error',e=>z('error '+e.code))}
setTimeout(()=>{p('look node late');p('end');process.exit()},7500)"""

SCRIPT = r"""P=$1;L=$2;J=$3;N=$4;F=$5;set -f
has(){ command -v "$1" >/dev/null 2>&1;}
has python3&&exec python3 -c "$P" "$N" "$F"
has perl&&perl -MIO::Socket::IP -e1 2>/dev/null&&exec perl -e "$L" "$N" "$F"
has node&&exec node -e "$J" "$N" "$F"
lim(){ t=$1;shift;has sleep||{ "$@" </dev/null;return;}
"$@" </dev/null & p=$!
(sleep $t;kill $p) >/dev/null 2>&1 & w=$!
wait $p;c=$?;kill -9 $w 2>/dev/null;return $c;}
V=;S=;K=1;D=cluster.local
while read -r a b;do case $a in
nameserver)V="$V ${b%% *}";;search)S=$b;;
options)for o in $b;do case $o in ndots:*)K=${o#ndots:};;esac;done;;*)continue;;esac
echo "conf $a $b";done 2>/dev/null </etc/resolv.conf
for s in $S;do case $s in svc.*)D=${s#svc.};D=${D%.};;esac;done
names(){ r=$N;k=0
while :;do case $r in *.*)r=${r#*.};k=$((k+1));;*)break;;esac;done
[ $k -ge "$K" ]&&echo "$N.";for s in $S;do echo "$N.${s%.}.";done;[ $k -ge "$K" ]||echo "$N.";}
say(){ h=$1;shift;echo "$h" $*;}
T=
if has getent;then T=getent
o=$(lim 7 getent ahosts "$N" 2>&1);c=$?
say "look getent $c" "$o"
[ $c != 0 ]&&has bash&&say "look bash 1" "$(lim 7 bash -c ': 3<>"/dev/udp/$0/9"' "$N" 2>&1)"
elif has bash;then T=bash
o=$(lim 7 bash -c 'exec 3<>"/dev/udp/$0/9"||exit 1
for t in udp udp6;do while read -r _ _ r _;do case $r in *:0009)echo "$r";;esac
done </proc/net/$t;done' "$N" 2>&1)
say "look bash $?" "$o"
elif has nslookup;then T=nslookup
for n in $(names);do o=$(lim 7 nslookup "$n" 2>&1);c=$?
say "look nslookup $c $n" "$o"
case $o in *timed\ out*|*refused*)break;;*NXDOMAIN*|*SERVFAIL*|*"can't"*);;
*)[ $c = 0 ]&&break;;esac;done
else echo none;exit;fi
i=0
for s in $V;do i=$((i+1));[ $i -gt 3 ]&&break
if has nslookup;then T=$T.;say "ask $s udp nslookup" "$(lim 4 nslookup "$F.$D." "$s" 2>&1)"
elif has bash&&has dd&&has od;then
say "ask $s udp bash" "$(lim 4 bash -c 'exec 3<>"/dev/udp/$0/53"||exit;m=;IFS=.
for l in $1;do printf -v x "\\\\x%02x" ${#l};m=$m$x$l;done
printf "PC\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00$m\x00\x00\x01\x00\x01" >&3
dd bs=4096 count=1 <&3 2>/dev/null|od -An -v -tx1' "$s" "$F.$D" 2>&1)"
fi
if has nc;then z="nc -w 3 $s 53 -e true"
case $(nc -h 2>&1 </dev/null) in *-z*)z="nc -z -w 3 $s 53";;esac
o=$(lim 4 $z 2>&1);say "ask $s tcp nc" "$?" "$o"
elif has bash;then o=$(lim 4 bash -c ': 3<>"/dev/tcp/$0/53"' "$s" 2>&1)
say "ask $s tcp bash" "$?" "$o";fi
done
echo end"""
"""Its arguments: the programs for python3, perl and node, the name that is looked up, and the
Service as ``NAME.NAMESPACE.svc``. POSIX; it runs in dash, bash, busybox ash and mksh."""

SHELLS = (
    ("/bin/sh", "-c", SCRIPT, "portcheck", _PYTHON, _PERL, _NODE),
    ("python3", "-c", _PYTHON),
    ("/nodejs/bin/node", "-e", _NODE),
)
"""What is run, the next where the one before is not there; each is followed by the two names."""


def parse(output: bytes, name: str) -> Dns | None:
    """Give what the script found; None where there was nothing to ask with."""
    lines = output.decode("utf-8", "replace").splitlines()
    looked = [w for line in lines if (w := line.split())[:1] == ["look"] and len(w) > 2]
    if not looked:
        return None
    return Dns(
        resolver=_resolver(lines),
        lookup=_lookup(name, looked),
        answers=tuple(sorted(_answers(lines), key=lambda a: (a.server, a.protocol == "TCP"))),
    )


def _resolver(lines: Iterable[str]) -> Resolver:
    servers: list[str] = []
    search: tuple[str, ...] = ()
    ndots = 1
    for line in lines:
        head, key, *words = [*line.split(), "", ""][:40]
        if head != "conf":
            continue
        words = [w for w in words if w]
        if key == "nameserver" and words and (server := _address(words[0])):
            servers.append(server)
        elif key == "search":
            search = tuple(w.rstrip(".")[:LONGEST_NAME] for w in words[:32])
        for word in words if key == "options" else ():
            if found := re.fullmatch(r"ndots:(\d{1,2})", word, re.ASCII):
                ndots = int(found[1])
    return Resolver(nameservers=tuple(servers[:MOST_SERVERS]), search=search, ndots=ndots)


_TOOLS: dict[str, NameTool] = {
    "python3": "python3",
    "perl": "perl",
    "node": "node",
    "getent": "getent",
    "bash": "bash",
    "nslookup": "nslookup",
    "nc": "nc",
}


def _lookup(name: str, looked: list[list[str]]) -> NameLookup:
    """What the lookup came to: the tool that says why it failed has the last word."""
    found = [_looked(words) for words in looked]
    best = next((f for f in found if f[1] == "answered"), None)
    best = best or next((f for f in reversed(found) if f[1] != "unknown"), found[-1])
    tool, outcome, addresses, detail = best
    return NameLookup(name=name, tool=tool, outcome=outcome, addresses=addresses, detail=detail)


_CODES: dict[str, NameOutcome] = {
    **dict.fromkeys(("-2", "-5", "ENOTFOUND", "ENODATA"), "no-such-name"),
    **dict.fromkeys(("-3", "-4", "EAI_AGAIN", "ESERVFAIL", "ETIMEOUT"), "no-answer"),
    "late": "no-answer",
}


def _looked(words: list[str]) -> tuple[NameTool, NameOutcome, tuple[str, ...], str]:
    tool = _TOOLS.get(words[1], "getent")
    code, rest = words[2], words[3:]
    text = " ".join(rest)[:200]
    low = text.lower()
    if tool == "nslookup":
        addresses = _by_nslookup(rest[1:])
    elif tool == "bash":
        addresses = tuple(a for w in rest if (a := _from_proc(w)))
    else:
        addresses = tuple(dict.fromkeys(a for w in rest if (a := _address(w))))
    if code == "0" and addresses:
        return tool, "answered", addresses, ""
    if code in _CODES:
        return tool, _CODES[code], (), text
    if re.search(r"nxdomain|not known|no address|does not resolve|can't find", low):
        refused = "refused" in low or "servfail" in low
        return tool, "no-answer" if refused else "no-such-name", (), text
    if re.search(r"temporary|servfail|timed out|refused|try again|no servers|unreachable", low):
        return tool, "no-answer", (), text
    if code in ("137", "143"):
        return tool, "no-answer", (), "it took too long"
    return tool, "unknown", (), text


def _by_nslookup(words: list[str]) -> tuple[str, ...]:
    """The addresses behind the name; those before it are the server's own."""
    at = next((i for i, w in enumerate(words) if w.startswith("Name:")), len(words))
    found = (_address(w) for w in words[at:])
    return tuple(dict.fromkeys(a for a in found if a))


def _from_proc(word: str) -> str:
    """The address of a row in ``/proc/net/udp``, which has it as one little-endian number."""
    found = re.fullmatch(r"([0-9A-F]{8}|[0-9A-F]{32}):0009", word)
    if found is None:
        return ""
    raw = bytes.fromhex(found[1])
    pieces = [raw[i : i + 4][::-1] for i in range(0, len(raw), 4)]
    address = ip_address(b"".join(pieces))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _answers(lines: Iterable[str]) -> Iterator[ServerAnswer]:
    for line in lines:
        words = line.split()
        if words[:1] != ["ask"] or len(words) < 4 or words[2] not in ("udp", "tcp"):
            continue
        server, tool = _address(words[1]), _TOOLS.get(words[3])
        if not server or tool is None:
            continue
        outcome, addresses = _answer(words[2], tool, words[4:])
        yield ServerAnswer(
            server=server,
            protocol="UDP" if words[2] == "udp" else "TCP",
            tool=tool,
            outcome=outcome,
            addresses=addresses,
        )


_RCODES: dict[int, ServerOutcome] = {0: "answered", 3: "no-such-name"}
_ERRORS: dict[str, ServerOutcome] = {
    **dict.fromkeys(("ENOTFOUND", "ENODATA"), "no-such-name"),
    "ECONNREFUSED": "refused",
    "ESERVFAIL": "server-failure",
    "EREFUSED": "server-failure",
    "ETIMEOUT": "timeout",
}


def _answer(protocol: str, tool: str, words: list[str]) -> tuple[ServerOutcome, tuple[str, ...]]:
    """What a nameserver said, with the addresses that it gave."""
    head, text = (words[0] if words else ""), " ".join(words)[:300].lower()
    if protocol == "tcp" and head in ("open", "0"):
        return "answered", ()
    if head == "rcode" and len(words) > 1 and (code := number_of(words[1])) is not None:
        found = tuple(a for w in words[2:] if (a := _address(w)))
        return _RCODES.get(code, "server-failure"), found
    if head in _ERRORS:
        return _ERRORS[head], ()
    if protocol == "udp" and tool == "bash" and len(words) >= 12:
        return _from_bytes(words)
    if tool == "nslookup" and (found := _by_nslookup(words)):
        return "answered", found
    if "refused" in text and "query refused" not in text and ": refused" not in text:
        return "refused", ()
    if "nxdomain" in text or ("can't find" in text and "servfail" not in text and tool != "bash"):
        return ("server-failure" if ": refused" in text else "no-such-name"), ()
    if "servfail" in text or ": refused" in text:
        return "server-failure", ()
    if re.search(r"time(d )?[- ]?out|no servers", text) or not words or head in ("137", "143"):
        return "timeout", ()
    return "unknown", ()


def _from_bytes(words: list[str]) -> tuple[ServerOutcome, tuple[str, ...]]:
    """Read a DNS message that od has written out."""
    if not all(re.fullmatch(r"[0-9a-f]{2}", w) for w in words):
        return "unknown", ()
    raw = bytes(int(w, 16) for w in words)
    return _RCODES.get(raw[3] & 15, "server-failure"), tuple(_records(raw))


def _records(raw: bytes) -> Iterator[str]:
    """The addresses of a DNS message with one question."""

    def after_name(at: int) -> int:
        while at < len(raw) and 0 < raw[at] < 192:
            at += raw[at] + 1
        return at + (2 if at < len(raw) and raw[at] >= 192 else 1)

    at = after_name(12) + 4
    for _ in range(int.from_bytes(raw[6:8], "big")):
        at = after_name(at)
        if at + 10 > len(raw):
            return
        size = int.from_bytes(raw[at + 8 : at + 10], "big")
        if raw[at : at + 2] == b"\0\1" and size == 4 and at + 14 <= len(raw):
            yield str(IPv4Address(raw[at + 10 : at + 14]))
        at += 10 + size


def _address(word: str) -> str:
    """The word as an IP address in its usual form; '' for anything else."""
    bare = word.partition("%")[0].partition("#")[0].strip("[],")
    try:
        return str(ip_address(bare))
    except ValueError:
        return ""
