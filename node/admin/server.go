package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
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
		Handler:           handler,
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      answerTimeout + readTimeout,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return ctx },
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
		err = server.Close()
		<-ended
		return err
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve commands: %w", err)
	}
	return nil
}
