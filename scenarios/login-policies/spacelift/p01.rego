# title: Access levels within an organisation
# version: v0
# what: Members come in, the team DevOps as system administrators, everybody else is refused.
package spacelift
import future.keywords.in
admin { "DevOps" in input.session.teams }
allow { input.session.member }
deny { not allow }
