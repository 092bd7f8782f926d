package provider

import (
	"context"
	"fmt"
	"net/http"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"weir.example/terraform-provider-weir/internal/api"
	"weir.example/terraform-provider-weir/internal/kinds"
)

// A weirResource is any kind that clients write. It works on values as Terraform hands them over, by the
// table of kinds: nothing here names a field of a spec.
type weirResource struct {
	kind   kinds.Kind
	fields resourceFields
	weir   *connection
}

var (
	_ resource.ResourceWithConfigure      = &weirResource{}
	_ resource.ResourceWithImportState    = &weirResource{}
	_ resource.ResourceWithModifyPlan     = &weirResource{}
	_ resource.ResourceWithValidateConfig = &weirResource{}
)

// An object that only the server has moved on since the plan is written again, so many times.
const conflictsMax = 3

func newResource(kind kinds.Kind) resource.Resource {
	return &weirResource{kind: kind, fields: fieldsOfResource(kind), weir: &connection{}}
}

func (r *weirResource) Metadata(
	_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse,
) {
	response.TypeName = request.ProviderTypeName + "_" + r.kind.TypeName()
}

func (r *weirResource) Schema(
	_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse,
) {
	response.Schema = resourceSchema(r.kind)
}

func (r *weirResource) Configure(
	_ context.Context, request resource.ConfigureRequest, _ *resource.ConfigureResponse,
) {
	r.weir = connected(request.ProviderData)
}

func (r *weirResource) ValidateConfig(
	_ context.Context, request resource.ValidateConfigRequest, response *resource.ValidateConfigResponse,
) {
	checkFields(r.fields.all(), request.Config.Raw, path.Root, &response.Diagnostics)
	checkName(members(request.Config.Raw)["name"], &response.Diagnostics)
}

func (r *weirResource) ImportState(
	ctx context.Context, request resource.ImportStateRequest, response *resource.ImportStateResponse,
) {
	checkName(text(request.ID), &response.Diagnostics)
	if !response.Diagnostics.HasError() {
		resource.ImportStatePassthroughID(ctx, path.Root("name"), request, response)
	}
}

// toObject is what the API reads of values, with those secrets of a configuration that are to be written.
func (r *weirResource) toObject(values, config map[string]tftypes.Value, secrets []kinds.Field) *api.Object {
	object := &api.Object{Kind: r.kind.Name, Metadata: map[string]any{}, Spec: map[string]any{}}
	put := func(into map[string]any, field kinds.Field, value tftypes.Value) {
		if said := encode(field, value); said != nil {
			into[field.Name] = said
		}
	}
	for _, field := range r.fields.metadata {
		put(object.Metadata, field, values[field.Key()])
	}
	for _, field := range r.fields.spec {
		put(object.Spec, field, values[field.Key()])
	}
	for _, field := range secrets {
		put(object.Spec, field, config[field.Key()])
	}
	return object
}

// toValues is what the state has of an object, in the words of a plan or of the state before.
func (r *weirResource) toValues(
	object *api.Object, words map[string]tftypes.Value,
) (map[string]tftypes.Value, error) {
	values := map[string]tftypes.Value{}
	read := func(fields []kinds.Field, said map[string]any) error {
		for _, field := range fields {
			value, err := decode(field, said[field.Name])
			if err != nil {
				return err
			}
			if before, there := words[field.Key()]; there {
				value = reworded(field, value, before, false)
			}
			values[field.Key()] = value
		}
		return nil
	}
	if err := read(r.fields.metadata, object.Metadata); err != nil {
		return nil, err
	}
	if err := read(r.fields.spec, object.Spec); err != nil {
		return nil, err
	}
	for _, field := range r.fields.secrets {
		values[field.Key()] = null(field)
	}
	for _, field := range r.fields.made {
		said := object.Metadata[field.Name]
		if field.Secret { // told once, so it is kept
			said = nil
			if object.Secret != "" {
				said = object.Secret
			} else if before, there := words[field.Key()]; there && before.IsKnown() {
				values[field.Key()] = before
				continue
			}
		}
		value, err := decode(field, said)
		if err != nil {
			return nil, err
		}
		values[field.Key()] = value
	}
	return values, nil
}

func (r *weirResource) toRaw(values map[string]tftypes.Value) tftypes.Value {
	return tftypes.NewValue(objectType(r.fields.all()), values)
}

// keep puts an object into the state, in the words of a plan or of the state before, and tells whether it could.
func (r *weirResource) keep(
	object *api.Object, words map[string]tftypes.Value, state *tfsdk.State, found *diag.Diagnostics,
) bool {
	values, err := r.toValues(object, words)
	if err != nil {
		found.AddError(misunderstood, err.Error())
		return false
	}
	state.Raw = r.toRaw(values)
	return true
}

// explain adds why a write failed, and what to do about it.
func (r *weirResource) explain(name, verb string, err error, found *diag.Diagnostics) {
	reference := r.kind.Name + "/" + name
	summary := reference + " can't be " + verb
	problem := api.Refused(err)
	if problem == nil {
		found.AddError(summary, err.Error())
		return
	}
	switch {
	case problem.Status == http.StatusConflict && problem.Type == "urn:weir:problem:exists":
		found.AddAttributeError(path.Root("name"), summary, fmt.Sprintf("%s exists already. If it is meant to be "+
			"this resource's, import it: tofu import weir_%s.NAME %s", reference, r.kind.TypeName(), name))
	case problem.Status == http.StatusPreconditionFailed:
		found.AddError(summary, "Somebody else has changed or deleted it since this plan was made: "+problem.Detail+
			". Plan again, and see what that would undo.")
	default:
		tell(r.fields, summary, problem, reference, found)
	}
}

func (r *weirResource) Create(
	ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse,
) {
	if !r.weir.ready(&response.Diagnostics) {
		return
	}
	planned, config := members(request.Plan.Raw), members(request.Config.Raw)
	object := r.toObject(planned, config, r.fields.secrets)
	made, err := r.weir.client.Create(ctx, r.kind.Plural, object)
	if err != nil {
		r.explain(object.Name(), "made", err, &response.Diagnostics)
		return
	}
	if !r.keep(made, planned, &response.State, &response.Diagnostics) {
		return
	}
	hashes := hashedSecrets{}
	r.keepSecrets(ctx, hashes, r.fields.secrets, config, response.Private, &response.Diagnostics)
}

// What is kept beside the state.
type notes interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

func (r *weirResource) keepSecrets(
	ctx context.Context, hashes hashedSecrets, written []kinds.Field, config map[string]tftypes.Value,
	into notes, found *diag.Diagnostics,
) {
	for _, field := range written {
		if value := config[field.Key()]; !value.IsNull() {
			if err := hashes.keep(field, value); err != nil {
				found.AddError("A secret can't be hashed", err.Error())
				return
			}
		}
	}
	if len(hashes) == 0 {
		return
	}
	text, err := hashes.text()
	if err != nil {
		found.AddError("Hashes of secrets can't be kept", err.Error())
		return
	}
	found.Append(into.SetKey(ctx, secretsKey, text)...)
}

func (r *weirResource) Read(
	ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse,
) {
	if !r.weir.ready(&response.Diagnostics) {
		return
	}
	before := members(request.State.Raw)
	name := textOf(before["name"])
	object, err := r.weir.client.Get(ctx, r.kind.Plural, name)
	if api.Missing(err) {
		response.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		r.explain(name, "read", err, &response.Diagnostics)
		return
	}
	r.keep(object, before, &response.State, &response.Diagnostics)
}

func (r *weirResource) Update(
	ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse,
) {
	if !r.weir.ready(&response.Diagnostics) {
		return
	}
	planned, config, before := members(request.Plan.Raw), members(request.Config.Raw), members(request.State.Raw)
	kept, found := request.Private.GetKey(ctx, secretsKey)
	response.Diagnostics.Append(found...)
	hashes := readHashes(kept)
	secrets, err := hashes.changed(r.fields.secrets, request.Config.Raw)
	if err != nil {
		response.Diagnostics.AddError("A secret can't be hashed", err.Error())
		return
	}
	object := r.toObject(planned, config, secrets)
	made, err := r.replace(ctx, object, before)
	if err != nil {
		r.explain(object.Name(), "changed", err, &response.Diagnostics)
		return
	}
	if !r.keep(made, planned, &response.State, &response.Diagnostics) {
		return
	}
	r.keepSecrets(ctx, hashes, secrets, config, response.Private, &response.Diagnostics)
}

// replace writes over the revision that the plan was made upon. Where the server alone has moved it on, as
// it counts the uses of a token, that one is as good.
func (r *weirResource) replace(
	ctx context.Context, object *api.Object, before map[string]tftypes.Value,
) (*api.Object, error) {
	revision := integerOf(before["revision"])
	for conflicts := 0; ; conflicts++ {
		made, err := r.weir.client.Replace(ctx, r.kind.Plural, object, revision)
		problem := api.Refused(err)
		if problem == nil || problem.Status != http.StatusPreconditionFailed || conflicts == conflictsMax {
			return made, err
		}
		current, readErr := r.weir.client.Get(ctx, r.kind.Plural, object.Name())
		if readErr != nil || !r.isAs(current, before) {
			return nil, err
		}
		revision = revisionOf(current)
	}
}

func revisionOf(object *api.Object) int64 {
	value, err := decode(revisionField, object.Metadata["revision"])
	if err != nil {
		return 0 // which no object has
	}
	return integerOf(value)
}

// isAs tells whether all that a client can write of an object is as it was, and it is the same one.
func (r *weirResource) isAs(object *api.Object, before map[string]tftypes.Value) bool {
	now, err := r.toValues(object, before)
	if err != nil || !now["uid"].Equal(before["uid"]) {
		return false
	}
	for _, fields := range [][]kinds.Field{r.fields.metadata, r.fields.spec} {
		for _, field := range fields {
			if !same(field, now[field.Key()], before[field.Key()]) {
				return false
			}
		}
	}
	return true
}

func (r *weirResource) Delete(
	ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse,
) {
	if !r.weir.ready(&response.Diagnostics) {
		return
	}
	name := textOf(members(request.State.Raw)["name"])
	if err := r.weir.client.Delete(ctx, r.kind.Plural, name); err != nil && !api.Missing(err) {
		r.explain(name, "deleted", err, &response.Diagnostics)
	}
}
