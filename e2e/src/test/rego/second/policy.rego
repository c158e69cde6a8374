# entry points: mesh/answer
package mesh

default answer := {"allow": false, "reason": "second version"}

answer := {"allow": true, "reason": "second version"} if input.request.path in {"/a", "/second"}
