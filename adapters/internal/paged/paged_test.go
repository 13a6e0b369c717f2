package paged_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/internal/paged"
)

// shelf is a tracker's list in pages of three; meanwhile runs before each is given.
type shelf struct {
	rows      []int
	fetched   int
	meanwhile func(fetched int)
}

func (s *shelf) list(place string) paged.List[int] {
	return paged.List[int]{
		Op: "list", Cursor: "cursor", Key: func(n *int) string { return strconv.Itoa(*n) },
		Fetch: func(_ context.Context, at url.Values) ([]int, url.Values, error) {
			s.fetched++
			if s.meanwhile != nil {
				s.meanwhile(s.fetched)
			}
			page, _ := strconv.Atoi(at.Get(place))
			from := min(3*page, len(s.rows))
			to := min(from+3, len(s.rows))
			var next url.Values
			if to < len(s.rows) {
				next = url.Values{place: {strconv.Itoa(page + 1)}}
			}
			return slices.Clone(s.rows[from:to]), next, nil
		},
	}
}

func TestRead_ARowThatIsTakenOutMeanwhileHidesNoOther(t *testing.T) {
	t.Parallel()
	s := &shelf{rows: []int{1, 2, 3, 4, 5, 6, 7, 8}}
	s.meanwhile = func(fetched int) {
		if fetched == 2 {
			s.rows = s.rows[1:] // 4 moves to the first page, which was read
		}
	}
	got, err := s.list("page").Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(got, []int{2, 3, 4, 5, 6, 7, 8}); d != "" {
		t.Errorf("rows (-got +want):\n%s", d)
	}
}

func TestRead_ARowThatComesAgainIsGivenOnce(t *testing.T) {
	t.Parallel()
	s := &shelf{rows: []int{1, 2, 3, 3, 4}}
	got, err := s.list("page").Read(t.Context())
	if d := cmp.Diff(got, []int{1, 2, 3, 4}); err != nil || d != "" {
		t.Errorf("%v; rows (-got +want):\n%s", err, d)
	}
}

func TestRead_BehindACursorNothingIsReadTwice(t *testing.T) {
	t.Parallel()
	for place, want := range map[string]int{"cursor": 3, "page": 5} {
		s := &shelf{rows: []int{1, 2, 3, 4, 5, 6, 7}}
		if _, err := s.list(place).Read(t.Context()); err != nil || s.fetched != want {
			t.Errorf("%s: %d pages were fetched, want %d (%v)", place, s.fetched, want, err)
		}
	}
}

func TestRead_WhatMovesFasterThanItIsReadIsNoList(t *testing.T) {
	t.Parallel()
	s := &shelf{rows: []int{1, 2, 3, 4, 5}}
	s.meanwhile = func(fetched int) { s.rows[2] = 100 + fetched }
	got, err := s.list("page").Read(t.Context())
	if !errors.Is(err, paged.ErrMoves) || !errors.Is(err, adapters.ErrTransient) || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestRead_AListWithoutEndIsAnError(t *testing.T) {
	t.Parallel()
	l := paged.List[int]{
		Op: "list", Cursor: "cursor", Key: func(n *int) string { return strconv.Itoa(*n) },
		Fetch: func(context.Context, url.Values) ([]int, url.Values, error) {
			return []int{1}, url.Values{"cursor": {"again"}}, nil
		},
	}
	if got, err := l.Read(t.Context()); !errors.Is(err, adapters.ErrConfiguration) || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestNext_OnlyThePlaceIsTakenFromALink(t *testing.T) {
	t.Parallel()
	for link, want := range map[string]url.Values{
		`<https://evil.example/steal?page=2&per_page=9&token=x>; rel="next"`:               {"page": {"2"}},
		`<https://a.example/?page=1>; rel="prev", <https://a.example/?page=3>; rel="next"`: {"page": {"3"}},
		`<https://a.example/?page=1>; rel="prev"`:                                          nil,
		`<https://a.example/?other=1>; rel="next"`:                                         nil,
		`<:>; rel="next"`: nil,
		`nonsense`:        nil,
		"":                nil,
	} {
		got := paged.Next(http.Header{"Link": {link}}, "page", "cursor")
		if d := cmp.Diff(got, want); d != "" {
			t.Errorf("%s (-got +want):\n%s", link, d)
		}
	}
}
