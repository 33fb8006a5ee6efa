# title: Readers, writers and administrators by team
# version: v1
# what: Teams get a role in every space. Its two “not” lines look at the same team as the line above, so they never restrict anything.
package spacelift
admins := {"team1", "team2", "team3"}
writers := {"team4", "team5", "team6"}
readers := {"team7", "team8", "team9"}
space_admin contains space.id if { some space in input.spaces; some login in input.session.teams; admins[login] }
space_write contains space.id if { some space in input.spaces; some login in input.session.teams; writers[login]; not admins[login] }
space_read contains space.id if { some space in input.spaces; some login in input.session.teams; readers[login]; not admins[login]; not writers[login] }
