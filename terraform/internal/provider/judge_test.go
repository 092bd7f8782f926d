package provider

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const balancer = `{"name": "web", "listeners": [{"protocol": "HTTP"}],
	"routes": [{"backends": [{"service": "web"}]}]}`

func violation(object, field, message string) map[string]any {
	return map[string]any{"object": object, "field": field, "message": message}
}

func TestObjectsAreJudgedWithThoseBefore(t *testing.T) {
	r := newRig(t)
	first, second := kindNamed(t, "Service"), kindNamed(t, "LoadBalancer")
	r.plan(first, r.begin(first), service)
	r.plan(second, r.begin(second), balancer)
	r.plan(second, r.begin(second), balancer) // again: it is judged once with the others
	if len(r.fake.judged) != 3 {
		t.Fatalf("%d questions", len(r.fake.judged))
	}
	for i, wanted := range []int{1, 2, 2} {
		if got := strings.Count(r.fake.judged[i], `"kind"`); got != wanted {
			t.Errorf("question %d has %d objects: %s", i, got, r.fake.judged[i])
		}
	}
}

func TestWhatTheAPIWouldSay(t *testing.T) {
	noService := violation("LoadBalancer/web", "spec.routes[0].backends[0].service", `there is no Service "web"`)
	for _, test := range []struct {
		name    string
		status  int
		said    map[string]any
		before  string // a Service that is planned before
		wanted  []string
		without string
	}{
		{"wrong in itself", 422, problem("invalid", "", noService), "",
			[]string{"ERROR LoadBalancer/web would be refused", `routes[0].backends[0].service: there is no Service "web"`}, "WARNING"},
		{"names what is not known yet", 422, problem("invalid", "", noService),
			`{"name": "web", "endpoints": [{"address": "?"}]}`, nil, "there is no"},
		{"does not fit others", 422,
			problem("invalid", "", violation("LoadBalancer/old", "spec.listeners[0]", "has the same hostname")), "",
			[]string{"WARNING LoadBalancer/web does not fit others as they are now", "LoadBalancer/old: spec.listeners[0]"}, "ERROR"},
		{"is about the whole document", 422, problem("invalid", "", violation("", "", "is too large")), "",
			[]string{"ERROR LoadBalancer/web would be refused: is too large"}, ""},
		{"no good token", 401, problem("unauthorized", "no token"), "", []string{"ERROR The API refuses the provider's token"}, ""},
		{"a state that forbids it", 409, problem("rollout-under-way", "LoadBalancer/web is under way"), "",
			[]string{"ERROR LoadBalancer/web would be refused: LoadBalancer/web is under way"}, ""},
		{"about something else", 413, problem("too-large", "the content is too long"), "",
			[]string{"WARNING The API could not judge LoadBalancer/web"}, "ERROR"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			before, kind := kindNamed(t, "Service"), kindNamed(t, "LoadBalancer")
			if test.before != "" {
				r.plan(before, r.begin(before), test.before)
			}
			r.fake.refuse = func(_, path, content string) (int, any) {
				if path == "/v1/apply" && strings.Contains(content, `"LoadBalancer"`) {
					return test.status, test.said
				}
				return 0, nil
			}
			s := r.begin(kind)
			r.plan(kind, s, balancer)
			for _, words := range test.wanted {
				if !strings.Contains(s.problems(), words) {
					t.Errorf("%q is not in %q", words, s.problems())
				}
			}
			if test.without != "" && strings.Contains(s.problems(), test.without) {
				t.Errorf("%q is in %q", test.without, s.problems())
			}
		})
	}
}

func TestWritesThatAreRefusedSayWhere(t *testing.T) {
	r, kind := newRig(t), kindNamed(t, "RecordSet")
	s := r.begin(kind)
	const config = `{"name": "www.a", "zone": "a", "type": "A", "record_name": "WW W", "labels": {"a.b": "c"}}`
	r.plan(kind, s, config)
	r.fake.refuse = func(string, string, string) (int, any) {
		return 422, problem("invalid", "3 things are wrong", violation("", "spec.name", "is no name"),
			violation("", "metadata.labels.a.b", "as a key is bad"), violation("", "elsewhere[0].x", "is bad"))
	}
	r.apply(kind, s, config)
	for _, words := range []string{"record_name: is no name", `labels["a.b"]: as a key is bad`, "elsewhere[0].x: is bad"} {
		if !strings.Contains(s.problems(), words) {
			t.Errorf("%q is not in %q", words, s.problems())
		}
	}
	if s.found[0].Attribute.String() != `AttributeName("record_name")` || s.found[2].Attribute != nil {
		t.Errorf("at %v and %v", s.found[0].Attribute, s.found[2].Attribute)
	}
}

func TestNothingIsAskedOfWhatIsNotKnownYet(t *testing.T) {
	unknown := tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	r := &rig{t: t, fake: &fakeAPI{}}
	r.server = configured(t, map[string]tftypes.Value{"address": unknown})
	kind := kindNamed(t, "Service")
	s := r.begin(kind)
	r.plan(kind, s, service)
	if len(s.found) > 0 {
		t.Error(s.problems())
	}
	r.apply(kind, s, service)
	if !strings.Contains(s.problems(), "not known yet") {
		t.Error(s.problems())
	}
}

func TestSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("weir_file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		given   map[string]tftypes.Value
		problem string
	}{
		{map[string]tftypes.Value{"address": text("weir.example")}, "is no address of an API"},
		{map[string]tftypes.Value{"token": text("a"), "token_file": text(file)}, "Both token and token_file"},
		{map[string]tftypes.Value{"token_file": text(file + "x")}, "The token can't be read"},
		{map[string]tftypes.Value{"ca_file": text(file)}, "holds no certificate"},
		{map[string]tftypes.Value{"address": text("http://192.0.2.1:1"), "token": text("a")}, "crosses a network in the clear"},
		{map[string]tftypes.Value{"address": text("https://192.0.2.1:1"), "token_file": text(file)}, ""},
		{nil, ""},
	} {
		_, response := configure(t, test.given)
		said := (&step{found: response.Diagnostics}).problems()
		if !strings.Contains(said, test.problem) || (test.problem == "" && said != "") {
			t.Errorf("%v: %q, not %q", test.given, said, test.problem)
		}
	}
}

func TestSettingsOfTheEnvironment(t *testing.T) {
	fake, address := newFakeAPI(t)
	t.Setenv("WEIR_API", address)
	t.Setenv("WEIR_TOKEN", "weir_x")
	t.Setenv("WEIR_CA", "/no/such/file")
	_, response := configure(t, nil)
	if said := (&step{found: response.Diagnostics}).problems(); !strings.Contains(said, "/no/such/file") {
		t.Error(said)
	}
	t.Setenv("WEIR_CA", "")
	r := &rig{t: t, fake: fake, server: configured(t, nil)}
	r.made(kindNamed(t, "Service"), r.begin(kindNamed(t, "Service")), service)
	if len(fake.objects) != 1 {
		t.Error("it went elsewhere")
	}
}
