# title: Any role by label
# version: v1
# what: A label role:<slug of a role>:<team> gives that team that role in the space; works with roles of your own.
package garth

allow if input.session.member

teams := object.get(input, ["session", "teams"], [])

# A slug is a role's name in lower case with hyphens: Night_Watch is night-watch. The built-in roles are space-reader,
# space-writer and space-admin.
roles[space.id] contains slug if {
	some space in input.spaces
	some label in space.labels
	["role", slug, team] = split(label, ":")
	team in teams
}
