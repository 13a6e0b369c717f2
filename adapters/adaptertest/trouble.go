package adaptertest

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

// Trouble is a proxy before a tracker that does to a share of the requests what the
// suite's table of faults has, drawn from a seed: for tests of whole nodes.
type Trouble struct {
	// URL stands for the tracker's address.
	URL *url.URL

	proxy  *proxy
	faults []trouble

	mu     sync.Mutex // guards the fields below
	random *rand.Rand
	hits   map[string]int
}

type trouble struct {
	name string
	act  fault
}

// NewTrouble misbehaves in one of every so many requests, until Heal.
func NewTrouble(t *testing.T, target string, seed uint64, every int) *Trouble {
	t.Helper()
	x := &Trouble{
		proxy: newProxy(t, target), faults: troubles(),
		random: rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // to repeat it
		hits:   map[string]int{},
	}
	x.URL = x.proxy.url
	x.proxy.set(func(*http.Request) bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.random.IntN(every) == 0
	}, x.act)
	return x
}

func (x *Trouble) act(w http.ResponseWriter, r *http.Request, forward forwarder) {
	x.draw(isList(r)).act(w, r, forward)
}

func (x *Trouble) draw(list bool) trouble {
	x.mu.Lock()
	defer x.mu.Unlock()
	could := x.faults
	for _, one := range hangs() {
		if x.hits[one.name] < mostHangs {
			could = append(slices.Clip(could), one)
		}
	}
	if list {
		could = append(slices.Clip(could), slices.Repeat([]trouble{{"rows twice", rowsTwice}}, 3)...)
	}
	one := could[x.random.IntN(len(could))]
	x.hits[one.name]++
	return one
}

// Heal ends the trouble and tells how often each fault happened.
func (x *Trouble) Heal() map[string]int {
	x.proxy.heal()
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.hits
}

// troubles are the faults that a node must live with.
func troubles() []trouble {
	const jsonType = "application/json"
	limited := func(name, value string) fault {
		return status(http.StatusTooManyRequests, http.Header{name: {value}}, "text/plain", "")
	}
	return []trouble{
		{"limited, seconds", limited("Retry-After", "1")},
		{"limited, date", func(w http.ResponseWriter, r *http.Request, f forwarder) {
			limited("Retry-After", time.Now().Add(time.Second).UTC().Format(http.TimeFormat))(w, r, f)
		}},
		{"limited, no time", status(http.StatusTooManyRequests, nil, "text/plain", "")},
		{"503 before", status(http.StatusServiceUnavailable, nil, "text/html", htmlPage)},
		{"401", status(http.StatusUnauthorized, nil, "text/plain", "")},
		{"cut before", cut},
		{"500 after", afterwards(status(http.StatusInternalServerError, nil, jsonType, `{"message":"oops"}`))},
		{"502 after", afterwards(status(http.StatusBadGateway, nil, "text/html", htmlPage))},
		{"cut after", afterwards(cut)},
		{"cut JSON", cutBody},
		{"cut in the body", cutConnection},
		{"HTML page after", afterwards(status(http.StatusOK, nil, "text/html", htmlPage))},
		{"a day ahead", dayAhead},
	}
}

// mostHangs is how often each of hangs happens: it takes as long as the client waits.
const mostHangs = 3

// hangs are answers that never come.
func hangs() []trouble {
	return []trouble{{"no answer", hang}, {"no answer after", afterwards(hang)}}
}
