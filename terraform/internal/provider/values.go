package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"weir.example/terraform-provider-weir/internal/kinds"
)

// typeOf is the type that values of a field have in Terraform.
func typeOf(field kinds.Field) tftypes.Type {
	switch field.Shape {
	case kinds.Bool:
		return tftypes.Bool
	case kinds.Integer:
		return tftypes.Number
	case kinds.Labels:
		return tftypes.Map{ElementType: tftypes.String}
	case kinds.Object:
		return objectType(field.Struct.Fields)
	case kinds.List:
		return tftypes.List{ElementType: typeOf(field.Element())}
	}
	return tftypes.String
}

func objectType(fields []kinds.Field) tftypes.Object {
	types := map[string]tftypes.Type{}
	for _, field := range fields {
		types[field.Key()] = typeOf(field)
	}
	return tftypes.Object{AttributeTypes: types}
}

func null(field kinds.Field) tftypes.Value { return tftypes.NewValue(typeOf(field), nil) }

func unknown(field kinds.Field) tftypes.Value {
	return tftypes.NewValue(typeOf(field), tftypes.UnknownValue)
}

// members are the values of a known object by their names, for the caller to change; of null there are none.
func members(value tftypes.Value) map[string]tftypes.Value {
	all := map[string]tftypes.Value{}
	if value.IsKnown() && !value.IsNull() {
		if err := value.As(&all); err != nil {
			panic(err) // an object by its type
		}
	}
	return maps.Clone(all)
}

// elements are the values of a known list, for the caller to change; of null there are none.
func elements(value tftypes.Value) []tftypes.Value {
	var all []tftypes.Value
	if value.IsKnown() && !value.IsNull() {
		if err := value.As(&all); err != nil {
			panic(err) // a list by its type
		}
	}
	return slices.Clone(all)
}

func textOf(value tftypes.Value) string {
	var text string
	if value.IsKnown() && !value.IsNull() {
		if err := value.As(&text); err != nil {
			panic(err) // a text by its type
		}
	}
	return text
}

func integerOf(value tftypes.Value) int64 {
	number := new(big.Float)
	if value.IsKnown() && !value.IsNull() {
		if err := value.As(&number); err != nil {
			panic(err) // a number by its type
		}
	}
	integer, _ := number.Int64()
	return integer
}

func integer(value int64) tftypes.Value {
	return tftypes.NewValue(tftypes.Number, new(big.Float).SetPrec(64).SetInt64(value))
}

func text(value string) tftypes.Value { return tftypes.NewValue(tftypes.String, value) }

// decode makes a value of what the API says; nil: it says nothing, which means the default where there is
// one.
func decode(field kinds.Field, said any) (tftypes.Value, error) {
	if said == nil {
		if field.Default == "" {
			return null(field), nil
		}
		decoder := json.NewDecoder(bytes.NewReader([]byte(field.Default)))
		decoder.UseNumber()
		if err := decoder.Decode(&said); err != nil {
			return tftypes.Value{}, fmt.Errorf("%s: its default: %w", field.Name, err)
		}
	}
	unexpected := fmt.Errorf("%s: the API says %v, which this provider does not understand", field.Name, said)
	switch field.Shape {
	case kinds.Bool:
		if truth, is := said.(bool); is {
			return tftypes.NewValue(tftypes.Bool, truth), nil
		}
	case kinds.Integer:
		if number, is := said.(json.Number); is {
			whole, err := number.Int64()
			if err != nil {
				return tftypes.Value{}, unexpected
			}
			return integer(whole), nil
		}
	case kinds.Status:
		if number, is := said.(json.Number); is {
			return text(number.String()), nil
		}
		if word, is := said.(string); is {
			return text(word), nil
		}
	case kinds.JSON:
		compact, err := json.Marshal(said)
		if err != nil {
			return tftypes.Value{}, unexpected
		}
		return text(string(compact)), nil
	case kinds.Labels:
		if entries, is := said.(map[string]any); is {
			return decodeLabels(entries, unexpected)
		}
	case kinds.Object:
		if inner, is := said.(map[string]any); is {
			return decodeFields(field.Struct.Fields, inner)
		}
	case kinds.List:
		if items, is := said.([]any); is {
			return decodeList(field, items)
		}
	default:
		if word, is := said.(string); is {
			return text(word), nil
		}
	}
	return tftypes.Value{}, unexpected
}

func decodeLabels(entries map[string]any, unexpected error) (tftypes.Value, error) {
	values := map[string]tftypes.Value{}
	for key, entry := range entries {
		word, is := entry.(string)
		if !is {
			return tftypes.Value{}, unexpected
		}
		values[key] = text(word)
	}
	return tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, values), nil
}

func decodeList(field kinds.Field, items []any) (tftypes.Value, error) {
	values := []tftypes.Value{}
	for _, item := range items {
		value, err := decode(field.Element(), item)
		if err != nil {
			return tftypes.Value{}, err
		}
		values = append(values, value)
	}
	return tftypes.NewValue(typeOf(field), values), nil
}

func decodeFields(fields []kinds.Field, said map[string]any) (tftypes.Value, error) {
	values := map[string]tftypes.Value{}
	for _, field := range fields {
		value, err := decode(field, said[field.Name])
		if err != nil {
			return tftypes.Value{}, err
		}
		values[field.Key()] = value
	}
	return tftypes.NewValue(objectType(fields), values), nil
}

// complete puts defaults where a configuration says nothing. What is not known yet stays so.
func complete(field kinds.Field, value tftypes.Value) (tftypes.Value, error) {
	if value.IsNull() {
		return decode(field, nil)
	}
	if !value.IsKnown() {
		return value, nil
	}
	switch {
	case field.Shape == kinds.Object:
		return completeFields(field.Struct.Fields, value)
	case field.Shape == kinds.List && field.Of == kinds.Object:
		values := []tftypes.Value{}
		for _, element := range elements(value) {
			completed, err := complete(field.Element(), element)
			if err != nil {
				return tftypes.Value{}, err
			}
			values = append(values, completed)
		}
		return tftypes.NewValue(typeOf(field), values), nil
	}
	return value, nil
}

func completeFields(fields []kinds.Field, value tftypes.Value) (tftypes.Value, error) {
	given, values := members(value), map[string]tftypes.Value{}
	for _, field := range fields {
		completed, err := complete(field, given[field.Key()])
		if err != nil {
			return tftypes.Value{}, err
		}
		values[field.Key()] = completed
	}
	return tftypes.NewValue(objectType(fields), values), nil
}

// encode makes of a value what the API reads; nil: nothing is said. What is not known is left to the API.
func encode(field kinds.Field, value tftypes.Value) any {
	if value.IsNull() || !value.IsKnown() {
		return nil
	}
	switch field.Shape {
	case kinds.Bool:
		var truth bool
		if err := value.As(&truth); err != nil {
			panic(err) // by its type
		}
		return truth
	case kinds.Integer:
		return integerOf(value)
	case kinds.JSON:
		return json.RawMessage(textOf(value))
	case kinds.Labels:
		entries := map[string]any{}
		for key, entry := range members(value) {
			entries[key] = textOf(entry)
		}
		return entries
	case kinds.Object:
		return encodeFields(field.Struct.Fields, value)
	case kinds.List:
		items := []any{}
		for _, element := range elements(value) {
			items = append(items, encode(field.Element(), element))
		}
		return items
	}
	return textOf(value)
}

func encodeFields(fields []kinds.Field, value tftypes.Value) map[string]any {
	given, said := members(value), map[string]any{}
	for _, field := range fields {
		if one := encode(field, given[field.Key()]); one != nil {
			said[field.Name] = one
		}
	}
	return said
}
