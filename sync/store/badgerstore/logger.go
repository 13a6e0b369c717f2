package badgerstore

import (
	"fmt"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/rs/zerolog"
)

// logger takes what Badger says. Its debug lines show keys and are left out.
type logger struct{ log zerolog.Logger }

var _ badger.Logger = logger{}

func (l logger) Errorf(format string, args ...any)   { say(l.log.Error(), format, args) }
func (l logger) Warningf(format string, args ...any) { say(l.log.Warn(), format, args) }
func (l logger) Infof(format string, args ...any)    { say(l.log.Debug(), format, args) }
func (logger) Debugf(string, ...any)                 {}

func say(e *zerolog.Event, format string, args []any) {
	if e.Enabled() {
		e.Str("detail", strings.TrimSpace(fmt.Sprintf(format, args...))).Msg("badger")
	}
}
