package provider

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"strconv"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"weir.example/terraform-provider-weir/internal/kinds"
)

// The same thing can be written in several ways: "60s" and "1m", [] and nothing at all. What the API
// answers, or a configuration says, in other words than the state takes the state's words.

var durationPattern = regexp.MustCompile(`^([0-9]+(h|m|s|ms|us|ns))+$`)

// parseDuration reads one as weir writes it: no signs and no fractions.
func parseDuration(word string) (time.Duration, bool) {
	if !durationPattern.MatchString(word) {
		return 0, false
	}
	duration, err := time.ParseDuration(word)
	return duration, err == nil
}

func parseTime(word string) (time.Time, bool) {
	moment, err := time.Parse(time.RFC3339Nano, word)
	return moment.UTC().Truncate(time.Millisecond), err == nil
}

var statusPattern = regexp.MustCompile(`^([1-5][0-9][0-9])(?:-([1-5][0-9][0-9]))?$`)

// parseStatus reads a status, or a range of them.
func parseStatus(word string) (first, last int, good bool) {
	found := statusPattern.FindStringSubmatch(word)
	if found == nil {
		return 0, 0, false
	}
	first, _ = strconv.Atoi(found[1])
	last = first
	if found[2] != "" {
		last, _ = strconv.Atoi(found[2])
	}
	return first, last, first <= last
}

func parseJSON(word string) (any, bool) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(word)))
	decoder.UseNumber()
	var tree any
	if decoder.Decode(&tree) != nil || decoder.More() {
		return nil, false
	}
	return tree, true
}

func sameText(shape kinds.Shape, a, b string) bool {
	switch shape {
	case kinds.Duration:
		first, good := parseDuration(a)
		second, too := parseDuration(b)
		return good && too && first == second
	case kinds.Time:
		first, good := parseTime(a)
		second, too := parseTime(b)
		return good && too && first.Equal(second)
	case kinds.Status:
		first, last, good := parseStatus(a)
		second, end, too := parseStatus(b)
		return good && too && first == second && last == end
	case kinds.JSON:
		first, good := parseJSON(a)
		second, too := parseJSON(b)
		return good && too && reflect.DeepEqual(first, second)
	}
	return a == b
}

// blank tells whether a value says no more than its absence.
func blank(field kinds.Field, value tftypes.Value) bool {
	if value.IsNull() {
		return true
	}
	switch field.Shape {
	case kinds.Bool, kinds.Integer:
		return false
	case kinds.List:
		return len(elements(value)) == 0
	case kinds.Labels:
		return len(members(value)) == 0
	case kinds.Object:
		if !field.BlankIsAbsent {
			return false
		}
		all := members(value)
		for _, inner := range field.Struct.Fields {
			if !all[inner.Key()].IsKnown() || !blank(inner, all[inner.Key()]) {
				return false
			}
		}
		return true
	}
	return textOf(value) == ""
}

// same tells whether two values mean the same. What is not known means nothing that can be compared.
func same(field kinds.Field, a, b tftypes.Value) bool {
	if !a.IsKnown() || !b.IsKnown() {
		return false
	}
	if a.IsNull() || b.IsNull() {
		return blank(field, a) && blank(field, b)
	}
	switch field.Shape {
	case kinds.Bool, kinds.Integer:
		return a.Equal(b)
	case kinds.Labels:
		return a.Equal(b)
	case kinds.Object:
		first, second := members(a), members(b)
		for _, inner := range field.Struct.Fields {
			if !same(inner, first[inner.Key()], second[inner.Key()]) {
				return false
			}
		}
		return true
	case kinds.List:
		first, second := elements(a), elements(b)
		if len(first) != len(second) {
			return false
		}
		for i := range first {
			if !same(field.Element(), first[i], second[i]) {
				return false
			}
		}
		return true
	}
	return textOf(a) == textOf(b) || sameText(field.Shape, textOf(a), textOf(b))
}

// reworded says a value in the words of another one, wherever they mean the same. A plan keeps to the words
// of its configuration where there is nothing on one of the sides, since Terraform insists on them.
func reworded(field kinds.Field, value, words tftypes.Value, planning bool) tftypes.Value {
	if !value.IsKnown() || !words.IsKnown() {
		return value
	}
	if value.IsNull() || words.IsNull() {
		if !planning && same(field, value, words) {
			return words
		}
		return value
	}
	switch {
	case field.Shape == kinds.Object:
		return rewordedFields(field.Struct.Fields, value, words, planning)
	case field.Shape == kinds.List && field.Of == kinds.Object:
		values, others := elements(value), elements(words)
		for i := 0; i < min(len(values), len(others)); i++ {
			values[i] = reworded(field.Element(), values[i], others[i], planning)
		}
		return tftypes.NewValue(typeOf(field), values)
	case same(field, value, words):
		return words
	}
	return value
}

func rewordedFields(fields []kinds.Field, value, words tftypes.Value, planning bool) tftypes.Value {
	values, others := members(value), members(words)
	for _, field := range fields {
		values[field.Key()] = reworded(field, values[field.Key()], others[field.Key()], planning)
	}
	return tftypes.NewValue(objectType(fields), values)
}
