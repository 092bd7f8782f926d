package provider

import (
	"slices"
	"strings"

	datasource "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"weir.example/terraform-provider-weir/internal/kinds"
)

// The fields of metadata. Those that a configuration can't set are last.
var (
	nameField = kinds.Field{
		Name: "name", Doc: "unique among the objects of its kind", Required: true, Min: 1, Max: 253,
	}
	labelsField = kinds.Field{
		Name: "labels", Doc: "what selectors match on", Shape: kinds.Labels, Max: 256, ItemsMax: 64,
	}
	annotationsField = kinds.Field{
		Name: "annotations", Doc: "notes of tools and people", Shape: kinds.Labels, Max: 4096, ItemsMax: 64,
	}
	uidField      = kinds.Field{Name: "uid", Doc: "set at creation, never used twice", ServerSet: true}
	revisionField = kinds.Field{
		Name: "revision", Doc: "of the store, at the last change of this object",
		Shape: kinds.Integer, ServerSet: true,
	}
	createdField = kinds.Field{
		Name: "created_at", Doc: "when it was created", Shape: kinds.Time, ServerSet: true,
	}
	updatedField = kinds.Field{
		Name: "updated_at", Doc: "when it was last changed", Shape: kinds.Time, ServerSet: true,
	}
	secretField = kinds.Field{
		Name: "secret", Doc: "what was made with it and told once; unknown of one that was imported",
		ServerSet: true, Secret: true,
	}
)

// What a resource has of an object: all that a configuration can set, and what never moves by itself but for
// the revision. Fields that the server alone writes, and the status, are for data sources.
type resourceFields struct {
	metadata []kinds.Field
	spec     []kinds.Field // without secrets
	secrets  []kinds.Field // of the spec
	made     []kinds.Field // by the server
}

func fieldsOfResource(kind kinds.Kind) resourceFields {
	fields := resourceFields{
		metadata: []kinds.Field{nameField, labelsField, annotationsField},
		made:     []kinds.Field{uidField, revisionField},
	}
	for _, field := range kind.SpecFields() {
		switch {
		case field.ServerSet:
		case field.Secret:
			fields.secrets = append(fields.secrets, field)
		default:
			fields.spec = append(fields.spec, field)
		}
	}
	if kind.Told {
		fields.made = append(fields.made, secretField)
	}
	return fields
}

func (r resourceFields) all() []kinds.Field {
	return slices.Concat(r.metadata, r.spec, r.secrets, r.made)
}

// What a data source has of an object: all that can be read.
type dataFields struct {
	metadata []kinds.Field
	spec     []kinds.Field
	status   []kinds.Field // one, or none
}

func fieldsOfData(kind kinds.Kind) dataFields {
	fields := dataFields{metadata: []kinds.Field{
		nameField, labelsField, annotationsField, uidField, revisionField, createdField, updatedField,
	}}
	for _, field := range kind.SpecFields() {
		if !field.Secret {
			fields.spec = append(fields.spec, field)
		}
	}
	if kind.Status != nil {
		fields.status = []kinds.Field{{
			Name: "status", Doc: "what is seen", Shape: kinds.Object, Struct: kind.Status, ServerSet: true,
		}}
	}
	return fields
}

func (d dataFields) all() []kinds.Field { return slices.Concat(d.metadata, d.spec, d.status) }

// docOf is what tools and editors show of a field.
func docOf(field kinds.Field) string {
	doc := field.Doc
	shape := field.Shape
	if shape == kinds.List {
		shape = field.Of
	}
	switch shape {
	case kinds.Word:
		doc += " (" + strings.Join(field.Words, ", ") + ")"
	case kinds.Duration:
		doc += " (a duration such as 1m30s)"
	case kinds.JSON:
		doc += " (as JSON: jsonencode)"
	}
	if field.Default != "" {
		doc += "; default: " + field.Default
	}
	return doc
}

func resourceSchema(kind kinds.Kind) schema.Schema {
	return schema.Schema{
		MarkdownDescription: kind.Name + ": " + kind.Doc,
		Attributes:          resourceAttributes(fieldsOfResource(kind).all()),
	}
}

func resourceAttributes(fields []kinds.Field) map[string]schema.Attribute {
	attributes := map[string]schema.Attribute{}
	for _, field := range fields {
		attributes[field.Key()] = resourceAttribute(field)
	}
	return attributes
}

func resourceAttribute(field kinds.Field) schema.Attribute {
	doc := docOf(field)
	required := field.Required
	optional := !required && !field.ServerSet
	computed := !required && (field.ServerSet || field.Default != "" || field.FilledIn)
	sensitive, writeOnly := field.Secret, field.Secret && !field.ServerSet
	switch field.Shape {
	case kinds.Bool:
		return schema.BoolAttribute{
			MarkdownDescription: doc, Required: required, Optional: optional, Computed: computed,
		}
	case kinds.Integer:
		return schema.Int64Attribute{
			MarkdownDescription: doc, Required: required, Optional: optional, Computed: computed,
		}
	case kinds.Labels:
		return schema.MapAttribute{
			MarkdownDescription: doc, Required: required, Optional: optional, Computed: computed,
			ElementType: types.StringType, Sensitive: sensitive, WriteOnly: writeOnly,
		}
	case kinds.Object:
		return schema.SingleNestedAttribute{
			MarkdownDescription: doc, Required: required, Optional: optional, Computed: computed,
			Attributes: resourceAttributes(field.Struct.Fields),
		}
	case kinds.List:
		if field.Of == kinds.Object {
			return schema.ListNestedAttribute{
				MarkdownDescription: doc, Required: required, Optional: optional, Computed: computed,
				NestedObject: schema.NestedAttributeObject{Attributes: resourceAttributes(field.Struct.Fields)},
			}
		}
		element := types.ListType{ElemType: types.StringType}
		if field.Of == kinds.Integer {
			element.ElemType = types.Int64Type
		}
		return schema.ListAttribute{
			MarkdownDescription: doc, Required: required, Optional: optional, Computed: computed,
			ElementType: element.ElemType,
		}
	}
	return schema.StringAttribute{
		MarkdownDescription: doc, Required: required, Optional: optional, Computed: computed,
		Sensitive: sensitive, WriteOnly: writeOnly,
	}
}

func dataSchema(kind kinds.Kind) datasource.Schema {
	attributes := dataAttributes(fieldsOfData(kind).all())
	attributes[nameField.Key()] = datasource.StringAttribute{
		MarkdownDescription: docOf(nameField), Required: true,
	}
	return datasource.Schema{MarkdownDescription: kind.Name + ": " + kind.Doc, Attributes: attributes}
}

func dataAttributes(fields []kinds.Field) map[string]datasource.Attribute {
	attributes := map[string]datasource.Attribute{}
	for _, field := range fields {
		attributes[field.Key()] = dataAttribute(field)
	}
	return attributes
}

func dataAttribute(field kinds.Field) datasource.Attribute {
	doc := docOf(field)
	switch field.Shape {
	case kinds.Bool:
		return datasource.BoolAttribute{MarkdownDescription: doc, Computed: true}
	case kinds.Integer:
		return datasource.Int64Attribute{MarkdownDescription: doc, Computed: true}
	case kinds.Labels:
		return datasource.MapAttribute{
			MarkdownDescription: doc, Computed: true, ElementType: types.StringType,
		}
	case kinds.Object:
		return datasource.SingleNestedAttribute{
			MarkdownDescription: doc, Computed: true, Attributes: dataAttributes(field.Struct.Fields),
		}
	case kinds.List:
		if field.Of == kinds.Object {
			return datasource.ListNestedAttribute{
				MarkdownDescription: doc, Computed: true,
				NestedObject: datasource.NestedAttributeObject{Attributes: dataAttributes(field.Struct.Fields)},
			}
		}
		if field.Of == kinds.Integer {
			return datasource.ListAttribute{
				MarkdownDescription: doc, Computed: true, ElementType: types.Int64Type,
			}
		}
		return datasource.ListAttribute{MarkdownDescription: doc, Computed: true, ElementType: types.StringType}
	}
	return datasource.StringAttribute{MarkdownDescription: doc, Computed: true}
}
