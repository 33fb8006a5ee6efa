# title: Access levels within an organisation, from the documentation
# version: v1
# what: The same in the newer language; only the team Engineering comes in as members.
package spacelift
teams := input.session.teams
admin if { some team in teams; team == "DevOps" }
allow if { some team in teams; team == "Engineering" }
deny if not input.session.member
