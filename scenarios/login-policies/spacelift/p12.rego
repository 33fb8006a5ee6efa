# title: A window for deployments
# version: v1
# what: A scheduled deployment gets its role on two days of the week, between two and five o'clock.
package spacelift
allow if input.session.member
roles["production"] contains "time-limited" if {
  input.session.login == "scheduled-deployment"
  clock := time.clock([input.request.timestamp_ns, "UTC"])
  weekday := time.weekday(input.request.timestamp_ns)
  maintenance_days := {"Tuesday", "Thursday"}
  maintenance_days[weekday]
  clock[0] >= 2
  clock[0] <= 4
}
