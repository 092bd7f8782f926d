package provider

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"weir.example/terraform-provider-weir/internal/api"
	"weir.example/terraform-provider-weir/internal/kinds"
)

// pathOf says where in a configuration a field of the API is: "spec.listeners[0].port" is listeners[0].port.
// Of what the configuration does not have, the last part of the way that it does; false: none of it.
func pathOf(fields resourceFields, field string) (path.Path, bool) {
	steps := strings.Split(field, ".")
	var known []kinds.Field
	switch steps[0] {
	case "metadata":
		known = fields.metadata
	case "spec":
		known = append(append(known, fields.spec...), fields.secrets...)
	}
	at, found := path.Empty(), false
	for i, step := range steps[1:] {
		name, indices := indicesOf(step)
		position := -1
		for j := range known {
			if known[j].Name == name {
				position = j
			}
		}
		if position < 0 {
			break
		}
		one := known[position]
		at, found = at.AtName(one.Key()), true
		for _, index := range indices {
			at = at.AtListIndex(index)
		}
		if one.Shape == kinds.Labels && i+2 < len(steps) {
			return at.AtMapKey(strings.Join(steps[i+2:], ".")), true // a key may have dots
		}
		if one.Struct == nil {
			break
		}
		known = one.Struct.Fields
	}
	return at, found
}

var indexPattern = regexp.MustCompile(`\[(\d+)\]`)

func indicesOf(step string) (string, []int) {
	var indices []int
	for _, found := range indexPattern.FindAllStringSubmatch(step, -1) {
		if index, err := strconv.Atoi(found[1]); err == nil {
			indices = append(indices, index)
		}
	}
	name, _, _ := strings.Cut(step, "[")
	return name, indices
}

// tell adds a refusal: one error for each thing that is wrong, where it is.
func tell(fields resourceFields, summary string, problem *api.Problem, own string, found *diag.Diagnostics) {
	if len(problem.Violations) == 0 {
		found.AddError(summary, problem.Error())
		return
	}
	for _, violation := range problem.Violations {
		at, known := pathOf(fields, violation.Field)
		if violation.Object != "" && violation.Object != own {
			known = false
		}
		text := violation.String()
		if violation.Object == own || violation.Object == "" {
			text = strings.TrimPrefix(violation.Field+": "+violation.Message, ": ")
		}
		if problem.Status == 409 {
			text = problem.Detail + ": " + text
		}
		if known {
			found.AddAttributeError(at, summary, text)
		} else {
			found.AddError(summary, text)
		}
	}
}
