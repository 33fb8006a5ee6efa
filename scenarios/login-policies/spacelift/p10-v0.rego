# title: A role over several spaces
# version: v0
# what: Senior developers get a role of their own in two spaces.
package spacelift
allow { input.session.member }
roles[space]["senior-dev"] { input.session.teams[_] == "Senior-Developers"; s := {"development", "staging"}; s[space] }
