package recall_test

import (
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"parley/adapters/internal/recall"
)

// counted answers with how often it was asked.
func counted(asked *int) func() (int, error) {
	return func() (int, error) {
		*asked++
		return *asked, nil
	}
}

func TestMemory_BelievesAnAnswerForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var m recall.Memory
		asked := 0
		for _, step := range []struct {
			pass time.Duration
			want int
		}{{0, 1}, {recall.Fresh - 1, 1}, {1, 2}} {
			time.Sleep(step.pass)
			if got, err := recall.Of(&m, "a", counted(&asked)); got != step.want || err != nil {
				t.Errorf("after %v more: answer %d, %v; want %d", step.pass, got, err, step.want)
			}
		}
	})
}

func TestMemory_AFailureIsNotRemembered(t *testing.T) {
	t.Parallel()
	var m recall.Memory
	broken := errors.New("broken")
	if _, err := recall.Of(&m, "a", func() (int, error) { return 7, broken }); !errors.Is(err, broken) {
		t.Errorf("err = %v, want that of the tracker", err)
	}
	asked := 0
	if got, err := recall.Of(&m, "a", counted(&asked)); got != 1 || err != nil {
		t.Errorf("after a failure: %d, %v; want a new answer", got, err)
	}
}

func TestMemory_ForgetsWhatItIsToldTo(t *testing.T) {
	t.Parallel()
	var m recall.Memory
	m.Keep("a", 1)
	m.Keep("b", 2)
	m.Forget("a")
	if _, ok := m.Get("a"); ok {
		t.Error("a is still remembered")
	}
	if v, ok := m.Get("b"); !ok || v != 2 {
		t.Errorf("b is %v, %v", v, ok)
	}
	m.ForgetAll()
	if _, ok := m.Get("b"); ok {
		t.Error("b is still remembered")
	}
}

func TestMemory_DoesNotGrowWithoutEnd(t *testing.T) {
	t.Parallel()
	var m recall.Memory
	for i := range 30_000 {
		m.Keep(strconv.Itoa(i), i)
	}
	known := 0
	for i := range 30_000 {
		if _, ok := m.Get(strconv.Itoa(i)); ok {
			known++
		}
	}
	if known == 0 || known > 10_000 {
		t.Errorf("%d of 30,000 answers are remembered, want some and at most 10,000", known)
	}
}

func TestOnce_AsksUntilItIsAnswered(t *testing.T) {
	t.Parallel()
	var o recall.Once[string]
	if _, err := o.Get(func() (string, error) { return "", errors.New("broken") }); err == nil {
		t.Error("no error")
	}
	for range 2 {
		if got, err := o.Get(func() (string, error) { return "ana", nil }); got != "ana" || err != nil {
			t.Errorf("answer %q, %v", got, err)
		}
	}
	o.Set("bo")
	if got, err := o.Get(func() (string, error) { return "cy", nil }); got != "bo" || err != nil {
		t.Errorf("after a newer answer: %q, %v", got, err)
	}
}
