package admin

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"
)

const (
	readTimeout = 30 * time.Second
	// answerTimeout bounds what a Service does for one request: a listing at a
	// slow tracker is the longest.
	answerTimeout = 5 * time.Minute
	goodbyeTime   = 5 * time.Second
	maxHeader     = 16 << 10
)

// Serve answers on l until ctx ends, then gives requests under way a moment.
func Serve(ctx context.Context, l net.Listener, handler http.Handler, log zerolog.Logger) error {
	server := &http.Server{
		Handler:           survive(handler, log),
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      answerTimeout + readTimeout,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       withConn,
		ErrorLog:          stdlog.New(log.With().Str("level", zerolog.LevelWarnValue).Logger(), "", 0),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve commands: %w", err)
	case <-ctx.Done():
	}
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeTime)
	defer cancel()
	if err := server.Shutdown(bye); err != nil {
		log.Warn().Err(err).Msg("requests were cut off at the end")
		return errors.Join(server.Close(), closed(<-ended))
	}
	return closed(<-ended)
}

// closed is how a server ends: nil if it was told to.
func closed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve commands: %w", err)
}

// survive makes an error of a programmer's mistake: it costs one request, and
// not the node.
func survive(next http.Handler, log zerolog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			what := recover()
			if what == nil {
				return
			}
			log.Error().Any("panic", what).Str("path", r.URL.Path).Bytes("stack", debug.Stack()).Msg("a command failed by a mistake in Parley")
			newProblem(http.StatusInternalServerError, KindInternal, "a mistake in Parley", "the node's log says where: please report it").write(w)
		}()
		next.ServeHTTP(w, r)
	})
}
