package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"parley/node/secret"
)

const maxAnswer = 4 << 10

// asker asks the person at the terminal.
type asker struct {
	ctx context.Context //nolint:containedctx // one conversation, ended by Ctrl-C as a whole
	a   *app
}

func newAsker(ctx context.Context, a *app) *asker { return &asker{ctx: ctx, a: a} }

// line asks for one line; an empty one means the default.
func (q *asker) line(label, fallback string) (string, error) {
	prompt := label
	if fallback != "" {
		prompt += " [" + fallback + "]"
	}
	fmt.Fprintf(cleanWriter{q.a.err}, "%s: ", prompt)
	type answer struct {
		text string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		text, err := readLine(q.a.in)
		answered <- answer{text, err}
	}()
	select {
	case <-q.ctx.Done():
		// The read goes on until a line comes, and nobody waits for it.
		q.a.say("")
		return "", q.ctx.Err()
	case got := <-answered:
		if text := strings.TrimSpace(got.text); got.err != nil || text != "" {
			return text, got.err
		}
		return fallback, nil
	}
}

// valid asks until check is content.
func (q *asker) valid(label, fallback string, check func(string) error) (string, error) {
	for {
		text, err := q.line(label, fallback)
		if err != nil {
			return "", err
		}
		if err = check(text); err == nil {
			return text, nil
		}
		q.a.say("  %v", err)
	}
}

// readLine reads byte by byte: what follows the line may be a password, which
// is read another way.
func readLine(in io.Reader) (string, error) {
	var line []byte
	for one := make([]byte, 1); len(line) < maxAnswer; {
		n, err := in.Read(one)
		switch {
		case n == 1 && one[0] == '\n':
			return string(line), nil
		case n == 1:
			line = append(line, one[0])
		case errors.Is(err, io.EOF):
			return "", errors.New("the answer did not come: end of input")
		case err != nil:
			return "", fmt.Errorf("read the answer: %w", err)
		}
	}
	return "", errors.New("the answer is too long")
}

// promptSecret asks for a secret without showing it.
func promptSecret(ctx context.Context, a *app, label string) (secret.Value, error) {
	return secret.Ask(ctx, a.in, a.err, label)
}
