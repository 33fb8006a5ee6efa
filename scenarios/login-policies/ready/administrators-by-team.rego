# title: System administrators by team, and only from the private network
# version: v1
# what: The group platform-engineering administers the installation for the session; from anywhere else they are members like others.
package garth

allow if input.session.member

private := "10.20.0.0/16"

admin if "platform-engineering" in object.get(input, ["session", "teams"], [])

# Beats every admin, of other policies too.
deny_admin if not net.cidr_contains(private, input.request.remote_ip)
