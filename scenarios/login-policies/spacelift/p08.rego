# title: Labels decide
# version: v0
# what: Developers read everywhere and write where a label says so.
package spacelift
developers := { "bob" }
login := input.session.login
is_developer { developers[login] }
allow { is_developer }
space_read[space.id] { space := input.spaces[_]; is_developer }
space_write[space.id] { space := input.spaces[_]; space.labels[_] == "engineers-are-writers"; is_developer }
space_admin["root"] { input.session.teams[_] == "admin" }
