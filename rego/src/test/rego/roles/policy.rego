# entry points: roles/allow
package roles

allow if {
	some role in data.members[input.client.identity]
	some permission in data.permissions[role]
	permission.method == input.request.method
	startswith(input.request.path, permission.prefix)
}
