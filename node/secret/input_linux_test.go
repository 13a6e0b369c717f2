package secret_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"parley/node/secret"
)

// terminal opens a pair: what is typed into keyboard arrives at screen's
// program, and what is shown comes out of keyboard.
func terminal(t *testing.T) (keyboard, program *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	fd := int(keyboard.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return keyboard, program
}

// waitUnechoed waits until the terminal does not show what is typed.
func waitUnechoed(t *testing.T, terminal *os.File) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for {
		state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		if state.Lflag&unix.ECHO == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the terminal still shows what is typed")
		}
	}
}

func TestPrompt_DoesNotShowWhatIsTyped(t *testing.T) {
	t.Parallel()
	keyboard, program := terminal(t)
	type answer struct {
		value secret.Value
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		value, err := secret.Prompt(program, program, "API key")
		answered <- answer{value, err}
	}()
	waitUnechoed(t, program)
	if _, err := io.WriteString(keyboard, text+"\n"); err != nil {
		t.Fatal(err)
	}
	got := <-answered
	if got.err != nil || got.value.Reveal() != text {
		t.Errorf("got %q, %v", got.value.Reveal(), got.err)
	}
	if err := program.Close(); err != nil {
		t.Fatal(err)
	}
	shown, _ := io.ReadAll(keyboard) // ends in an error, as the other end is closed
	if s := string(shown); strings.Contains(s, "hunter2") || !strings.Contains(s, "API key (not shown): ") {
		t.Errorf("the terminal shows %q", s)
	}
}

func TestPrompt_WithoutATerminalSaysToUseAFile(t *testing.T) {
	t.Parallel()
	in, err := os.Open(write(t, "in", text, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	var out strings.Builder
	_, err = secret.Prompt(in, &out, "API key")
	if err == nil || !strings.Contains(hint(err), "file") || out.Len() != 0 {
		t.Errorf("got %v, hint %q, shown %q", err, hint(err), out.String())
	}
}
