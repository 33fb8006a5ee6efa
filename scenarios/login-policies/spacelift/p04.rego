# title: External contributors, by the domain of their address
# version: v0
# what: Whoever has an address of the company comes in; one of them administers.
package spacelift
admins := {"alice@example.com"}
login := input.session.login
admin { admins[login] }
allow { endswith(input.session.login, "@example.com") }
deny { not admins[login]; not allow }
