# title: A role over several spaces
# version: v1
# what: The same in the newer language.
package spacelift
allow if input.session.member
roles[space] contains "senior-dev" if { some t in input.session.teams; t == "Senior-Developers"; s := {"development", "staging"}; s[space] }
