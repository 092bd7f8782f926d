package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func TestSchemasAreSound(t *testing.T) {
	r := newRig(t)
	response, err := r.server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil || len(response.Diagnostics) > 0 {
		t.Fatal(err, response.Diagnostics)
	}
	for name, schema := range response.ResourceSchemas {
		for _, attribute := range schema.Block.Attributes {
			if attribute.Name == "password" && (!attribute.Sensitive || !attribute.WriteOnly) {
				t.Errorf("%s.password is in the state", name)
			}
		}
	}
	if len(response.ResourceSchemas) == 0 || len(response.DataSourceSchemas) <= len(response.ResourceSchemas) {
		t.Errorf("%d resources, %d data sources", len(response.ResourceSchemas), len(response.DataSourceSchemas))
	}
}

const service = `{"name": "web", "endpoints": [{"address": "127.0.0.1:1"}], "request_timeout": "60s", "tcp": {}}`

func TestAResourceFromItsFirstPlanToItsEnd(t *testing.T) {
	r, kind := newRig(t), kindNamed(t, "Service")
	s := r.begin(kind)
	r.made(kind, s, service)
	if got := textOf(members(s.state)["request_timeout"]); got != "60s" {
		t.Errorf("request_timeout %q", got)
	}
	if weight := members(elements(members(s.state)["endpoints"])[0])["weight"]; integerOf(weight) != 1 {
		t.Errorf("weight %v", weight)
	}
	sent := r.fake.objects["/v1/services/web"]["spec"].(map[string]any)
	sent["request_timeout"] = "1m" // as the server says it
	delete(sent, "tcp")
	r.read(kind, s)
	r.plan(kind, s, service)
	if !s.planned.Equal(s.state) {
		t.Errorf("a plan is not empty:\n%v\n%v", s.state, s.planned)
	}
	r.made(kind, s, strings.Replace(service, "127.0.0.1:1", "127.0.0.1:2", 1))
	if last := r.fake.requests[len(r.fake.requests)-1]; last != `PUT /v1/services/web "1"` {
		t.Errorf("the last request is %q", last)
	}
	if got := integerOf(members(s.state)["revision"]); got != 2 {
		t.Errorf("revision %d", got)
	}
	r.plan(kind, s, "")
	r.apply(kind, s, "")
	if len(s.found) > 0 || !s.state.IsNull() || len(r.fake.objects) > 0 {
		t.Errorf("deleted: %s, %v", s.problems(), r.fake.objects)
	}
	// Again, when it is gone already.
	s.state = s.planned
	r.apply(kind, s, "")
	if len(s.found) > 0 {
		t.Error(s.problems())
	}
}

func TestWhatIsGoneLeavesTheState(t *testing.T) {
	r, kind := newRig(t), kindNamed(t, "Service")
	s := r.begin(kind)
	r.made(kind, s, service)
	clear(r.fake.objects)
	r.read(kind, s)
	if len(s.found) > 0 || !s.state.IsNull() {
		t.Errorf("%s %v", s.problems(), s.state)
	}
}

func TestAnotherNameIsAnotherObject(t *testing.T) {
	r, kind := newRig(t), kindNamed(t, "Service")
	s := r.begin(kind)
	r.made(kind, s, service)
	judged := len(r.fake.judged)
	r.plan(kind, s, strings.Replace(service, "web", "shop", 1))
	if !s.replace || members(s.planned)["uid"].IsKnown() {
		t.Errorf("replaced: %v, %v", s.replace, members(s.planned)["uid"])
	}
	if len(r.fake.judged) != judged {
		t.Error("one that takes another's place was judged while that is there")
	}
}

func TestConflicts(t *testing.T) {
	r, kind := newRig(t), kindNamed(t, "Token")
	s := r.begin(kind)
	r.made(kind, s, `{"name": "ci"}`)
	if secret := textOf(members(s.state)["secret"]); secret != "weir_told" {
		t.Errorf("secret %q", secret)
	}
	const changed = `{"name": "ci", "description": "other"}`

	// The server alone has moved it on.
	metadata := r.fake.objects["/v1/tokens/ci"]["metadata"].(map[string]any)
	metadata["revision"] = 7
	r.plan(kind, s, changed)
	r.apply(kind, s, changed)
	if len(s.found) > 0 {
		t.Fatal(s.problems())
	}
	if secret := textOf(members(s.state)["secret"]); secret != "weir_told" {
		t.Errorf("secret %q", secret)
	}

	// Somebody has changed it.
	object := r.fake.objects["/v1/tokens/ci"]
	object["metadata"].(map[string]any)["revision"] = 9
	object["spec"].(map[string]any)["role"] = "admin"
	r.plan(kind, s, `{"name": "ci"}`)
	r.apply(kind, s, `{"name": "ci"}`)
	if said := s.problems(); !strings.Contains(said, "Token/ci can't be changed") || !strings.Contains(said, "Plan again") {
		t.Errorf("%q", said)
	}

	// It never stands still.
	object["spec"].(map[string]any)["role"] = "viewer"
	puts := 0
	r.fake.refuse = func(method, _, _ string) (int, any) {
		if method == "PUT" {
			puts++
			return 412, problem("revision-mismatch", "it moved")
		}
		return 0, nil
	}
	r.apply(kind, s, `{"name": "ci"}`)
	if !strings.Contains(s.problems(), "it moved") || puts != conflictsMax+1 {
		t.Errorf("%d attempts, %q", puts, s.problems())
	}
}

func TestWhatIsThereAlreadyIsNotTakenOver(t *testing.T) {
	r, kind := newRig(t), kindNamed(t, "Service")
	r.made(kind, r.begin(kind), service)
	s := r.begin(kind)
	r.plan(kind, s, service)
	r.apply(kind, s, service)
	if !strings.Contains(s.problems(), "tofu import weir_service.NAME web") {
		t.Error(s.problems())
	}
}

func TestSecretsAreWrittenWhenTheyChange(t *testing.T) {
	r, kind := newRig(t), kindNamed(t, "Secret")
	s := r.begin(kind)
	contents := []string{}
	r.fake.refuse = func(method, path, content string) (int, any) {
		if method != "GET" && path != "/v1/apply" {
			contents = append(contents, content)
		}
		return 0, nil
	}
	const first, second = `{"name": "door", "values": {"a": "one"}}`, `{"name": "door", "values": {"a": "two"}}`
	const labelled = `{"name": "door", "values": {"a": "two"}, "labels": {"b": "c"}}`
	r.made(kind, s, first)
	r.plan(kind, s, first)
	if !s.planned.Equal(s.state) {
		t.Errorf("a plan is not empty:\n%v\n%v", s.state, s.planned)
	}
	r.made(kind, s, second)
	r.made(kind, s, labelled)
	r.made(kind, s, `{"name": "door", "labels": {"b": "d"}}`) // as before
	r.made(kind, s, strings.Replace(labelled, `"c"`, `"d"`, 1))
	if strings.Contains(s.state.String()+string(s.private), "two") {
		t.Errorf("it is in the state: %v %s", s.state, s.private)
	}
	for i, wanted := range []bool{true, true, false, false, false} {
		if strings.Contains(contents[i], `"values"`) != wanted {
			t.Errorf("request %d: %s", i, contents[i])
		}
	}
	if len(contents) != 5 {
		t.Errorf("%d writes", len(contents))
	}
	// One that is not known yet may be another.
	r.plan(kind, s, `{"name": "door", "values": {"a": "?"}, "labels": {"b": "d"}}`)

	if members(s.planned)["revision"].IsKnown() {
		t.Error("a secret that is not known yet is taken for the same")
	}
	s.private = []byte(`{"secrets": "W10="}`)
	r.plan(kind, s, strings.Replace(labelled, `"c"`, `"d"`, 1))
	if members(s.planned)["revision"].IsKnown() {
		t.Error("a secret without a hash is taken for the same")
	}
}

func TestImportReadsByName(t *testing.T) {
	r, kind := newRig(t), kindNamed(t, "Service")
	r.made(kind, r.begin(kind), service)
	s := r.begin(kind)
	response, err := r.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{
		TypeName: "weir_service", ID: "web",
	})
	if err != nil || len(response.Diagnostics) > 0 {
		t.Fatal(err, response.Diagnostics)
	}
	if s.state, err = response.ImportedResources[0].State.Unmarshal(s.kind); err != nil {
		t.Fatal(err)
	}
	r.read(kind, s)
	if got := textOf(members(s.state)["request_timeout"]); len(s.found) > 0 || got != "60s" {
		t.Errorf("%q %s", got, s.problems())
	}
	response, err = r.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{
		TypeName: "weir_service", ID: "no/name",
	})
	if err != nil || len(response.Diagnostics) == 0 {
		t.Error("what is no name was imported")
	}
}

func TestConfigurationsThatAreWrong(t *testing.T) {
	for _, test := range []struct{ kind, config, problem string }{
		{"Service", `{"name": "Web"}`, `it is "Web"`},
		{"Service", `{"name": "web", "protocol": "FTP"}`, `protocol must be one of HTTP, HTTP2, TCP, not "FTP"`},
		{"Service", `{"name": "web", "panic_percent": 101}`, "panic_percent must be between 0 and 100, not 101"},
		{"Service", `{"name": "web", "connect_timeout": "5"}`, "connect_timeout must be a duration such as 5s"},
		{"Service", `{"name": "web", "connect_timeout": "1ms"}`, "must be between 10ms and 1m, not 1ms"},
		{"Service", `{"name": "web", "endpoints": [{"address": "a:1", "zone": "` + strings.Repeat("z", 64) + `"}]}`,
			"endpoints[0].zone must be at most 63 bytes long, not 64"},
		{"Service", `{"name": "web", "endpoints": [null]}`, "endpoints[0] must not be null"},
		{"Service", `{"name": "web", "health_check": {"http": {"expected_statuses": ["99"]}}}`,
			"health_check.http.expected_statuses[0] must be a status"},
		{"Service", `{"name": "web", "health_check": {"http": {"expected_statuses": []}}}`, "must have at least 1"},
		{"Service", `{"name": "web", "labels": {"a": null}}`, `labels["a"] must not be null`},
		{"Service", `{"name": "web", "labels": {"a": "` + strings.Repeat("z", 257) + `"}}`, `labels["a"] must be at most`},
		{"Token", `{"name": "ci", "expires_at": "tomorrow"}`, "expires_at must be a time"},
		{"Rollout", `{"name": "r", "changes": "[}"}`, "changes must be JSON"},
		{"LoadBalancer", `{"name": "a", "listeners": [], "routes": []}`, "listeners must have at least 1"},
		{"RecordSet", `{"name": "a", "zone": "", "type": "A"}`, "zone must not be empty"},
	} {
		r, kind := newRig(t), kindNamed(t, test.kind)
		s := r.begin(kind)
		decoded := test.config
		if strings.Contains(decoded, `"changes"`) {
			decoded = strings.Replace(decoded, `"[}"`, `"?"`, 1)
		}
		value := build(t, s.fields, decoded)
		if decoded != test.config {
			all := members(value)
			all["changes"] = text("[}")
			value = tftypes.NewValue(s.kind, all)
		}
		response, err := r.server.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{
			TypeName: "weir_" + kind.TypeName(), Config: pack(t, s.kind, value),
			ClientCapabilities: &tfprotov6.ValidateResourceConfigClientCapabilities{WriteOnlyAttributesAllowed: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.found = response.Diagnostics
		if !strings.Contains(s.problems(), test.problem) {
			t.Errorf("%s: %q, not %q", test.config, s.problems(), test.problem)
		}
		if len(s.found) > 0 && s.found[0].Attribute == nil {
			t.Errorf("%s: nowhere", test.config)
		}
	}
}

func TestPortsAreKeptAsTheServerKeepsThem(t *testing.T) {
	kind := kindNamed(t, "LoadBalancer")
	fields := fieldsOfResource(kind).all()
	config := func(listeners string) string {
		return fmt.Sprintf(`{"name": "a", "listeners": [%s], "routes": []}`, listeners)
	}
	const old = `{"protocol": "TCP", "port": 20000}, {"protocol": "TCP", "port": 20001},
		{"protocol": "TLS", "hostnames": ["a.b"], "port": 20002}`
	for _, test := range []struct {
		listeners string
		ports     []int64 // -1: not known, 0: null
	}{
		{`{"protocol": "TCP"}, {"protocol": "TCP"}`, []int64{20000, 20001}},
		{`{"protocol": "TCP"}, {"protocol": "TCP", "port": 20000}`, []int64{20001, 20000}},
		{`{"protocol": "TCP"}, {"protocol": "TCP"}, {"protocol": "TCP"}`, []int64{20000, 20001, -1}},
		{`{"protocol": "TLS"}, {"protocol": "TLS", "hostnames": ["a.b"]}`, []int64{-1, 20002}},
		{`{"protocol": "HTTP"}, {"protocol": "HTTPS"}, {"protocol": "TCP", "hostnames": []}`, []int64{0, 0, 20000}},
		{`{"protocol": "?"}, {"protocol": "TCP", "hostnames": ["?"]}`, []int64{-1, -1}},
	} {
		planned := members(build(t, fields, config(test.listeners)))
		planPorts(kind, planned, members(build(t, fields, config(old))))
		for i, listener := range elements(planned["listeners"]) {
			port := members(listener)["port"]
			got := int64(-1)
			if port.IsKnown() {
				got = integerOf(port)
			}
			if got != test.ports[i] {
				t.Errorf("%s: listener %d has port %d, not %d", test.listeners, i, got, test.ports[i])
			}
		}
	}
	all := members(build(t, fields, `{"name": "a", "listeners": "?", "routes": []}`))
	planPorts(kind, all, nil)
	if all["listeners"].IsKnown() {
		t.Error("listeners that are not known are known")
	}
}

func TestDataSources(t *testing.T) {
	r, kind := newRig(t), kindNamed(t, "Service")
	r.made(kind, r.begin(kind), service)
	r.fake.objects["/v1/services/web"]["status"] = map[string]any{"total": 1, "applied": "1/1"}
	fields := fieldsOfData(kind).all()
	read := func(name string) (map[string]tftypes.Value, string) {
		response, err := r.server.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{
			TypeName: "weir_service", Config: pack(t, objectType(fields), build(t, fields, `{"name": "`+name+`"}`)),
		})
		if err != nil {
			t.Fatal(err)
		}
		state, err := response.State.Unmarshal(objectType(fields))
		if err != nil {
			t.Fatal(err)
		}
		return members(state), (&step{found: response.Diagnostics}).problems()
	}
	values, problems := read("web")
	if problems != "" || integerOf(members(values["status"])["total"]) != 1 || textOf(values["balance"]) != "ROUND_ROBIN" {
		t.Errorf("%s: %v", problems, values)
	}
	if _, problems = read("nobody"); !strings.Contains(problems, "there is no /v1/services/nobody") {
		t.Error(problems)
	}
	if _, problems = read("../tokens/ci"); !strings.Contains(problems, "name is made of") {
		t.Error(problems)
	}
	r.fake.objects["/v1/services/web"]["spec"].(map[string]any)["balance"] = 7
	if _, problems = read("web"); !strings.Contains(problems, "balance: the API says 7") {
		t.Error(problems)
	}
	r.fake.refuse = func(string, string, string) (int, any) { return 403, problem("forbidden", "not yours") }
	if _, problems = read("web"); !strings.Contains(problems, "not yours") {
		t.Error(problems)
	}
}
