# entry points: mesh/answer
package mesh

default answer := {"allow": false, "reason": "first version"}

answer := {"allow": true, "reason": "first version"} if input.request.path in {"/a", "/first"}
