# entry points: sprintf/texts sprintf/decision
package sprintf

decision := {"allow": false, "reason": sprintf("%s may not %s", [input.client.address, input.request.method])}

texts := [
	sprintf("plain", []),
	sprintf("%s and %v", ["a", "b"]),
	sprintf("%d %v %d", [1, 2, 12345678901234567890]),
	sprintf("%v %v %v", [1.5, 1e21, 0.00001]),
	sprintf("%.2f|%8.3f|%-8.1f|%08.3f", [1.005, 3.14159, 2.25, -1.5]),
	sprintf("%5d|%-5d|%05d|%+d|% d", [42, 42, 42, 42, 42]),
	sprintf("%x %X %x", [255, 255, "hi"]),
	sprintf("%q", ["say \"hi\"\n"]),
	sprintf("%5s|%-5s|%.2s", ["ab", "ab", "abcdef"]),
	sprintf("%v %v %v", [true, null, ["a", 1, {"b": 2}]]),
	sprintf("100%%", []),
	sprintf("%d", ["text"]),
	sprintf("%s", [7]),
	sprintf("%s %s", ["one"]),
	sprintf("%s", ["one", "two"]),
	sprintf("ends with %", []),
	sprintf("%v", [{"a": [], "b": {}}]),
	sprintf("%s", ["ünïcödé 😀"]),
	sprintf("%f", [1]),
	sprintf("%v", [100000.0]),
]
