package secret

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// Ask is Prompt that ends with ctx too, and leaves the terminal as it was. What
// is typed after that may be lost.
func Ask(ctx context.Context, in *os.File, out io.Writer, label string) (Value, error) {
	before, err := term.GetState(int(in.Fd()))
	if err != nil {
		return Prompt(in, out, label) // no terminal: it says so
	}
	type answer struct {
		value Value
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		value, err := Prompt(in, out, label)
		answered <- answer{value, err}
	}()
	select {
	case a := <-answered:
		return a.value, a.err
	case <-ctx.Done():
		// The read goes on until a line comes, and nobody waits for it.
		if err := term.Restore(int(in.Fd()), before); err != nil {
			return Value{}, errors.Join(ctx.Err(), err)
		}
		return Value{}, ctx.Err()
	}
}

// Prompt asks the person at the terminal in for a secret, without showing what
// is typed. Where no person sits at in, it is an error that says to use a file.
func Prompt(in *os.File, out io.Writer, label string) (Value, error) {
	fd := int(in.Fd())
	if !term.IsTerminal(fd) {
		return Value{}, &Problem{
			What:   fmt.Sprintf("%s: nobody to ask, this is no terminal", label),
			Advice: "put it into a file that only you may read, and name the file",
		}
	}
	if _, err := fmt.Fprintf(out, "%s (not shown): ", label); err != nil {
		return Value{}, fmt.Errorf("ask for %s: %w", label, err)
	}
	text, err := term.ReadPassword(fd)
	_, _ = fmt.Fprintln(out) // the line end that was typed is not shown either
	if err != nil {
		return Value{}, fmt.Errorf("ask for %s: %w", label, err)
	}
	if len(text) == 0 {
		return Value{}, errors.New(label + ": nothing was typed")
	}
	return NewValue(string(text)), nil
}
