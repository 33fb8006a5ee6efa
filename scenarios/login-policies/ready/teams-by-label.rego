# title: Spaces say by their labels who works in them
# version: v1
# what: A label team:<name> makes that team writers of the space, team-admin:<name> administrators, shared lets everybody read.
package garth

allow if input.session.member

# Whoever has no teams, a machine for instance, simply matches none.
teams := object.get(input, ["session", "teams"], [])

# Labels and teams are compared in lower case: team:payments is the team Payments.
space_write contains space.id if {
	some space in input.spaces
	some team in teams
	sprintf("team:%s", [lower(team)]) in space.labels
}

space_admin contains space.id if {
	some space in input.spaces
	some team in teams
	sprintf("team-admin:%s", [lower(team)]) in space.labels
}

space_read contains space.id if {
	input.session.member
	some space in input.spaces
	"shared" in space.labels
}
