# title: Machines by the pattern of their names
# version: v1
# what: What is called ci-cd-… deploys, what ends in -monitoring reads.
package spacelift
allow if input.session.member
roles["production"] contains "deployer" if startswith(input.session.login, "ci-cd-")
roles["monitoring"] contains "reader" if endswith(input.session.login, "-monitoring")
