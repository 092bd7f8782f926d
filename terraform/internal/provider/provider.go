// Package provider is weir's Terraform provider: every kind of the table of kinds as a resource, if clients
// can write it, and as a data source.
package provider

import (
	"context"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"weir.example/terraform-provider-weir/internal/api"
	"weir.example/terraform-provider-weir/internal/kinds"
)

const defaultAddress = "http://127.0.0.1:8480"

type weirProvider struct{ version string }

// New makes the provider of a version.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &weirProvider{version: version} }
}

// A connection is what resources and data sources get from the provider; without a client while the
// provider's own configuration is not known yet.
type connection struct {
	client *api.Client
	judge  *judge
}

// ready tells whether the API can be asked, and says so if not.
func (c *connection) ready(found *diag.Diagnostics) bool {
	if c.client == nil {
		found.AddError("weir can't be asked", notConfigured)
		return false
	}
	return true
}

type settings struct {
	Address   types.String `tfsdk:"address"`
	Token     types.String `tfsdk:"token"`
	TokenFile types.String `tfsdk:"token_file"`
	CAFile    types.String `tfsdk:"ca_file"`
}

func (p *weirProvider) Metadata(
	_ context.Context, _ provider.MetadataRequest, response *provider.MetadataResponse,
) {
	response.TypeName, response.Version = "weir", p.version
}

func (p *weirProvider) Schema(
	_ context.Context, _ provider.SchemaRequest, response *provider.SchemaResponse,
) {
	response.Schema = schema.Schema{
		MarkdownDescription: "weir: load balancers, services, DNS zones and the rest of a multi-cloud edge.",
		Attributes: map[string]schema.Attribute{
			"address": schema.StringAttribute{
				MarkdownDescription: "URL of the API; absent: that of $WEIR_API, or " + defaultAddress,
				Optional:            true,
			},
			"token": schema.StringAttribute{
				MarkdownDescription: "sent with each call; absent: that of token_file, or of $WEIR_TOKEN",
				Optional:            true, Sensitive: true,
			},
			"token_file": schema.StringAttribute{
				MarkdownDescription: "a file that holds it, such as weir-data/admin.token", Optional: true,
			},
			"ca_file": schema.StringAttribute{
				MarkdownDescription: "PEM bundle that the API's certificate is verified with, such as " +
					"weir-data/ca.pem; absent: that of $WEIR_CA, or the system's",
				Optional: true,
			},
		},
	}
}

func (p *weirProvider) Configure(
	ctx context.Context, request provider.ConfigureRequest, response *provider.ConfigureResponse,
) {
	var given settings
	response.Diagnostics.Append(request.Config.Get(ctx, &given)...)
	if response.Diagnostics.HasError() {
		return
	}
	made := &connection{}
	response.ResourceData, response.DataSourceData = made, made
	for _, value := range []types.String{given.Address, given.Token, given.TokenFile, given.CAFile} {
		if value.IsUnknown() {
			return // until what it comes from is there
		}
	}
	client := p.connect(given, &response.Diagnostics)
	if client == nil {
		return
	}
	if client.InTheClear() {
		response.Diagnostics.AddAttributeWarning(path.Root("address"), "The token crosses a network in the clear",
			"The address of the API begins with http:// and is not of this machine.")
	}
	made.client, made.judge = client, newJudge(client)
}

func firstOf(value types.String, names ...string) string {
	if word := value.ValueString(); word != "" {
		return word
	}
	for _, name := range names {
		if word := os.Getenv(name); word != "" {
			return word
		}
	}
	return ""
}

func (p *weirProvider) connect(given settings, found *diag.Diagnostics) *api.Client {
	if given.Token.ValueString() != "" && given.TokenFile.ValueString() != "" {
		found.AddAttributeError(path.Root("token_file"), notValid, "Both token and token_file are given.")
		return nil
	}
	token := given.Token.ValueString()
	if file := given.TokenFile.ValueString(); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			found.AddAttributeError(path.Root("token_file"), "The token can't be read", err.Error())
			return nil
		}
		token = strings.TrimSpace(string(text))
	}
	if token == "" {
		token = strings.TrimSpace(os.Getenv("WEIR_TOKEN"))
	}
	address := firstOf(given.Address, "WEIR_API")
	if address == "" {
		address = defaultAddress
	}
	client, err := api.New(api.Options{
		Address: address, Token: token, CAFile: firstOf(given.CAFile, "WEIR_CA"),
		Agent: "terraform-provider-weir/" + p.version,
	})
	if err != nil {
		found.AddError("The API can't be called", err.Error())
		return nil
	}
	return client
}

func (p *weirProvider) Resources(context.Context) []func() resource.Resource {
	var all []func() resource.Resource
	for _, kind := range kinds.All {
		if kind.Writable {
			all = append(all, func() resource.Resource { return newResource(kind) })
		}
	}
	return all
}

func (p *weirProvider) DataSources(context.Context) []func() datasource.DataSource {
	var all []func() datasource.DataSource
	for _, kind := range kinds.All {
		all = append(all, func() datasource.DataSource { return newDataSource(kind) })
	}
	return all
}

// connected takes what the provider hands to its resources; nil before it is configured.
func connected(data any) *connection {
	if made, is := data.(*connection); is {
		return made
	}
	return &connection{}
}

// The summary where an answer of the API does not fit the table of kinds.
const misunderstood = "weir says what this provider does not understand"

const notConfigured = "The provider's configuration is not known yet: it depends on what is still to be " +
	"made. Apply that first, with -target."
