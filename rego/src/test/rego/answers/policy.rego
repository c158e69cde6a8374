# entry points: answers/yes answers/no answers/undefined answers/number answers/text answers/set answers/no_allow answers/wrong_allow answers/wrong_reason answers/more answers/reasoned answers/long_reason answers/null_answer answers/everything
package answers

yes := input.time >= 0

no := input.time < 0

undefined if input.nothing

number := input.time

text := input.request.path

set contains input.request.path

no_allow := {"reason": input.request.path}

wrong_allow := {"allow": input.request.path}

wrong_reason := {"allow": true, "reason": input.time}

more := {"allow": true, "deny": input.time}

reasoned := {"allow": false, "reason": input.request.path}

long_reason := {"allow": false, "reason": concat("", [input.request.path, input.request.query])}

null_answer := null if input.time >= 0

everything := {"allow": false, "reason": json.marshal([input.client.address, input.request.headers])}
