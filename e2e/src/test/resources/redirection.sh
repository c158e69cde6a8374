#!/usr/bin/env bash
# Three hosts, as network namespaces: one for the control plane, one for a client, one for a server. Packets
# to and from the applications of the last two are redirected to a proxy beside each of them, by nat REDIRECT.
# The applications know nothing of it: the client calls the address of a service, the server binds a port.
#
# Run in new user, network and mount namespaces: unshare --map-root-user --net --mount redirection.sh DIR
# Needs no rights outside. Reads DIR/client.env and DIR/server.env (environment of the proxies) and the manifests
# in DIR/manifests; writes logs to DIR/logs and what the clients saw to DIR/seen. Ends with standard input.
#
# What a proxy sends itself must not be redirected again. Where the proxy has a user of its own, the owner match of
# iptables does it; in this user namespace everybody has the same one, so the destination decides: applications call
# cluster addresses, proxies call pods and the control plane.
#
#                      10.77.9.1 control plane
#         10.77.1.1 /                        \ 10.77.2.1
#        10.77.1.2 /                          \ 10.77.2.2
#   client, 10.77.0.1 ---------------------- 10.77.0.2, server
set -euo pipefail

directory=$1
signet=$SIGNET_LAUNCHER
export SIGNET_NO_BUILD=1 SIGNET_TIED_TO_PARENT=1
export PATH=$PATH:/usr/sbin:/sbin
# Background processes would have no standard input otherwise; its end is what ends them.
exec 3<&0
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

# The lock file of older versions of iptables lies there, and belongs to somebody else outside.
mount -t tmpfs tmpfs /run

in_client() { nsenter -t "$client" -n "$@"; }
in_server() { nsenter -t "$server" -n "$@"; }

unshare --net cat <&3 >/dev/null &
client=$!
unshare --net cat <&3 >/dev/null &
server=$!
own=$(readlink /proc/self/ns/net)
for pid in "$client" "$server"; do
  while [[ $(readlink "/proc/$pid/ns/net") == "$own" ]]; do sleep 0.01; done
done

# ---- three hosts

ip link set lo up
ip address add 10.77.9.1/32 dev lo
ip link add to-client type veth peer name to-control netns "$client"
ip link add to-server type veth peer name to-control netns "$server"
ip address add 10.77.1.1/24 dev to-client
ip address add 10.77.2.1/24 dev to-server
ip link set to-client up
ip link set to-server up
in_client ip link add to-server type veth peer name to-client netns "$server"

in_client ip link set lo up
in_client ip address add 10.77.1.2/24 dev to-control
in_client ip address add 10.77.0.1/24 dev to-server
in_client ip link set to-control up
in_client ip link set to-server up
in_client ip route add 10.77.9.1 via 10.77.1.1

in_server ip link set lo up
in_server ip address add 10.77.2.2/24 dev to-control
in_server ip address add 10.77.0.2/24 dev to-client
in_server ip link set to-control up
in_server ip link set to-client up
in_server ip route add 10.77.9.1 via 10.77.2.1

# ---- redirection

# Outbound. Cluster addresses belong to nobody; without the proxy nothing answers there.
in_client ip route add 10.96.0.0/16 dev to-server
in_client iptables -t nat -A OUTPUT -p tcp -d 10.96.0.0/16 -j REDIRECT --to-ports 4140

# Inbound, whatever comes from outside, apart from the ports that are the proxy's own.
in_server iptables -t nat -A PREROUTING -p tcp ! -i lo -m multiport --dports 4143,4191 -j RETURN
in_server iptables -t nat -A PREROUTING -p tcp ! -i lo -j REDIRECT --to-ports 4143

# ---- processes

run() { # NAME COMMAND...
  local name=$1
  shift
  "$@" <&3 >"$directory/logs/$name.log" 2>&1 &
}
proxy() { # NAME PID
  run "proxy.$1" nsenter -t "$2" -n bash -c 'set -a; . "$1"; exec "$2" proxy' - "$directory/$1.env" "$signet"
}
run control-plane "$signet" up --control-plane-only --manifests "$directory/manifests" --state "$directory/state" \
  --identity-listen 10.77.9.1:8080 --discovery-listen 10.77.9.1:8086 --policy-listen 10.77.9.1:8090
run web nsenter -t "$server" -n "$signet" demo-service HTTP --listen 10.77.0.2:8080
run ledger nsenter -t "$server" -n "$signet" demo-service TCP --listen 10.77.0.2:7070
proxy client "$client"
proxy server "$server"

await() { # WHAT COMMAND...
  local what=$1 end=$((SECONDS + 60))
  shift
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS > end)); then
      echo "not within 60 s: $what" >&2
      exit 1
    fi
    sleep 0.05
  done
}
await "proxy of the client" in_client curl -sf http://10.77.0.1:4191/ready
await "proxy of the server" in_server curl -sf http://10.77.0.2:4191/ready
await "web" in_server curl -sf http://10.77.0.2:8080/
await "ledger" in_server bash -c ': <>/dev/tcp/10.77.0.2/7070'

# ---- what clients see

ask_ledger() { # HOST PORT
  timeout 10 bash -c 'exec 4<>"/dev/tcp/$0/$1"; echo "BALANCE alice" >&4; head -n 1 <&4' "$@" || true
}
seen=$directory/seen
mkdir "$seen"
in_client curl -s -m 10 -w '\n%{http_code}\n' http://10.96.0.10/meshed >"$seen/http" || true
export -f ask_ledger
in_client bash -c 'ask_ledger 10.96.0.11 70' >"$seen/ledger"
# From a host without proxy.
ip route add 10.77.0.2 via 10.77.2.2
curl -s -m 10 -w '\n%{http_code}\n' http://10.77.0.2:8080/plain >"$seen/plain" 2>&1 || true
ask_ledger 10.77.0.2 7070 >"$seen/plain-ledger" 2>/dev/null
# Knocks at ports that nobody serves, one after the other, each connection kept.
knocks=()
for ((port = 20000; port < 20150; port++)); do
  { exec {knock}<>"/dev/tcp/10.77.0.2/$port"; } 2>/dev/null || continue
  knocks+=("$knock")
  printf 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' >&"$knock" || true
  head -c 12 <&"$knock" >>"$seen/knocks" || true
  echo >>"$seen/knocks"
done
in_server curl -s -m 10 http://10.77.0.2:4191/metrics >"$seen/metrics"
curl -s -m 10 -o /dev/null -w '%{http_code}' http://10.77.0.2:8080/plain >"$seen/plain-after-knocks" 2>&1 || true

# ---- the host of the server vanishes

# A request whose body does not come, and a connection on which nothing is said: both wait for the server.
in_client bash -c '
  exec 4<>/dev/tcp/10.96.0.10/80
  printf "POST /waits HTTP/1.1\r\nHost: web\r\nContent-Length: 9\r\n\r\n" >&4
  timeout 30 head -n 1 <&4
  echo "$?"' >"$seen/vanished-http" 2>&1 &
waiting=$!
in_client bash -c '
  exec 4<>/dev/tcp/10.96.0.11/70
  echo "BALANCE alice" >&4
  timeout 40 cat <&4
  echo "$?"' >"$seen/vanished-ledger" 2>&1 &
waiting="$waiting $!"
journal=$(set -a; . "$directory/server.env"; echo "$SIGNET_PROXY_AUDIT_FILE")
await "the request at the server's proxy" grep -q '"/waits"' "$journal"
await "the answer of the ledger" test -s "$seen/vanished-ledger"
in_server iptables -A OUTPUT ! -o lo -j DROP
in_server iptables -A INPUT ! -i lo -j DROP
wait $waiting
in_client curl -s -m 10 http://10.77.0.1:4191/metrics >"$seen/vanished-metrics"
# The journals are complete when the proxies have ended.
kill $(jobs -p) 2>/dev/null || true
exec 3<&-
wait
