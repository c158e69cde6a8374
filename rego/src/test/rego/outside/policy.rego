# entry points: outside/allow
package outside

allow if http.send({"method": "GET", "url": "http://169.254.169.254/"}).status_code == 200
