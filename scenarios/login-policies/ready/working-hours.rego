# title: Contractors in working hours
# version: v1
# what: Whoever is in the group contractors comes in on weekdays from eight to six, by the clock of one place.
package garth

allow if input.session.member

zone := "Europe/Berlin"

contractor if "contractors" in object.get(input, ["session", "teams"], [])

# time.weekday counts in UTC unless it is given the zone as well.
weekend := {"Saturday", "Sunday"}

deny if {
	contractor
	time.weekday([input.request.timestamp_ns, zone]) in weekend
}

deny if {
	contractor
	hour := time.clock([input.request.timestamp_ns, zone])[0]
	not hour in numbers.range(8, 17)
}
