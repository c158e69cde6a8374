# entry points: regex/allow
package regex

allow if {
	regex.match(`^/orders/[0-9]+(/items/[0-9]+)?$`, input.request.path)
	glob.match("*.shop.serviceaccount.identity.**", ["."], input.client.identity)
}
