# title: Keep samples
# version: v1
# what: Lets nobody in and keeps nobody out: sign-ins of a group are kept for seven days, to try changed policies on them.
package garth

sample if "pilot" in object.get(input, ["session", "teams"], [])
