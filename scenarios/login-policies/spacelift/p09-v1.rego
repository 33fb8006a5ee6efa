# title: A team and its space
# version: v1
# what: The same in the newer language.
package spacelift
space_write contains space.id if { some space in input.spaces; space.name == "R&D Team"; some team in input.session.teams; team == "R&D" }
