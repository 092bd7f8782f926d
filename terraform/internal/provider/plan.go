package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"weir.example/terraform-provider-weir/internal/kinds"
)

// ModifyPlan makes the whole plan: the configuration with weir's defaults, in the words of the state where
// they mean the same, and what the server makes. Then the API is asked what it would say to it.
func (r *weirResource) ModifyPlan(
	ctx context.Context, request resource.ModifyPlanRequest, response *resource.ModifyPlanResponse,
) {
	if request.Plan.Raw.IsNull() {
		return // to be deleted
	}
	wanted, err := r.wanted(request.Config.Raw, request.State.Raw)
	if err != nil {
		response.Diagnostics.AddError("A default can't be read", err.Error())
		return
	}
	before := members(request.State.Raw)
	created := request.State.Raw.IsNull()
	replaced := !created && !wanted["name"].Equal(before["name"])
	kept, found := request.Private.GetKey(ctx, secretsKey)
	response.Diagnostics.Append(found...)
	secrets, err := readHashes(kept).changed(r.fields.secrets, request.Config.Raw)
	if err != nil {
		response.Diagnostics.AddError("A secret can't be hashed", err.Error())
		return
	}
	planned := map[string]tftypes.Value{}
	for key, value := range wanted {
		planned[key] = value
	}
	planPorts(r.kind, planned, before)
	changed := created || replaced || len(secrets) > 0 || r.differs(planned, before)
	for _, field := range r.fields.made {
		planned[field.Key()] = unknown(field)
		if !created && !replaced && (field.Name != revisionField.Name || !changed) {
			planned[field.Key()] = before[field.Key()]
		}
	}
	for _, field := range r.fields.secrets {
		planned[field.Key()] = null(field)
	}
	response.Plan.Raw = r.toRaw(planned)
	if replaced {
		response.RequiresReplace = append(response.RequiresReplace, path.Root("name"))
	}
	if changed && r.weir.judge != nil {
		r.judge(ctx, wanted, members(request.Config.Raw), secrets, replaced, &response.Diagnostics)
	}
}

// wanted is what a configuration says of metadata and spec, with defaults, in the words of the state.
func (r *weirResource) wanted(config, state tftypes.Value) (map[string]tftypes.Value, error) {
	values, given, before := map[string]tftypes.Value{}, members(config), members(state)
	for _, fields := range [][]kinds.Field{r.fields.metadata, r.fields.spec} {
		for _, field := range fields {
			value, err := complete(field, given[field.Key()])
			if err != nil {
				return nil, err
			}
			if words, there := before[field.Key()]; there {
				value = reworded(field, value, words, true)
			}
			values[field.Key()] = value
		}
	}
	return values, nil
}

func (r *weirResource) differs(planned, before map[string]tftypes.Value) bool {
	for key, value := range planned {
		if !value.Equal(before[key]) {
			return true
		}
	}
	return false
}

func (r *weirResource) judge(
	ctx context.Context, wanted, config map[string]tftypes.Value, secrets []kinds.Field, replaced bool,
	found *diag.Diagnostics,
) {
	known := true
	for _, value := range wanted {
		known = known && value.IsFullyKnown()
	}
	for _, field := range secrets {
		known = known && config[field.Key()].IsFullyKnown()
	}
	object := r.toObject(wanted, config, secrets)
	// One that takes another's place is judged when that is gone: until then it may be in its own way.
	if !known || replaced {
		r.weir.judge.skip(object.Reference())
		return
	}
	r.weir.judge.hear(ctx, r.fields, object, found)
}
