package provider

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"weir.example/terraform-provider-weir/internal/kinds"
)

// Secrets are in no state and no plan. What is kept of each, beside the state, is a slow salted hash, by
// which the next plan sees that a configuration has another one by now.

const (
	secretsKey     = "secrets" // of what is kept beside the state
	hashIterations = 100_000   // some 20 ms
	saltBytes      = 16
	hashBytes      = 32
)

type hashedSecret struct {
	Salt []byte `json:"salt"`
	Hash []byte `json:"hash"`
}

type hashedSecrets map[string]hashedSecret

func readHashes(text []byte) hashedSecrets {
	hashes := hashedSecrets{}
	if json.Unmarshal(text, &hashes) != nil || hashes == nil {
		return hashedSecrets{} // nothing is known of them: they are written anew
	}
	return hashes
}

func (h hashedSecrets) text() ([]byte, error) { return json.Marshal(h) }

func plainText(field kinds.Field, value tftypes.Value) ([]byte, error) {
	return json.Marshal(encode(field, value)) // keys of maps are sorted
}

// has tells whether a known value is the one that was hashed.
func (h hashedSecrets) has(field kinds.Field, value tftypes.Value) (bool, error) {
	kept, there := h[field.Name]
	if !there {
		return false, nil
	}
	hash, err := hashOf(field, value, kept.Salt)
	return err == nil && hmac.Equal(hash, kept.Hash), err
}

func (h hashedSecrets) keep(field kinds.Field, value tftypes.Value) error {
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return err
	}
	hash, err := hashOf(field, value, salt)
	if err == nil {
		h[field.Name] = hashedSecret{Salt: salt, Hash: hash}
	}
	return err
}

func hashOf(field kinds.Field, value tftypes.Value, salt []byte) ([]byte, error) {
	plain, err := plainText(field, value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field.Name, err)
	}
	return pbkdf2.Key(sha256.New, string(plain), salt, hashIterations, hashBytes)
}

// changed are the secrets of a configuration that are not those hashed; one that is not known yet may be
// another. What a configuration leaves out stays as it was.
func (h hashedSecrets) changed(fields []kinds.Field, config tftypes.Value) ([]kinds.Field, error) {
	var others []kinds.Field
	all := members(config)
	for _, field := range fields {
		value := all[field.Key()]
		if value.IsNull() {
			continue
		}
		if value.IsFullyKnown() {
			same, err := h.has(field, value)
			if err != nil {
				return nil, err
			}
			if same {
				continue
			}
		}
		others = append(others, field)
	}
	return others, nil
}
