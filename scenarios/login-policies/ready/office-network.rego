# title: Only from our own networks
# version: v1
# what: Refuses whoever comes from elsewhere; an address that cannot be read is elsewhere. Lets nobody in by itself.
package garth

# Change these: the office, the private network.
networks := {"203.0.113.0/24", "2001:db8:1::/48"}

deny if not inside

inside if {
	some network in networks
	net.cidr_contains(network, input.request.remote_ip)
}
