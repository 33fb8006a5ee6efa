# title: External contributors, by login
# version: v1
# what: One list of administrators, one of those who may come in; everybody else is refused.
package spacelift
admins := {"alice"}
allowed := {"bob", "charlie", "danny"}
login := input.session.login
admin if admins[login]
allow if allowed[login]
deny if { not admins[login]; not allowed[login] }
