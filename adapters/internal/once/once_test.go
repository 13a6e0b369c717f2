package once_test

import (
	"slices"
	"testing"

	"parley/adapters/internal/once"
)

func TestRows_KeepsTheFirstRowOfEachKey(t *testing.T) {
	t.Parallel()
	all := []string{"b1", "a1", "b2", "c1", "a2"}
	got := once.Rows(all, func(s *string) byte { return (*s)[0] })
	if want := []string{"b1", "a1", "c1"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if all[2] != "b2" {
		t.Errorf("the rows given were changed: %v", all)
	}
}
