#!/usr/bin/env bash
# A host with five pods, each in a network namespace of its own, and one data plane for all of them; another host with a
# pod that has a sidecar. Packets to and from the applications are redirected by nat REDIRECT, but not those that carry
# the mark of the data plane.
#
# Run in new user, network and mount namespaces: unshare --map-root-user --net --mount node-proxy.sh DIR
# Needs no rights outside. Reads DIR/node.env (environment of the data plane), DIR/far.env (of the sidecar), the tokens
# in DIR/tokens and the manifests in DIR/manifests; writes logs to DIR/logs and what the clients saw to DIR/seen. Ends
# with standard input.
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

seen=$directory/seen
mkdir "$seen"
own=$(readlink /proc/self/ns/net)
declare -A pid

# ---- a network of pods

ip link set lo up
ip address add 10.78.9.1/32 dev lo
ip link add pods type bridge
ip address add 10.78.0.1/24 dev pods
ip link set pods up

in_pod() { # NAME COMMAND...
  local name=$1
  shift
  nsenter -t "${pid[$name]}" -n "$@"
}
pod() { # NAME ADDRESS MARK
  unshare --net cat <&3 >/dev/null &
  pid[$1]=$!
  while [[ $(readlink "/proc/${pid[$1]}/ns/net") == "$own" ]]; do sleep 0.01; done
  ip link add "to-$1" type veth peer name eth0 netns "${pid[$1]}"
  ip link set "to-$1" master pods up
  in_pod "$1" ip link set lo up
  in_pod "$1" ip address add "$2/24" dev eth0
  in_pod "$1" ip link set eth0 up
  in_pod "$1" ip route add default via 10.78.0.1
  in_pod "$1" iptables -t nat -A OUTPUT -p tcp -m mark --mark "$3" -j RETURN
  in_pod "$1" iptables -t nat -A OUTPUT -p tcp ! -o lo -j REDIRECT --to-ports 4140
  in_pod "$1" iptables -t nat -A PREROUTING -p tcp ! -i lo -m multiport --dports 4143,4191 -j RETURN
  in_pod "$1" iptables -t nat -A PREROUTING -p tcp ! -i lo -j REDIRECT --to-ports 4143
}
pod web 10.78.0.11 1337
pod client 10.78.0.12 1337
pod leaving 10.78.0.13 1337
pod flood 10.78.0.14 1337
pod broken 10.78.0.15 1337
pod far 10.78.0.21 0xffff
# The sidecar has no mark: what it dials are pods and the control plane, applications call cluster addresses.
in_pod far iptables -t nat -D OUTPUT -p tcp ! -o lo -j REDIRECT --to-ports 4140
in_pod far iptables -t nat -A OUTPUT -p tcp -d 10.96.0.0/16 -j REDIRECT --to-ports 4140

# ---- processes

run() { # NAME COMMAND...
  local name=$1
  shift
  "$@" <&3 >"$directory/logs/$name.log" 2>&1 &
}
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
node() { # NAME OPTIONS...
  local name=$1
  shift
  run "$name" bash -c 'set -a; . "$0"; exec "$@"' "$directory/node.env" \
    "$signet" node --socket /run/node.sock --state "$directory/node" "$@"
  node=$!
}
add() { # NAME ADDRESS OPTIONS...
  local name=$1 address=$2
  shift 2
  "$signet" node add --socket /run/node.sock "shop/$name" --service-account "$name" --address "$address" \
    --netns "/proc/${pid[$name]}/ns/net" --token-file "$directory/tokens/shop.$name" "$@"
}
list() { "$signet" node list --socket /run/node.sock; }

run control-plane "$signet" up --control-plane-only --manifests "$directory/manifests" --state "$directory/state" \
  --identity-listen 10.78.9.1:8080 --discovery-listen 10.78.9.1:8086 --policy-listen 10.78.9.1:8090
run proxy.far nsenter -t "${pid[far]}" -n bash -c 'set -a; . "$1"; exec "$2" proxy' - "$directory/far.env" "$signet"
run app.web nsenter -t "${pid[web]}" -n "$signet" demo-service HTTP --listen 10.78.0.11:8080
run app.ledger nsenter -t "${pid[web]}" -n "$signet" demo-service TCP --listen 10.78.0.11:7070
run app.far nsenter -t "${pid[far]}" -n "$signet" demo-service HTTP --listen 10.78.0.21:8080
node node.1
first=$node
await "the socket of the node" test -S /run/node.sock
stat -c %a /run/node.sock >"$seen/mode"
await "control plane" bash -c ': <>/dev/tcp/10.78.9.1/8090'
await "web" in_pod web curl -sf http://10.78.0.11:8080/
await "ledger" in_pod web bash -c ': <>/dev/tcp/10.78.0.11/7070'
for name in web client leaving flood; do
  ports=()
  [[ $name != web ]] || ports=(--port 8080 --port 7070)
  case $name in
    web) address=10.78.0.11 ;;
    client) address=10.78.0.12 ;;
    leaving) address=10.78.0.13 ;;
    *) address=10.78.0.14 ;;
  esac
  add "$name" "$address" "${ports[@]}" --wait 60s >>"$seen/added" 2>&1
done
await "proxy of the other host" in_pod far curl -sf http://10.78.0.21:4191/ready

# ---- requests, until a file says that it is enough

requests() { # POD NAME URL
  while [[ ! -e $directory/enough.$2 ]]; do
    in_pod "$1" curl -s -m 20 -o /dev/null -w '%{http_code}\n' "$3?[1-50]" >>"$seen/$2" 2>&1 || echo "curl $?" >>"$seen/$2"
  done
}
count() { # NAME COUNT: waits for so many requests more
  local have
  have=$(wc -l <"$seen/$1")
  await "$2 more of $1" bash -c '(($(wc -l <"$0") > $1))' "$seen/$1" "$((have + $2))"
}
start() { # POD NAME URL
  : >"$seen/$2"
  requests "$@" &
}
start client near http://10.96.0.10/near
start client far http://10.96.0.12/far
start far from-far http://10.96.0.10/from-far
start leaving leaving http://10.96.0.10/leaving
for each in near far from-far leaving; do count "$each" 100; done

# A connection on which something is asked all the time, which stays for as long as it may.
in_pod client bash -c '
  exec 4<>/dev/tcp/10.96.0.11/70
  while [[ ! -e $0 ]]; do
    echo "BALANCE alice" >&4 && IFS= read -r -t 20 -u 4 line && echo "$line" || { echo "ended"; exit; }
    sleep 0.05
  done' "$directory/enough.long" >"$seen/long" 2>&1 &
await "the long connection" grep -q "^OK" "$seen/long"

# ---- one is broken, one is flooded by, one leaves

add broken 10.78.0.15 --env LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT=soon >"$seen/broken" 2>&1 || true
in_pod flood bash -c 'while [[ ! -e $0 ]]; do curl -s -Z --parallel-max 150 -m 60 -o /dev/null "http://10.96.0.10/flood?[1-3000]"; done' \
  "$directory/enough.flood" >/dev/null 2>&1 &
for each in near far from-far; do count "$each" 200; done
touch "$directory/enough.leaving"
"$signet" node remove --socket /run/node.sock shop/leaving >"$seen/removed" 2>&1
await "the end of what was removed" bash -c '! "$@" | grep -q shop/leaving' - "$signet" node list --socket /run/node.sock
in_pod leaving curl -s -m 5 http://10.96.0.10/after >"$seen/after-removal" 2>&1 || echo "curl $?" >>"$seen/after-removal"
for each in near far from-far; do count "$each" 100; done
touch "$directory/enough.flood"
list >"$seen/list"
in_pod client curl -s -m 10 http://10.78.0.12:4191/metrics >"$seen/metrics"
cp "/proc/$first/status" "$seen/status"
ls "/proc/$first/task" | while read -r task; do readlink "/proc/$first/task/$task/ns/net" || true; done | sort -u >"$seen/namespaces"

# ---- another process takes over

node node.2 --replace
second=$node
await "the second data plane" grep -q 'serving the workloads' "$directory/logs/node.2.log"
for each in near far from-far; do count "$each" 200; done
if kill -0 "$first" 2>/dev/null; then echo alive; else echo gone; fi >"$seen/first-while-long"
wc -l <"$seen/long" >"$seen/long-before"
await "answers on the long connection" bash -c '(($(wc -l <"$0") > $1 + 20))' "$seen/long" "$(cat "$seen/long-before")"
list >"$seen/list-2"
touch "$directory"/enough.{near,far,from-far,long}
await "the end of the first data plane" bash -c '! kill -0 "$0"' "$first"
wait "$first" && echo 0 >"$seen/first-exit" || echo $? >"$seen/first-exit"
in_pod client curl -s -m 10 -o /dev/null -w '%{http_code}\n' http://10.96.0.10/last >"$seen/last"

# ---- a third one takes some of the workloads over, and dies before it has all

rm "$directory/tokens/shop.flood"
node node.3 --replace
third=$node
await "the third data plane serves two" bash -c '(($(grep -c "taking connections in place" "$0") == 2))' \
  "$directory/logs/node.3.log"
kill -KILL "$third"
await "an answer after its end" in_pod client curl -sf -m 5 http://10.96.0.10/again
list >"$seen/list-3"
kill -TERM "$second"
wait "$second" && echo 0 >"$seen/second-exit" || echo $? >"$seen/second-exit"
# The journals are complete when the proxies have ended.
kill $(jobs -p) 2>/dev/null || true
exec 3<&-
wait
