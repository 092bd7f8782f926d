package kinds

import (
	"regexp"
	"testing"
)

var reserved = []string{"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioner"}

func TestNamesFitTerraform(t *testing.T) {
	pattern := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	for _, kind := range All {
		if !pattern.MatchString(kind.TypeName()) {
			t.Errorf("%s is %q in Terraform", kind.Name, kind.TypeName())
		}
		taken := map[string]bool{
			"name": true, "labels": true, "annotations": true, "uid": true, "revision": true, "created_at": true,
			"updated_at": true, "status": true, "secret": true,
		}
		for _, name := range reserved {
			taken[name] = true
		}
		for _, field := range kind.SpecFields() {
			if taken[field.Key()] || !pattern.MatchString(field.Key()) {
				t.Errorf("%s.%s can't be called %q: give it a name in renames", kind.Name, field.Name, field.Key())
			}
			taken[field.Key()] = true
		}
	}
}

func TestRenamesAreOfFieldsThatThereAre(t *testing.T) {
	for name, fields := range renames {
		found := 0
		for _, kind := range All {
			for _, field := range kind.Spec.Fields {
				if kind.Name == name && fields[field.Name] != "" {
					found++
				}
			}
		}
		if found != len(fields) {
			t.Errorf("of the renames of %s there are %d, not %d", name, found, len(fields))
		}
	}
}

func TestTypeNames(t *testing.T) {
	for name, wanted := range map[string]string{
		"Service": "service", "LoadBalancer": "load_balancer", "DnsProvider": "dns_provider",
	} {
		if got := (Kind{Name: name}).TypeName(); got != wanted {
			t.Errorf("%s is %q, not %q", name, got, wanted)
		}
	}
}
