package glomers

import (
	"encoding/json"
	"testing"
)

func FuzzTypeOf(f *testing.F) {
	for _, body := range []string{
		`{"type":"echo","echo":1}`,
		`{ "a" : [{"type":"no"}, "type"] , "b":"type", "c":"\"type\":\"no\"", "type" : "yes\u0021" }`,
		`{"a\\":"\\","type":"x"}`,
		`{"type":7}`, `{"Type":"no"}`, `{}`, `{"a":"type"}`,
		`{"t\u0079pe":"yes","a":{"t\u0079pe":"no"}}`, `{"a":"t\u0079pe"}`,
		`{"type":"no","a":1,"type":"yes"}`, `{"type":"no","type":7}`, `{"t\u0079pe":"no","type":"yes"}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var fields map[string]json.RawMessage
		if json.Unmarshal([]byte(body), &fields) != nil || fields == nil {
			return // The host lets nothing but objects through.
		}
		var want string
		wantOk := json.Unmarshal(fields["type"], &want) == nil && string(fields["type"]) != "null"
		if got, ok := typeOf([]byte(body)); got != want || ok != wantOk {
			t.Errorf("typeOf(%s) = %q, %v; want %q, %v", body, got, ok, want, wantOk)
		}
	})
}
