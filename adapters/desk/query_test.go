package desk

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseQuery_TakesWhatItKnowsAndRefusesTheRest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		want     query
	}{
		{"empty", "  ", query{equal: map[string]string{}}},
		{"words", "VPN Down", query{equal: map[string]string{}, words: []string{"vpn", "down"}}},
		{"key", "project=DESK", query{equal: map[string]string{"project": "DESK"}}},
		{
			"all", `status="In progress" label=vpn tunnel "two words"`,
			query{equal: map[string]string{"status": "In progress", "label": "vpn"}, words: []string{"tunnel", "two words"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := parseQuery(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(got, tt.want, cmp.AllowUnexported(query{})); d != "" {
				t.Errorf("-got +want:\n%s", d)
			}
		})
	}
	for _, bad := range []string{"colour=red", "status=", `status="In`, "=x", `"`, strings.Repeat("a", maxQuery+1)} {
		if q, err := parseQuery(bad); !errors.Is(err, errInvalid) {
			t.Errorf("parseQuery(%.40q) gave %+v, %v; want a refusal", bad, q, err)
		}
	}
}

func FuzzParseQuery_Ends(f *testing.F) {
	f.Add(`a=b "c`)
	f.Add(`= = ""`)
	f.Fuzz(func(t *testing.T, in string) {
		if q, err := parseQuery(in); err == nil && len(q.words)+len(q.equal) > len(in) {
			t.Errorf("%q gave %+v", in, q)
		}
	})
}
