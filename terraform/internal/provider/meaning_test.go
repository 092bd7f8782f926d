package provider

import (
	"testing"

	"weir.example/terraform-provider-weir/internal/kinds"
)

func TestTheSameInOtherWords(t *testing.T) {
	for _, test := range []struct {
		shape kinds.Shape
		a, b  string
		same  bool
	}{
		{kinds.Text, "a", "a", true},
		{kinds.Text, "60s", "1m", false},
		{kinds.Duration, "60s", "1m", true},
		{kinds.Duration, "1m30s", "90000ms", true},
		{kinds.Duration, "60s", "61s", false},
		{kinds.Duration, "1.5s", "1s500ms", false}, // which weir does not read
		{kinds.Duration, "99999999h", "99999999h0s", false},
		{kinds.Time, "2030-01-01T00:00:00+01:00", "2029-12-31T23:00:00.000Z", true},
		{kinds.Time, "2030-01-01T00:00:00.0001Z", "2030-01-01T00:00:00Z", true},
		{kinds.Time, "2030-01-01T00:00:01Z", "2030-01-01T00:00:00Z", false},
		{kinds.Time, "today", "2030-01-01T00:00:00Z", false},
		{kinds.Status, "204", "204-204", true},
		{kinds.Status, "200-204", "200-205", false},
		{kinds.Status, "204-200", "204-200 ", false},
		{kinds.JSON, `{"a": 1, "b": [2]}`, `{"b":[2],"a":1}`, true},
		{kinds.JSON, `{"a": 1}`, `{"a": "1"}`, false},
		{kinds.JSON, `{} {}`, `{}`, false},
	} {
		field := kinds.Field{Shape: test.shape}
		if same(field, text(test.a), text(test.b)) != test.same || same(field, text(test.b), text(test.a)) != test.same {
			t.Errorf("%q and %q are the same: %v", test.a, test.b, !test.same)
		}
	}
}

// Fields as a kind would have them.
var (
	innerFields = []kinds.Field{
		{Name: "keepalive", Shape: kinds.Duration},
		{Name: "number", Shape: kinds.Integer, Default: "7"},
	}
	sampleFields = []kinds.Field{
		{Name: "word", Shape: kinds.Text},
		{Name: "wait", Shape: kinds.Duration, Default: `"1m"`},
		{Name: "list", Shape: kinds.List, Of: kinds.Text},
		{Name: "waits", Shape: kinds.List, Of: kinds.Duration},
		{Name: "labels", Shape: kinds.Labels},
		{Name: "tcp", Shape: kinds.Object, BlankIsAbsent: true,
			Struct: &kinds.Struct{Fields: []kinds.Field{{Name: "keepalive", Shape: kinds.Duration}}}},
		{Name: "tls", Shape: kinds.Object, Struct: &kinds.Struct{Fields: innerFields}},
		{Name: "items", Shape: kinds.List, Of: kinds.Object, Struct: &kinds.Struct{Fields: innerFields}},
	}
)

func TestValuesTakeTheWordsOfTheState(t *testing.T) {
	for _, test := range []struct{ name, value, words, read, planned string }{
		{"a duration", `{"wait": "1m"}`, `{"wait": "60s"}`, `{"wait": "60s"}`, `{"wait": "60s"}`},
		{"another duration", `{"wait": "2m"}`, `{"wait": "60s"}`, `{"wait": "2m"}`, `{"wait": "2m"}`},
		{"nothing", `{}`, `{"word": "", "list": [], "labels": {}, "tcp": {}}`,
			`{"word": "", "list": [], "labels": {}, "tcp": {}}`, `{}`},
		{"as good as nothing", `{"word": "", "list": [], "labels": {}, "tcp": {}}`, `{}`,
			`{}`, `{"word": "", "list": [], "labels": {}, "tcp": {}}`},
		{"an object that says something by being there", `{}`, `{"tls": {}}`, `{}`, `{}`},
		{"within an object", `{"tls": {"keepalive": "90s", "number": 1}}`, `{"tls": {"keepalive": "1m30s"}}`,
			`{"tls": {"keepalive": "1m30s", "number": 1}}`, `{"tls": {"keepalive": "1m30s", "number": 1}}`},
		{"within a longer list", `{"items": [{"keepalive": "60s"}, {"keepalive": "61s"}]}`,
			`{"items": [{"keepalive": "1m"}]}`,
			`{"items": [{"keepalive": "1m"}, {"keepalive": "61s"}]}`,
			`{"items": [{"keepalive": "1m"}, {"keepalive": "61s"}]}`},
		// Terraform takes a list of texts as one.
		{"a list of texts", `{"waits": ["60s", "2m"]}`, `{"waits": ["1m", "3m"]}`, `{"waits": ["60s", "2m"]}`,
			`{"waits": ["60s", "2m"]}`},
		{"an equal list of texts", `{"waits": ["60s"]}`, `{"waits": ["1m"]}`, `{"waits": ["1m"]}`, `{"waits": ["1m"]}`},
		{"the order of the user", `{"list": ["b", "a"]}`, `{"list": ["a", "b"]}`, `{"list": ["b", "a"]}`,
			`{"list": ["b", "a"]}`},
		{"what is not known", `{"wait": "?", "tls": "?", "list": ["?"]}`, `{"wait": "60s", "tls": {}, "list": ["a"]}`,
			`{"wait": "?", "tls": "?", "list": ["?"]}`, `{"wait": "?", "tls": "?", "list": ["?"]}`},
	} {
		value, words := build(t, sampleFields, test.value), build(t, sampleFields, test.words)
		for planning, wanted := range map[bool]string{false: test.read, true: test.planned} {
			got := rewordedFields(sampleFields, value, words, planning)
			if !got.Equal(build(t, sampleFields, wanted)) {
				t.Errorf("%s (planning: %v): %v, not %s", test.name, planning, got, wanted)
			}
		}
	}
}

func TestDefaultsAreFilledIn(t *testing.T) {
	value := build(t, sampleFields, `{"tls": {"keepalive": "1s"}, "items": [{}, {"number": 8}], "waits": "?"}`)
	completed, err := completeFields(sampleFields, value)
	if err != nil {
		t.Fatal(err)
	}
	wanted := build(t, sampleFields, `{"wait": "1m", "tls": {"keepalive": "1s", "number": 7},
		"items": [{"number": 7}, {"number": 8}], "waits": "?"}`)
	if !completed.Equal(wanted) {
		t.Errorf("%v", completed)
	}
	bad := []kinds.Field{{Name: "a", Shape: kinds.Integer, Default: `{`}}
	if _, err := completeFields(bad, build(t, bad, `{}`)); err == nil {
		t.Error("a default that is no JSON was read")
	}
}

func TestWhatIsSentIsWhatIsRead(t *testing.T) {
	const written = `{"word": "a", "wait": "1m", "list": ["b"], "labels": {"c": "d"}, "tls": {"number": 7},
		"items": [{"keepalive": "1s", "number": 8}]}`
	value := build(t, sampleFields, written)
	sent := encodeFields(sampleFields, value)
	if len(sent) != 6 || len(sent["tls"].(map[string]any)) != 1 {
		t.Errorf("%v", sent)
	}
	if number := sent["items"].([]any)[0].(map[string]any)["number"]; number != int64(8) {
		t.Errorf("%v", number)
	}
	for _, wrong := range []map[string]any{
		{"word": 1}, {"wait": true}, {"list": "a"}, {"list": []any{1}}, {"labels": []any{}}, {"tls": []any{}},
		{"labels": map[string]any{"a": 1}}, {"tls": map[string]any{"number": "1"}}, {"items": []any{1}},
	} {
		if _, err := decodeFields(sampleFields, wrong); err == nil {
			t.Errorf("%v was understood", wrong)
		}
	}
}
