# title: Teams mapped to labels
# version: v1
# what: Labels team:<name> make the team administrators of the space; “shared” lets all members read.
package spacelift
import rego.v1
teams := object.get(input, ["session", "teams"], [])
allow if input.session.member
allow if input.session.machine
admin if { input.session.member; "platform-engineering" in teams }
roles[space.id] contains "space-admin" if {
  input.session.member
  some space in input.spaces
  some team in teams
  sprintf("team:%s", [lower(team)]) in space.labels
}
roles[space.id] contains "space-reader" if { input.session.member; some space in input.spaces; "shared" in space.labels }
