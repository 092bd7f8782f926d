package provider

import (
	"net/http"
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
func pathOf(fields resourceFields, field string) (at path.Path, found bool) {
	steps := strings.Split(field, ".")
	var known []kinds.Field
	switch steps[0] {
	case "metadata":
		known = fields.metadata
	case "spec":
		known = append(append(known, fields.spec...), fields.secrets...)
	}
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

// pointTo adds what is wrong somewhere within an attribute. Terraform finds the lines of whole attributes
// only, so that is what it is told; the text has the rest.
func pointTo(at path.Path, summary, text string, found *diag.Diagnostics) {
	steps := at.Steps()
	if len(steps) == 0 {
		found.AddError(summary, text)
		return
	}
	found.AddAttributeError(path.Root(steps[0].String()), summary, text)
}

// tell adds a refusal: one error for each thing that is wrong, where it is.
func tell(fields resourceFields, summary string, problem *api.Problem, own string, found *diag.Diagnostics) {
	if len(problem.Violations) == 0 {
		found.AddError(summary, problem.Error())
		return
	}
	for _, violation := range problem.Violations {
		at, known := path.Empty(), false
		text := violation.String()
		if violation.Object == "" || violation.Object == own {
			if at, known = pathOf(fields, violation.Field); known {
				text = at.String() + ": " + violation.Message
			}
		}
		if problem.Status == http.StatusConflict {
			text = problem.Detail + ": " + text
		}
		pointTo(at, summary, text, found)
	}
}
