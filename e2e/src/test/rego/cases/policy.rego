# entry points: cases/staff cases/claims cases/attack cases/seen
package cases

default staff := {"allow": false, "reason": "only staff may do that"}

staff := {"allow": true, "reason": "staff"} if "staff" in input.request.headers["x-role"]

staff := {"allow": true} if {
	input.request.method in {"GET", "POST"}
	startswith(input.request.path, "/open/")
}

# By the claims of a token that passed.
default claims := false

claims if "admin" in input.tokens["rego/users"].groups

# What proxies must survive. Everything else is fine.
attack if not startswith(input.request.path, "/attack/")

attack := loops if input.request.path == "/attack/loops"

attack := grows if input.request.path == "/attack/grows"

attack := throws if input.request.path == "/attack/throws"

attack := nothing if input.request.path == "/attack/nothing"

attack := "yes" if input.request.path == "/attack/text"

# 10^18 steps.
loops if {
	some a in numbers.range(1, 1000)
	some b in numbers.range(1, 1000)
	some c in numbers.range(1, 1000)
	some d in numbers.range(1, 1000)
	some e in numbers.range(1, 1000)
	some f in numbers.range(1, 1000)
	((((a + b) + c) + d) + e) + f == input.time + 100000
}

# 1 GiB and more.
grows if count(numbers.range(input.time, input.time + 30000000)) > 3

# Two values of one rule.
throws := 1 if input.time >= 0

throws := 2 if input.request

nothing if input.nothing

# What the input says of a request.
default seen := false

seen if {
	input.client.address == "127.10.0.9"
	not input.client.tls
	not input.client.identity
	input.server.port == 8006
	input.server.labels == {"group": "policy.linkerd.io", "kind": "server", "name": "seen"}
	input.request.scheme == "http"
	input.request.authority == "web.example"
	input.request.path == "/a%2fb//c"
	input.request.query == "x=1&x=2"
	input.request.headers["x-list"] == ["1, 2"]
	not input.request.headers.authorization
	count(input.tokens) == 0
	input.time > 1700000000000
}

seen if {
	input.client.tls
	input.client.identity == "client.rego.serviceaccount.identity.linkerd.cluster.local"
	count(input.client.certificate) == 43
}
