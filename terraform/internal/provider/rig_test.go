package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"weir.example/terraform-provider-weir/internal/kinds"
)

// A fakeAPI keeps objects as they come, and refuses what a test tells it to.
type fakeAPI struct {
	mutex    sync.Mutex
	objects  map[string]map[string]any // "/v1/services/web"
	revision int
	requests []string
	judged   []string                                      // contents of dry runs
	refuse   func(method, path, content string) (int, any) // a status and a problem; 0: it is not refused
}

func newFakeAPI(t *testing.T) (*fakeAPI, string) {
	fake := &fakeAPI{objects: map[string]map[string]any{}}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return fake, server.URL
}

func problem(slug, detail string, violations ...map[string]any) map[string]any {
	return map[string]any{"type": "urn:weir:problem:" + slug, "detail": detail, "violations": violations}
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	var content json.RawMessage
	_ = json.NewDecoder(r.Body).Decode(&content)
	f.requests = append(f.requests, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("If-Match")))
	status, said := f.answer(r, string(content))
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(said)
}

func (f *fakeAPI) answer(r *http.Request, content string) (int, any) {
	if f.refuse != nil {
		if status, said := f.refuse(r.Method, r.URL.Path, content); status != 0 {
			return status, said
		}
	}
	if r.URL.Path == "/v1/apply" {
		f.judged = append(f.judged, content)
		return 200, map[string]any{}
	}
	object := map[string]any{}
	_ = json.Unmarshal([]byte(content), &object)
	path := r.URL.Path
	if r.Method == http.MethodPost {
		path += "/" + fmt.Sprint(object["metadata"].(map[string]any)["name"])
	}
	there, found := f.objects[path]
	switch {
	case r.Method == http.MethodPost && found:
		return 409, problem("exists", "it exists")
	case r.Method != http.MethodPost && !found:
		return 404, problem("not-found", "there is no "+path)
	case r.Method == http.MethodDelete:
		delete(f.objects, path)
		return 200, map[string]any{}
	case r.Method == http.MethodGet:
		return 200, there
	case found && r.Header.Get("If-Match") != fmt.Sprintf(`"%v"`, there["metadata"].(map[string]any)["revision"]):
		return 412, problem("revision-mismatch", "it is at another revision by now")
	}
	return 200, f.keep(path, object, there)
}

// keep stores an object as the server would show it: without its secrets.
func (f *fakeAPI) keep(path string, object, before map[string]any) map[string]any {
	f.revision++
	metadata := object["metadata"].(map[string]any)
	metadata["revision"], metadata["uid"] = f.revision, "uid-of-"+path
	if before != nil {
		metadata["uid"] = before["metadata"].(map[string]any)["uid"]
	}
	if spec, is := object["spec"].(map[string]any); is {
		for _, secret := range []string{"values", "private_key", "password"} {
			if object["kind"] != "RecordSet" {
				delete(spec, secret)
			}
		}
	}
	f.objects[path] = object
	if before == nil && object["kind"] == "Token" {
		told := map[string]any{"secret": "weir_told"}
		for key, value := range object {
			told[key] = value
		}
		return told
	}
	return object
}

// A rig drives the provider as Terraform does, by its protocol.
type rig struct {
	t      *testing.T
	fake   *fakeAPI
	server tfprotov6.ProviderServer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	fake, address := newFakeAPI(t)
	r := &rig{t: t, fake: fake}
	r.server = configured(t, map[string]tftypes.Value{"address": text(address), "token": text("weir_x")})
	return r
}

func configured(t *testing.T, given map[string]tftypes.Value) tfprotov6.ProviderServer {
	t.Helper()
	server, response := configure(t, given)
	if len(response.Diagnostics) > 0 {
		t.Fatalf("%v", response.Diagnostics[0])
	}
	return server
}

func configure(
	t *testing.T, given map[string]tftypes.Value,
) (tfprotov6.ProviderServer, *tfprotov6.ConfigureProviderResponse) {
	t.Helper()
	server := providerserver.NewProtocol6(New("test")())()
	kind := tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}
	values := map[string]tftypes.Value{}
	for _, name := range []string{"address", "token", "token_file", "ca_file"} {
		kind.AttributeTypes[name] = tftypes.String
		values[name] = tftypes.NewValue(tftypes.String, nil)
		if value, there := given[name]; there {
			values[name] = value
		}
	}
	response, err := server.ConfigureProvider(context.Background(), &tfprotov6.ConfigureProviderRequest{
		Config: pack(t, kind, tftypes.NewValue(kind, values)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return server, response
}

func pack(t *testing.T, kind tftypes.Type, value tftypes.Value) *tfprotov6.DynamicValue {
	t.Helper()
	packed, err := tfprotov6.NewDynamicValue(kind, value)
	if err != nil {
		t.Fatal(err)
	}
	return &packed
}

func kindNamed(t *testing.T, name string) kinds.Kind {
	t.Helper()
	for _, kind := range kinds.All {
		if kind.Name == name {
			return kind
		}
	}
	t.Fatalf("there is no kind %s", name)
	return kinds.Kind{}
}

// build makes a value of a configuration written as JSON; "?" is what is not known yet.
func build(t *testing.T, fields []kinds.Field, written string) tftypes.Value {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(written))
	decoder.UseNumber()
	tree := map[string]any{}
	if err := decoder.Decode(&tree); err != nil {
		t.Fatalf("%s: %v", written, err)
	}
	return buildFields(t, fields, tree)
}

func buildFields(t *testing.T, fields []kinds.Field, tree map[string]any) tftypes.Value {
	t.Helper()
	values := map[string]tftypes.Value{}
	for _, field := range fields {
		values[field.Key()] = buildField(t, field, tree[field.Key()])
		delete(tree, field.Key())
	}
	for key := range tree {
		t.Fatalf("there is no field %s", key)
	}
	return tftypes.NewValue(objectType(fields), values)
}

func buildField(t *testing.T, field kinds.Field, said any) tftypes.Value {
	t.Helper()
	if said == nil {
		return null(field)
	}
	if said == "?" {
		return unknown(field)
	}
	if field.Shape == kinds.Object {
		return buildFields(t, field.Struct.Fields, said.(map[string]any))
	}
	if field.Shape == kinds.List {
		items := []tftypes.Value{}
		for _, item := range said.([]any) {
			items = append(items, buildField(t, field.Element(), item))
		}
		return tftypes.NewValue(typeOf(field), items)
	}
	if field.Shape == kinds.Labels {
		entries := map[string]tftypes.Value{}
		for key, entry := range said.(map[string]any) {
			entries[key] = buildField(t, kinds.Field{}, entry)
		}
		return tftypes.NewValue(typeOf(field), entries)
	}
	value, err := decode(field, said)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// A step is what Terraform knows of one resource.
type step struct {
	fields  []kinds.Field
	kind    tftypes.Object
	state   tftypes.Value
	planned tftypes.Value
	private []byte
	replace bool
	found   []*tfprotov6.Diagnostic
}

func (s *step) problems() string {
	var lines []string
	for _, one := range s.found {
		lines = append(lines, one.Severity.String()+" "+one.Summary+": "+one.Detail)
	}
	return strings.Join(lines, "\n")
}

func (r *rig) begin(kind kinds.Kind) *step {
	fields := fieldsOfResource(kind).all()
	return &step{fields: fields, kind: objectType(fields), state: tftypes.NewValue(objectType(fields), nil)}
}

func (r *rig) plan(kind kinds.Kind, s *step, config string) {
	r.t.Helper()
	value := tftypes.NewValue(s.kind, nil)
	if config != "" {
		value = build(r.t, s.fields, config)
	}
	response, err := r.server.PlanResourceChange(r.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: "weir_" + kind.TypeName(), PriorState: pack(r.t, s.kind, s.state), PriorPrivate: s.private,
		ProposedNewState: pack(r.t, s.kind, value), Config: pack(r.t, s.kind, value),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	s.found, s.replace = response.Diagnostics, len(response.RequiresReplace) > 0
	if response.PlannedState == nil {
		r.t.Fatal(s.problems())
	}
	if s.planned, err = response.PlannedState.Unmarshal(s.kind); err != nil {
		r.t.Fatal(err)
	}
}

// apply carries out what was planned; an empty configuration deletes.
func (r *rig) apply(kind kinds.Kind, s *step, config string) {
	r.t.Helper()
	value := tftypes.NewValue(s.kind, nil)
	if config != "" {
		value = build(r.t, s.fields, config)
	}
	response, err := r.server.ApplyResourceChange(r.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: "weir_" + kind.TypeName(), PriorState: pack(r.t, s.kind, s.state), PlannedPrivate: s.private,
		PlannedState: pack(r.t, s.kind, s.planned), Config: pack(r.t, s.kind, value),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	s.found = response.Diagnostics
	state, err := response.NewState.Unmarshal(s.kind)
	if err != nil {
		r.t.Fatal(err)
	}
	if len(s.found) == 0 {
		s.state, s.private = state, response.Private
	}
}

func (r *rig) read(kind kinds.Kind, s *step) {
	r.t.Helper()
	response, err := r.server.ReadResource(r.t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: "weir_" + kind.TypeName(), CurrentState: pack(r.t, s.kind, s.state), Private: s.private,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	s.found = response.Diagnostics
	if s.state, err = response.NewState.Unmarshal(s.kind); err != nil {
		r.t.Fatal(err)
	}
}

// made plans and applies, and both have to be good.
func (r *rig) made(kind kinds.Kind, s *step, config string) {
	r.t.Helper()
	r.plan(kind, s, config)
	if len(s.found) > 0 {
		r.t.Fatalf("plan: %s", s.problems())
	}
	r.apply(kind, s, config)
	if len(s.found) > 0 {
		r.t.Fatalf("apply: %s", s.problems())
	}
}
