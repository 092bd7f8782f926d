package provider

import (
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"weir.example/terraform-provider-weir/internal/kinds"
)

// A TCP or TLS listener that names no port is handed one, and keeps it through every change that leaves its
// protocol and hostnames what they are; a listener of requests without one shares that of its protocol.

// planPorts says which ports the listeners of a plan will have, as the API hands them out.
func planPorts(kind kinds.Kind, planned, prior map[string]tftypes.Value) {
	if kind.Name != "LoadBalancer" {
		return
	}
	field := fieldNamed(kind.Spec.Fields, "listeners")
	port := fieldNamed(field.Struct.Fields, "port")
	hostnames := fieldNamed(field.Struct.Fields, "hostnames")
	if !planned["listeners"].IsKnown() {
		return
	}
	listeners, taken := elements(planned["listeners"]), map[int64]bool{}
	for _, listener := range listeners {
		if own := members(listener)["port"]; listener.IsKnown() && own.IsKnown() && !own.IsNull() {
			taken[integerOf(own)] = true
		}
	}
	for i, listener := range listeners {
		parts := members(listener)
		if !listener.IsKnown() || !parts["port"].IsNull() {
			continue
		}
		if !parts["protocol"].IsKnown() || !parts["hostnames"].IsFullyKnown() {
			parts["port"] = unknown(port)
		} else if protocol := textOf(parts["protocol"]); protocol == "TCP" || protocol == "TLS" {
			parts["port"] = unknown(port)
			for _, old := range elements(prior["listeners"]) {
				before := members(old)
				number := integerOf(before["port"])
				if textOf(before["protocol"]) == protocol && number != 0 && !taken[number] &&
					same(hostnames, before["hostnames"], parts["hostnames"]) {
					parts["port"] = before["port"]
					taken[number] = true
					break
				}
			}
		}
		listeners[i] = tftypes.NewValue(objectType(field.Struct.Fields), parts)
	}
	planned["listeners"] = tftypes.NewValue(typeOf(field), listeners)
}

// fieldNamed is one that the table has.
func fieldNamed(fields []kinds.Field, name string) kinds.Field {
	for _, field := range fields {
		if field.Name == name {
			return field
		}
	}
	panic("the table of kinds has no field " + name)
}
