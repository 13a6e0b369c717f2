package natsbus

import (
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"
)

// serverLog hands the server's messages to zerolog: bounded, because strangers
// can cause them. It keeps a fatal one for whoever starts the server.
type serverLog struct {
	log zerolog.Logger

	mu   sync.Mutex // guards dead
	dead error
}

var _ server.Logger = (*serverLog)(nil)

func newServerLog(log zerolog.Logger) *serverLog {
	return &serverLog{log: log.Sample(&zerolog.BurstSampler{Burst: 30, Period: time.Minute})}
}

func (l *serverLog) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

func (l *serverLog) write(event *zerolog.Event, format string, v []any) {
	event.Str("text", fmt.Sprintf(format, v...)).Msg("nats server")
}

// Noticef implements server.Logger.
func (l *serverLog) Noticef(format string, v ...any) { l.write(l.log.Debug(), format, v) }

// Warnf implements server.Logger.
func (l *serverLog) Warnf(format string, v ...any) { l.write(l.log.Warn(), format, v) }

// Errorf implements server.Logger.
func (l *serverLog) Errorf(format string, v ...any) { l.write(l.log.Warn(), format, v) }

// Debugf implements server.Logger.
func (l *serverLog) Debugf(string, ...any) {}

// Tracef implements server.Logger.
func (l *serverLog) Tracef(string, ...any) {}

// Fatalf implements server.Logger. It does not end the process.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	l.dead = fmt.Errorf(format, v...)
	l.mu.Unlock()
	l.write(l.log.Error(), format, v)
}
