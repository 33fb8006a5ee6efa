# title: A team added
# version: v0
# what: As before, and the own teams are kept.
package spacelift
team["Superwriter"] { office_vpn; devops; not contractor }
contractor { input.session.teams[_] == "Contractors" }
devops { input.session.teams[_] == "DevOps" }
office_vpn { net.cidr_contains("12.34.56.0/24", input.request.remote_ip) }
team[name] { name := input.session.teams[_] }
