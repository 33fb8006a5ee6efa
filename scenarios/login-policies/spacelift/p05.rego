# title: Who may come in when and from where
# version: v1
# what: Refuses on weekends, outside of working hours in Los Angeles, and from other networks. Lets nobody in by itself.
package spacelift
now := input.request.timestamp_ns
clock := time.clock([now, "America/Los_Angeles"])
weekend := {"Saturday", "Sunday"}
weekday := time.weekday(now)
deny if weekend[weekday]
deny if clock[0] < 9
deny if clock[0] > 17
deny if not net.cidr_contains("12.34.56.0/24", input.request.remote_ip)
