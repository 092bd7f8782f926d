// Package kinds says what there is to know of each kind of resource: its fields, their bounds, defaults and
// one line of doc. The table itself is written from docs/openapi.json by internal/generate; nothing else in
// the provider names a field.
package kinds

import "strings"

//go:generate go run ../generate -from ../../../docs/openapi.json -to table.go

// Shape is what a value looks like.
type Shape int

// The shapes. Text, Duration, Time, Word, Status and JSON are texts in Terraform.
const (
	Text Shape = iota
	Bool
	Integer
	Duration // "1m30s"
	Time     // RFC 3339
	Word     // one of Words
	Status   // 200, or "200-299"
	JSON     // any JSON
	Labels   // text to text
	Object   // of Struct
	List     // of Of
)

// Field is one member of a Struct. Bounds hold for the elements of a list: bytes of a text, the value of an
// integer, nanoseconds of a duration.
type Field struct {
	Name      string // in the API
	Attribute string // in Terraform; empty: the same
	Doc       string // one line
	Shape     Shape
	Of        Shape   // List: of what
	Struct    *Struct // Object, and List of Object
	Words     []string
	Min       int64
	Max       int64  // 0: no bound
	ItemsMin  int64  // of a list
	ItemsMax  int64  // of a list, and of labels; 0: no bound
	Default   string // JSON; empty: none
	Required  bool
	ServerSet bool // nobody else can write it
	Secret    bool // written and never shown
	// The server tells {} and absent apart for some objects, not for these.
	BlankIsAbsent bool
	// Absent, the server fills it in with what it chose.
	FilledIn bool
}

// Key is its name in Terraform.
func (f Field) Key() string {
	if f.Attribute != "" {
		return f.Attribute
	}
	return f.Name
}

// Element is the field as it is for each element of a list.
func (f Field) Element() Field {
	f.Shape = f.Of
	f.Default = ""
	f.Required = true
	return f
}

// Struct is a group of fields.
type Struct struct {
	Name   string
	Fields []Field
}

// Kind is one kind of resource.
type Kind struct {
	Name     string // "LoadBalancer"
	Plural   string // "loadbalancers", as in the API's paths
	Doc      string
	Writable bool // clients make them; else there is only a data source
	Told     bool // a secret is made with it, and told once
	Spec     *Struct
	Status   *Struct // nil: nothing is seen of it
}

// TypeName is the name in Terraform, without the provider's: "load_balancer".
func (k Kind) TypeName() string { return snake(k.Name) }

func snake(name string) string {
	var text strings.Builder
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			if i > 0 {
				text.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		text.WriteRune(c)
	}
	return text.String()
}

// renames holds the fields of specs that can't have their own name at the top of a Terraform resource: it is
// that of the object there, or a word of the language.
var renames = map[string]map[string]string{
	"RecordSet": {"name": "record_name"},
	"Event":     {"kind": "object_kind", "name": "object_name", "revision": "object_revision"},
	"Edge":      {"provider": "provider_name"},
	"Tunnel":    {"provider": "provider_name"},
	"DnsLedger": {"provider": "provider_name"},
	"Node":      {"provider": "provider_name"},
}

// SpecFields are those of the spec, with the names that they have at the top.
func (k Kind) SpecFields() []Field {
	fields := make([]Field, 0, len(k.Spec.Fields))
	for _, field := range k.Spec.Fields {
		if name, renamed := renames[k.Name][field.Name]; renamed {
			field.Attribute = name
		}
		fields = append(fields, field)
	}
	return fields
}
