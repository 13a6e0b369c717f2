package config_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/node/config"
)

// sampleAnswers are answers of several kinds.
var sampleAnswers = map[string]config.Answers{
	"private desk": {Name: "acme", Kind: kinds[0]},
	"reachable redmine": {
		Name: "acme", Dir: "/srv/x y", Kind: kinds[1], URL: "https://tracker.example/a#b",
		Settings: map[string]string{"api_key": "${secret:tracker-api_key}", "format": "markdown"},
		Listen:   "0.0.0.0:4222", Advertise: "h:4222",
	},
	"with a connection": {
		Name: "acme", Kind: kinds[0], Listen: "127.0.0.1:0", Connection: "globex",
		Scope: `issue.project == "SUP" and 'x: #y' in issue.labels`,
	},
}

func TestSample_Loads(t *testing.T) {
	t.Parallel()
	for name, a := range sampleAnswers {
		text, err := config.Sample(a)
		if err != nil {
			t.Fatal(err)
		}
		c, err := load(t, text, "filters/globex.out.parley", "filters/globex.in.parley")
		if err != nil {
			t.Errorf("%s: %v\nin:\n%s", name, err, text)
			continue
		}
		got := config.Answers{
			Name: c.Node.Name, Dir: c.Node.Dir, URL: c.Tracker.URL, Settings: c.Tracker.Settings, Listen: c.Listen.NATS,
			Advertise: c.Listen.Advertise, Scope: c.Connections["globex"].Scope, Connection: a.Connection, Kind: a.Kind,
		}
		if a.Dir == "" {
			a.Dir = "data"
		}
		if diff := cmp.Diff(got, a); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestSample_WithEveryCommentTakenOutLoads is what an admin does who uses it all.
func TestSample_WithEveryCommentTakenOutLoads(t *testing.T) {
	t.Parallel()
	text, err := config.Sample(config.Answers{Name: "acme", Kind: kinds[0]})
	if err != nil {
		t.Fatal(err)
	}
	text = uncommented(text, "listen", "connections", "notify")
	c, err := load(t, text, "filters/globex.out.parley", "filters/globex.in.parley", "tables/globex/status.yaml", "tests/globex/a.yaml")
	if err != nil {
		t.Fatalf("%v\nin:\n%s", err, text)
	}
	if got := c.Connections["globex"]; got.Owner != "sync-team@example.com" || got.Accept.Types == nil || got.Notify.PeerAway.To == nil {
		t.Errorf("got %+v", got)
	}
	if c.Listen.WebSocket == "" || c.Notify.SMTP.Password.IsZero() {
		t.Errorf("got %+v %+v", c.Listen, c.Notify)
	}
	text, err = config.Sample(sampleAnswers["private desk"])
	if err != nil {
		t.Fatal(err)
	}
	if c, err = load(t, uncommented(text, "nats")); err != nil || c.NATS.Credentials.IsZero() {
		t.Errorf("nats: got %v", err)
	}
}

// uncommented takes the # off the parts of a sample that start with keys.
func uncommented(text string, keys ...string) string {
	var out strings.Builder
	inPart := false
	for line := range strings.Lines(text) {
		body, isComment := strings.CutPrefix(line, "# ")
		key, _, _ := strings.Cut(body, ":")
		inPart = isComment && slices.Contains(keys, key) || inPart && isComment
		if inPart {
			line = body
		}
		out.WriteString(line)
	}
	return out.String()
}

func TestSample_NamesEveryKeyAndNoneThatIsNotThere(t *testing.T) {
	t.Parallel()
	text, err := config.Sample(sampleAnswers["reachable redmine"])
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys(reflect.TypeFor[config.Config]()) {
		if !strings.Contains(text, key+":") {
			t.Errorf("the sample does not name %s", key)
		}
	}
}

// keys returns every key of the schema, one below the other.
func keys(t reflect.Type) []string {
	for t.Kind() == reflect.Map || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var found []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name != "" && name != "-" {
			found = append(append(found, name), keys(t.Field(i).Type)...)
		}
	}
	return found
}

func FuzzLoad(f *testing.F) {
	f.Add(minimal)
	f.Add(full)
	f.Add("node: {name: a}\ntracker: {kind: redmine, settings: {api_key: [a:b, c:d]}}\n")
	for _, a := range sampleAnswers {
		text, err := config.Sample(a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4<<10 {
			t.Skip()
		}
		c, err := load(t, text)
		if err != nil {
			_ = err.Error()
			return
		}
		// What loads is shown, and what is shown loads.
		var out strings.Builder
		if err := c.Show(&out); err != nil {
			t.Fatal(err)
		}
		if _, err := load(t, out.String()); err != nil {
			t.Fatalf("%v\nin:\n%s\nof:\n%s", err, out.String(), text)
		}
	})
}
