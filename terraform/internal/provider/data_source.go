package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"weir.example/terraform-provider-weir/internal/api"
	"weir.example/terraform-provider-weir/internal/kinds"
)

// A dataSource reads one object of a kind by its name, with all that is seen of it.
type dataSource struct {
	kind   kinds.Kind
	fields dataFields
	weir   *connection
}

func newDataSource(kind kinds.Kind) datasource.DataSource {
	return &dataSource{kind: kind, fields: fieldsOfData(kind), weir: &connection{}}
}

func (d *dataSource) Metadata(
	_ context.Context, request datasource.MetadataRequest, response *datasource.MetadataResponse,
) {
	response.TypeName = request.ProviderTypeName + "_" + d.kind.TypeName()
}

func (d *dataSource) Schema(
	_ context.Context, _ datasource.SchemaRequest, response *datasource.SchemaResponse,
) {
	response.Schema = dataSchema(d.kind)
}

func (d *dataSource) Configure(
	_ context.Context, request datasource.ConfigureRequest, _ *datasource.ConfigureResponse,
) {
	d.weir = connected(request.ProviderData)
}

func (d *dataSource) Read(
	ctx context.Context, request datasource.ReadRequest, response *datasource.ReadResponse,
) {
	var name types.String
	response.Diagnostics.Append(request.Config.GetAttribute(ctx, path.Root("name"), &name)...)
	if response.Diagnostics.HasError() {
		return
	}
	if !d.weir.ready(&response.Diagnostics) {
		return
	}
	checkName(tftypes.NewValue(tftypes.String, name.ValueString()), &response.Diagnostics)
	if response.Diagnostics.HasError() {
		return
	}
	object, err := d.weir.client.Get(ctx, d.kind.Plural, name.ValueString())
	if api.Missing(err) {
		response.Diagnostics.AddAttributeError(path.Root("name"), "It is not there", err.Error())
		return
	}
	if err != nil {
		response.Diagnostics.AddError(d.kind.Name+"/"+name.ValueString()+" can't be read", err.Error())
		return
	}
	values := map[string]tftypes.Value{}
	read := func(fields []kinds.Field, said map[string]any) {
		for _, field := range fields {
			value, err := decode(field, said[field.Name])
			if err != nil {
				response.Diagnostics.AddError(misunderstood, err.Error())
				value = null(field)
			}
			values[field.Key()] = value
		}
	}
	read(d.fields.metadata, object.Metadata)
	read(d.fields.spec, object.Spec)
	for _, status := range d.fields.status {
		read([]kinds.Field{status}, map[string]any{"status": orNil(object.Status)})
	}
	response.State.Raw = tftypes.NewValue(objectType(d.fields.all()), values)
}

// orNil is nil, and not an empty object, where nothing is said.
func orNil(said map[string]any) any {
	if said == nil {
		return nil
	}
	return said
}
