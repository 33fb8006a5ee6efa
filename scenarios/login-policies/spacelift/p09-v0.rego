# title: A team and its space
# version: v0
# what: The team R&D writes in the space of that name.
package spacelift
space_write[space.id] { space := input.spaces[_]; space.name == "R&D Team"; input.session.teams[_] == "R&D" }
