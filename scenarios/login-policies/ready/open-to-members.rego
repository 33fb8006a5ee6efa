# title: Everybody with an account
# version: v1
# what: What holds without any policy, written down. Start here, and add to it.
package garth

# Every account of this installation is a member.
allow if input.session.member
