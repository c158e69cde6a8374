# entry points: mesh/allow mesh/decision
package mesh

default allow := false

allow if {
	input.client.identity == "web.shop.serviceaccount.identity.signet.cluster.local"
	input.request.method in {"GET", "HEAD"}
	startswith(input.request.path, "/orders/")
	"staff" in input.tokens["shop/users"].groups
}

decision := {"allow": true} if allow

else := {"allow": false, "reason": "only staff reads orders"}
