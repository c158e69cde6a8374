# entry points: attacks/loops attacks/grows attacks/strings attacks/throws attacks/innocent attacks/chosen attacks/deep
package attacks

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
grows if {
	count(numbers.range(input.time, input.time + 30000000)) > 3
}

strings if {
	a := concat("", [input.request.path | some _ in numbers.range(1, 4000)])
	b := concat("", [a | some _ in numbers.range(1, 4000)])
	c := concat("", [b | some _ in numbers.range(1, 4000)])
	count(c) > 3
}

throws := 1 if input.time >= 0

throws := 2 if input.request

innocent if input.request.path == "/innocent"

default chosen := false

chosen if {
	input.request.path == "/innocent"
}

chosen if {
	input.request.path == "/loops"
	loops
}

chosen if {
	input.request.path == "/grows"
	grows
}

deep if {
	walk(input.tokens["a/b"], [_, "needle"])
}
