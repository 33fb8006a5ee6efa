# title: A mistake that is often made
# version: v0
# what: A list is compared with a text, which never matches: nobody becomes an administrator.
package spacelift
admin { input.session.teams == "DevOps" }
allow { input.session.member }
deny { not allow }
