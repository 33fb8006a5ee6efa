# title: Teams rewritten
# version: v0
# what: Who is in DevOps, no contractor and in the office gets the team Superwriter instead of their own.
package spacelift
team["Superwriter"] { office_vpn; devops; not contractor }
contractor { input.session.teams[_] == "Contractors" }
devops { input.session.teams[_] == "DevOps" }
office_vpn { net.cidr_contains("12.34.56.0/24", input.request.remote_ip) }
