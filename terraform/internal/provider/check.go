package provider

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"weir.example/terraform-provider-weir/internal/kinds"
)

const notValid = "Not valid"

// check says what is wrong with a value by itself, as the API would, before anybody asks it. What is not
// known yet is not wrong yet.

func checkFields(
	fields []kinds.Field, value tftypes.Value, at func(string) path.Path, found *diag.Diagnostics,
) {
	all := members(value)
	for _, field := range fields {
		check(field, all[field.Key()], at(field.Key()), found)
	}
}

func check(field kinds.Field, value tftypes.Value, at path.Path, found *diag.Diagnostics) {
	if !value.IsKnown() || value.IsNull() {
		return // that required ones are there is Terraform's own to check
	}
	refuse := func(problem string) {
		if problem != "" {
			pointTo(at, notValid, at.String()+" "+problem, found)
		}
	}
	switch field.Shape {
	case kinds.Bool:
	case kinds.Integer:
		refuse(checkInteger(field, value))
	case kinds.Labels:
		entries := members(value)
		if field.ItemsMax > 0 && int64(len(entries)) > field.ItemsMax {
			refuse(fmt.Sprintf("must have at most %d entries, not %d", field.ItemsMax, len(entries)))
		}
		for key, entry := range entries {
			if entry.IsNull() {
				pointTo(at, notValid, at.AtMapKey(key).String()+" must not be null", found)
				continue
			}
			check(kinds.Field{Max: field.Max, Secret: field.Secret}, entry, at.AtMapKey(key), found)
		}
	case kinds.Object:
		checkFields(field.Struct.Fields, value, at.AtName, found)
	case kinds.List:
		items := elements(value)
		if count := int64(len(items)); count < field.ItemsMin {
			refuse(fmt.Sprintf("must have at least %d in it", field.ItemsMin))
		} else if field.ItemsMax > 0 && count > field.ItemsMax {
			refuse(fmt.Sprintf("must have at most %d in it, not %d", field.ItemsMax, count))
		}
		for i, item := range items {
			if item.IsNull() {
				pointTo(at, notValid, at.AtListIndex(i).String()+" must not be null", found)
				continue
			}
			check(field.Element(), item, at.AtListIndex(i), found)
		}
	default:
		refuse(checkText(field, textOf(value)))
	}
}

func checkInteger(field kinds.Field, value tftypes.Value) string {
	number := new(big.Float)
	if err := value.As(&number); err != nil {
		return "must be a whole number"
	}
	whole, accuracy := number.Int64()
	switch {
	case accuracy != big.Exact:
		return "must be a whole number, not " + number.Text('g', 12)
	case field.Max == 0 && whole < field.Min:
		return fmt.Sprintf("must be at least %d", field.Min)
	case whole < field.Min || (field.Max != 0 && whole > field.Max):
		return fmt.Sprintf("must be between %d and %d, not %d", field.Min, field.Max, whole)
	}
	return ""
}

func checkText(field kinds.Field, word string) string {
	switch field.Shape {
	case kinds.Word:
		if !slices.Contains(field.Words, word) {
			return fmt.Sprintf("must be one of %s, not %q", strings.Join(field.Words, ", "), word)
		}
	case kinds.Duration:
		duration, good := parseDuration(word)
		if !good {
			return fmt.Sprintf("must be a duration such as 5s, not %q", word)
		}
		if duration < time.Duration(field.Min) || (field.Max > 0 && duration > time.Duration(field.Max)) {
			return fmt.Sprintf("must be between %s and %s, not %s",
				shortDuration(field.Min), shortDuration(field.Max), word)
		}
	case kinds.Time:
		if _, good := parseTime(word); !good {
			return fmt.Sprintf("must be a time such as 2027-01-31T12:00:00Z, not %q", word)
		}
	case kinds.Status:
		if _, _, good := parseStatus(word); !good {
			return fmt.Sprintf("must be a status from 100 to 599 or a range such as 200-299, not %q", word)
		}
	case kinds.JSON:
		if _, good := parseJSON(word); !good {
			return "must be JSON, as jsonencode makes it"
		}
	default:
		if int64(len(word)) < field.Min {
			return "must not be empty"
		}
		if field.Max > 0 && int64(len(word)) > field.Max {
			return fmt.Sprintf("must be at most %d bytes long, not %d", field.Max, len(word))
		}
	}
	return ""
}

// shortDuration writes one without the units that are zero: "1m", not "1m0s".
func shortDuration(nanoseconds int64) string {
	word := time.Duration(nanoseconds).String()
	if strings.HasSuffix(word, "m0s") {
		word = strings.TrimSuffix(word, "0s")
	}
	if strings.HasSuffix(word, "h0m") {
		word = strings.TrimSuffix(word, "0m")
	}
	return word
}

var namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

func checkName(value tftypes.Value, found *diag.Diagnostics) {
	name := textOf(value)
	if value.IsKnown() && name != "" && !namePattern.MatchString(name) {
		found.AddAttributeError(path.Root("name"), notValid,
			fmt.Sprintf("name is made of a-z, 0-9 and -, of Zones and RecordSets also dots; it is %q", name))
	}
}
