package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestTableIsOfTheDescriptionAsItIs(t *testing.T) {
	openapi, err := os.ReadFile("../../../docs/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := generate(openapi)
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("../kinds/table.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(table, wanted) {
		t.Error("internal/kinds/table.go is stale: go -C terraform generate ./...")
	}
}

// A description of one kind with one field.
func oneField(field string) string {
	return `{"paths": {"/v1/things/{name}": {"get": {"tags": ["Thing"]}, "put": {}}},
		"components": {"schemas": {
			"Thing": {"description": "a thing", "properties": {"spec": {"$ref": "#/components/schemas/ThingSpec"}}},
			"ThingSpec": {"required": ["a"], "properties": {"a": ` + field + `}}}}}`
}

func TestFieldsOfEachShape(t *testing.T) {
	for _, test := range []struct{ field, line string }{
		{`{"type": "boolean", "default": false}`, "Shape: Bool, Default: `false`, Required: true"},
		{`{"type": "integer", "minimum": 1, "maximum": 9}`, "Shape: Integer, Min: 1, Max: 9"},
		{`{"type": "string", "maxLength": 63, "writeOnly": true}`, "Shape: Text, Max: 63, Required: true, Secret: true"},
		{`{"type": "string", "enum": ["A", "B"]}`, `Shape: Word, Words: []string{"A", "B"}`},
		{`{"type": "string", "format": "date-time", "readOnly": true}`, "Shape: Time, Required: true, ServerSet: true"},
		{`{"type": "string", "pattern": "^([0-9]+(h|m|s|ms|us|ns))+$", "examples": ["0s", "1m30s"]}`,
			"Shape: Duration, Max: 90000000000"},
		{`{"type": "array", "maxItems": 4, "minItems": 1, "items": {"type": "string", "minLength": 1}}`,
			"Shape: List, Of: Text, ItemsMax: 4, ItemsMin: 1, Min: 1"},
		{`{"oneOf": [{"type": "integer"}, {"type": "string"}]}`, "Shape: Status"},
		{`{"type": "object", "additionalProperties": true}`, "Shape: JSON"},
		{`{"type": "object", "maxProperties": 5, "additionalProperties": {"type": "string", "maxLength": 7}}`,
			"Shape: Labels, ItemsMax: 5, Max: 7"},
	} {
		table, err := generate([]byte(oneField(test.field)))
		if err != nil {
			t.Errorf("%s: %v", test.field, err)
		} else if !strings.Contains(string(table), test.line) {
			t.Errorf("%s: %q is not in\n%s", test.field, test.line, table)
		}
	}
}

func TestWhatTheProviderDoesNotKnowStopsTheBuild(t *testing.T) {
	for field, problem := range map[string]string{
		`{"type": "number"}`:                           "has a type that the provider does not know",
		`{"type": "string", "format": "uri"}`:          "has a type that the provider does not know",
		`{"type": "array"}`:                            "is a list of nothing",
		`{"$ref": "#/components/schemas/Nothing"}`:     "there is no schema Nothing",
		`{"type": "string", "pattern": "(h|m|s|ms)+"}`: "not the shortest and the longest",
	} {
		_, err := generate([]byte(oneField(field)))
		if err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v, not %q", field, err, problem)
		}
	}
	for text, problem := range map[string]string{
		`nothing`: "invalid character",
		`{"paths": {"/v1/things/{name}": {"get": {"tags": []}}}}`:        "not that of its kind",
		`{"paths": {"/v1/things/{name}": {"get": {"tags": ["Thing"]}}}}`: "there is no schema Thing",
	} {
		if _, err := generate([]byte(text)); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v, not %q", text, err, problem)
		}
	}
}
