package filters

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"parley/sync/event"
)

// Env is what a script is compiled against. The zero Env is useful: names of
// custom fields are then unchecked and there are no variables or tables.
type Env struct {
	// Schema is our tracker's. While it holds no fields, custom names, options
	// and writability are unchecked.
	Schema event.Schema
	// Peer is what the other side says that it sends, as Outgoing.Shape tells it.
	// While it holds no fields, nothing is checked against it. What it holds gives
	// warnings only: the other side cannot keep a script of ours from being used.
	Peer event.Schema
	// Vars are the connection's declared variables: texts, numbers, bools and
	// lists of them.
	Vars map[string]any
	// Tables by name, for lookup and mapped.
	Tables map[string]Table
	// Hosts are our own host names and domains, which redact(t, "host") removes.
	Hosts []string
	// Key makes hash, pseudonym and the ids of people differ per connection, and seals
	// tokens. Without one, as in tests of filters, they hide nothing.
	Key []byte
	// OwnName says that the accept gate lets comments be written in our own name only.
	OwnName bool
	// Create is what the accept gate lets be made: event.MakeVersions, event.MakeComponents.
	Create []string
	// Limits of a run; a zero member means its default.
	Limits Limits
}

// Limits bound one run.
type Limits struct {
	Time    time.Duration // wall clock; 30 ms, so that with its last step a run ends within 50
	Memory  int           // bytes a run may allocate, by our count; 56 MB, so that with what the count leaves out it stays below 64
	Lookups int           // questions to the tracker; 200
	Result  int           // bytes of the result without attachments' content; 512 KiB
	Items   int           // length of one list; 50,000
	Text    int           // bytes of one text; 2 MiB
}

// Fixed bounds of a script, checked before anything recursive sees it.
const (
	maxSource   = 64 << 10 // bytes
	maxNesting  = 64       // brackets in brackets
	maxPrefix   = 16       // unary operators in a row
	maxBlocks   = 16       // if in if
	maxNodes    = 2000     // of one expression
	maxProblems = 100      // errors listed, and as many warnings
	maxDepth    = 16       // of a value in a result
	maxValues   = 20_000   // values in a result
)

func (l Limits) withDefaults() Limits {
	return Limits{
		Time:    cmp.Or(l.Time, 30*time.Millisecond),
		Memory:  cmp.Or(l.Memory, 56<<20),
		Lookups: cmp.Or(l.Lookups, 200),
		Result:  cmp.Or(l.Result, 512<<10),
		Items:   cmp.Or(l.Items, 50_000),
		Text:    cmp.Or(l.Text, 2<<20),
	}
}

// version names a script together with the data that change what it does.
func version(kind, src string, env Env) string {
	// Maps marshal in key order, so equal content has equal bytes.
	raw, err := json.Marshal([]any{kind, src, env.Tables, env.Vars})
	if err != nil {
		// A variable that is not plain data; Compile reports it, and the version
		// must still differ with it.
		raw = fmt.Appendf(nil, "%s %s %v %v", kind, src, env.Tables, env.Vars)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:6])
}
