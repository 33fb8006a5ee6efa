# title: Slack
# version: v0
# what: Judges by the team of a chat. Garth tells policies of no chat, so that it refuses everybody here.
package spacelift
allow { input.slack.team.id == "X" }
deny { input.slack.team.id != ""; input.slack.team.id != "X" }
space_write["Y"] { input.slack.team.id == "X" }
