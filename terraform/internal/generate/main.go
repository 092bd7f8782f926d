// Command generate writes the table of kinds from the API's description.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/format"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What the description does not say: objects that are the same to the server whether they are {} or
// absent...
var blankIsAbsent = []string{"TcpOptions", "EdgeSelector"}

// ... and fields that the server fills in when they are absent.
var filledIn = []string{"Listener.port"}

type property struct {
	Ref         string          `json:"$ref"`
	Type        string          `json:"type"`
	Format      string          `json:"format"`
	Pattern     string          `json:"pattern"`
	Description string          `json:"description"`
	Default     json.RawMessage `json:"default"`
	Enum        []string        `json:"enum"`
	Examples    []string        `json:"examples"`
	OneOf       []property      `json:"oneOf"`
	Items       *property       `json:"items"`
	ReadOnly    bool            `json:"readOnly"`
	WriteOnly   bool            `json:"writeOnly"`
	Minimum     int64           `json:"minimum"`
	Maximum     int64           `json:"maximum"`
	MinLength   int64           `json:"minLength"`
	MaxLength   int64           `json:"maxLength"`
	MinItems    int64           `json:"minItems"`
	MaxItems    int64           `json:"maxItems"`
	MaxEntries  int64           `json:"maxProperties"`
	Additional  json.RawMessage `json:"additionalProperties"`
	Required    []string        `json:"required"`
	Properties  ordered         `json:"properties"`
}

// ordered keeps the members of an object in their order.
type ordered []member

type member struct {
	name  string
	value property
}

func (o *ordered) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil { // the brace
		return err
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		one := member{name: fmt.Sprint(name)}
		if err := decoder.Decode(&one.value); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		*o = append(*o, one)
	}
	return nil
}

func (o ordered) find(name string) *property {
	for i := range o {
		if o[i].name == name {
			return &o[i].value
		}
	}
	return nil
}

type description struct {
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Schemas map[string]json.RawMessage `json:"schemas"`
	} `json:"components"`
}

func main() {
	from := flag.String("from", "", "docs/openapi.json")
	to := flag.String("to", "", "the table")
	flag.Parse()
	text, err := os.ReadFile(*from)
	if err == nil {
		text, err = generate(text)
	}
	if err == nil {
		err = os.WriteFile(*to, text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// A writer of the table: each struct once, before those that have it.
type writer struct {
	description description
	structs     bytes.Buffer
	done        []string
}

func generate(openapi []byte) ([]byte, error) {
	w := writer{}
	if err := json.Unmarshal(openapi, &w.description); err != nil {
		return nil, err
	}
	kinds, err := w.kinds()
	if err != nil {
		return nil, err
	}
	const head = "// Code generated from docs/openapi.json by internal/generate; DO NOT EDIT.\n\npackage kinds\n\n"
	return format.Source([]byte(head + kinds + w.structs.String()))
}

var objectPath = regexp.MustCompile(`^/v1/([a-z]+)/\{name\}$`)

func (w *writer) kinds() (string, error) {
	var paths []string
	for path := range w.description.Paths {
		if objectPath.MatchString(path) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	text := "// All holds every kind that there is.\nvar All = []Kind{\n"
	for _, path := range paths {
		line, err := w.kind(path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		text += line
	}
	return text + "}\n", nil
}

func (w *writer) kind(path string) (string, error) {
	operations := w.description.Paths[path]
	var get struct {
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal(operations["get"], &get); err != nil {
		return "", err
	}
	if len(get.Tags) != 1 {
		return "", fmt.Errorf("get has %d tags, not that of its kind", len(get.Tags))
	}
	name := get.Tags[0]
	if strings.ToLower(name) == name {
		return "", nil // of something that is no object: images
	}
	kind, err := w.schema(name)
	if err != nil {
		return "", err
	}
	spec, err := w.member(kind, "spec")
	if err != nil {
		return "", err
	}
	status, err := w.member(kind, "status")
	if err != nil {
		return "", err
	}
	if spec == "" {
		return "", fmt.Errorf("%s has no spec", name)
	}
	line := fmt.Sprintf("{Name: %q, Plural: %q, Doc: %q, Spec: %s", name,
		objectPath.FindStringSubmatch(path)[1], kind.Description, spec)
	if status != "" {
		line += ", Status: " + status
	}
	if _, writable := operations["put"]; writable {
		line += ", Writable: true"
	}
	if kind.Properties.find("secret") != nil {
		line += ", Told: true"
	}
	return line + "},\n", nil
}

// The variable of the struct that a kind has there; empty: it has none.
func (w *writer) member(kind *property, name string) (string, error) {
	found := kind.Properties.find(name)
	if found == nil {
		return "", nil
	}
	return w.structure(found.Ref)
}

func (w *writer) schema(name string) (*property, error) {
	text, found := w.description.Components.Schemas[name]
	if !found {
		return nil, fmt.Errorf("there is no schema %s", name)
	}
	schema := &property{}
	if err := json.Unmarshal(text, schema); err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	return schema, nil
}

// Writes a struct and those within it, unless it was; answers its variable.
func (w *writer) structure(ref string) (string, error) {
	name := strings.TrimPrefix(ref, "#/components/schemas/")
	variable := "of" + name
	if slices.Contains(w.done, name) {
		return variable, nil
	}
	w.done = append(w.done, name)
	schema, err := w.schema(name)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("\nvar %s = &Struct{Name: %q, Fields: []Field{\n", variable, name)
	for _, one := range schema.Properties {
		line, err := w.field(name, one, slices.Contains(schema.Required, one.name))
		if err != nil {
			return "", fmt.Errorf("%s.%s: %w", name, one.name, err)
		}
		text += line
	}
	w.structs.WriteString(text + "}}\n")
	return variable, nil
}

func (w *writer) field(owner string, one member, required bool) (string, error) {
	p := one.value
	parts := []string{fmt.Sprintf("Name: %q", one.name)}
	add := func(format string, values ...any) { parts = append(parts, fmt.Sprintf(format, values...)) }
	value := p
	if p.Type == "array" {
		if p.Items == nil {
			return "", fmt.Errorf("is a list of nothing")
		}
		value = *p.Items
		shape, err := shapeOf(value)
		if err != nil {
			return "", err
		}
		add("Shape: List, Of: %s, ItemsMax: %d", shape, p.MaxItems)
		if p.MinItems > 0 {
			add("ItemsMin: %d", p.MinItems)
		}
	} else {
		shape, err := shapeOf(p)
		if err != nil {
			return "", err
		}
		add("Shape: %s", shape)
	}
	bounds, err := boundsOf(value)
	if err != nil {
		return "", err
	}
	parts = append(parts, bounds...)
	if value.Ref != "" {
		variable, err := w.structure(value.Ref)
		if err != nil {
			return "", err
		}
		add("Struct: %s", variable)
		if slices.Contains(blankIsAbsent, strings.TrimPrefix(value.Ref, "#/components/schemas/")) {
			add("BlankIsAbsent: true")
		}
	}
	if len(p.Default) > 0 {
		compact := bytes.Buffer{}
		if err := json.Compact(&compact, p.Default); err != nil {
			return "", err
		}
		add("Default: %s", quoted(compact.String()))
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{
		{"Required", required},
		{"ServerSet", p.ReadOnly},
		{"Secret", p.WriteOnly},
		{"FilledIn", slices.Contains(filledIn, owner+"."+one.name)},
	} {
		if flag.set {
			add("%s: true", flag.name)
		}
	}
	return "{" + strings.Join(parts, ", ") + ",\n" + fmt.Sprintf("Doc: %q},\n", p.Description), nil
}

func quoted(text string) string {
	if strings.Contains(text, "`") {
		return strconv.Quote(text)
	}
	return "`" + text + "`"
}

func shapeOf(p property) (string, error) {
	switch {
	case p.Ref != "":
		return "Object", nil
	case len(p.OneOf) == 2 && p.OneOf[0].Type == "integer" && p.OneOf[1].Type == "string":
		return "Status", nil
	case p.Type == "boolean":
		return "Bool", nil
	case p.Type == "integer":
		return "Integer", nil
	case p.Type == "string" && len(p.Enum) > 0:
		return "Word", nil
	case p.Type == "string" && p.Format == "date-time":
		return "Time", nil
	case p.Type == "string" && strings.Contains(p.Pattern, "h|m|s|ms"):
		return "Duration", nil
	case p.Type == "string" && p.Pattern == "" && p.Format == "":
		return "Text", nil
	case p.Type == "object" && string(p.Additional) == "true":
		return "JSON", nil
	case p.Type == "object" && len(p.Additional) > 0:
		return "Labels", nil
	}
	return "", fmt.Errorf("has a type that the provider does not know: %q %q %q", p.Type, p.Format, p.Pattern)
}

func boundsOf(p property) ([]string, error) {
	low, high := p.Minimum, p.Maximum
	var parts []string
	switch shape, _ := shapeOf(p); shape {
	case "Word":
		return []string{fmt.Sprintf("Words: %#v", p.Enum)}, nil
	case "Text":
		low, high = p.MinLength, p.MaxLength
	case "Labels":
		entry := property{}
		if err := json.Unmarshal(p.Additional, &entry); err != nil {
			return nil, err
		}
		high = entry.MaxLength
		parts = append(parts, fmt.Sprintf("ItemsMax: %d", p.MaxEntries))
	case "Duration":
		// The shortest and the longest, as the description gives them.
		if len(p.Examples) != 2 {
			return nil, fmt.Errorf("has %d examples, not the shortest and the longest", len(p.Examples))
		}
		shortest, err := time.ParseDuration(p.Examples[0])
		if err != nil {
			return nil, err
		}
		longest, err := time.ParseDuration(p.Examples[1])
		if err != nil {
			return nil, err
		}
		low, high = shortest.Nanoseconds(), longest.Nanoseconds()
	}
	if low != 0 {
		parts = append(parts, fmt.Sprintf("Min: %d", low))
	}
	if high != 0 {
		parts = append(parts, fmt.Sprintf("Max: %d", high))
	}
	return parts, nil
}
