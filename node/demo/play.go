package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"parley/sync/event"
)

// play is a scenario being played.
type play struct {
	*demo
	Scenario

	made []*story
}

// story is what happens to one ticket: what people at both desks did.
type story struct {
	number int
	home   *company
	away   *company
	// at is the ticket at home and its twin, by company.
	at map[*company]event.Written
	// said, noted and filed are what people wrote at each desk.
	mu    sync.Mutex // guards what follows
	said  map[*company][]string
	noted map[*company][]string
	filed map[*company]map[string]string // digest by name
}

const (
	// pace is the time between the beginnings of two stories.
	pace = 80 * time.Millisecond
	// files is how many stories have a file.
	files = 6
)

// perform plays all stories, side by side.
func (p *play) perform(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	wrong := make(chan error, p.Tickets+1)
	for i := range p.Tickets {
		s := &story{
			number: i, home: p.companies[i%2], away: p.companies[1-i%2], at: map[*company]event.Written{},
			said: map[*company][]string{}, noted: map[*company][]string{}, filed: map[*company]map[string]string{},
		}
		p.made = append(p.made, s)
		all.Go(func() {
			if err := s.happen(ctx, p.BigFile); err != nil {
				wrong <- err
				cancel(err)
			}
		})
		if i == p.Tickets/2 && p.Kill != "" {
			if err := p.kill(); err != nil {
				wrong <- err
				cancel(err)
			}
		}
		if !pause(ctx, pace) {
			break
		}
	}
	all.Wait()
	close(wrong)
	if first := <-wrong; first != nil {
		return first
	}
	return context.Cause(ctx)
}

func (p *play) kill() error {
	for _, c := range p.companies {
		if c.id == p.Kill {
			return c.node.kill()
		}
	}
	return fmt.Errorf("there is no company %q", p.Kill)
}

// happen plays one story.
func (s *story) happen(ctx context.Context, big int) error {
	n := s.number
	made, err := s.home.person.Write(ctx, event.Step{Kind: event.StepCreate, Fields: s.opening()}, nil)
	if err != nil {
		return err
	}
	s.at[s.home] = made
	if err := errors.Join(
		s.say(ctx, s.home, fmt.Sprintf("Story %d begins", n), false),
		s.say(ctx, s.home, fmt.Sprintf("Home thoughts of story %d, not for others", n), true),
	); err != nil {
		return err
	}
	if err := s.meet(ctx); err != nil {
		return err
	}
	return both(
		func() error { return s.atHome(ctx, big) },
		func() error { return s.farAway(ctx) },
	)
}

// both does two things at once.
func both(a, b func() error) error {
	var first, second error
	var all sync.WaitGroup
	all.Go(func() { first = a() })
	all.Go(func() { second = b() })
	all.Wait()
	return errors.Join(first, second)
}

func (s *story) opening() event.Fields {
	pick := func(words ...string) string { return words[s.number%len(words)] }
	return event.Fields{
		event.FieldSummary:     fmt.Sprintf("%s (%s %d)", pick("Printer on fire", "No network on floor 3", "Tür klemmt", "注文が届かない", "Invoice is wrong"), s.home.name, s.number+1),
		event.FieldType:        pick("Incident", "Request", "Task"),
		event.FieldDescription: "It began **this morning**.\n\n- seen by two people\n- `error " + fmt.Sprint(100+s.number) + "`",
		event.FieldPriority:    pick("Low", "Normal", "High", "Urgent"),
		event.FieldLabels:      []any{"demo", pick("floor-1", "floor-2")},
		event.FieldDue:         fmt.Sprintf("2030-01-%02d", 1+s.number%28),
		"fields.Severity":      pick("Minor", "Major", "Critical"),
	}
}

// meet waits until the twin is there.
func (s *story) meet(ctx context.Context) error {
	for {
		found, err := s.away.person.ByField(ctx, remoteKey, s.at[s.home].Key, 1)
		if err == nil && len(found) > 0 {
			s.at[s.away] = event.Written{Ref: found[0].Ref, Key: found[0].Key}
			return nil
		}
		if !pause(ctx, 50*time.Millisecond) {
			return fmt.Errorf("%s did not appear at %s: %w", s.at[s.home].Key, s.away.name, context.Cause(ctx))
		}
	}
}

// atHome is what the people do who made the ticket, while others do farAway.
func (s *story) atHome(ctx context.Context, big int) error {
	fields := event.Fields{event.FieldPriority: "Urgent"}
	switch s.number % 4 {
	case 0: // against farAway's
		fields[event.FieldDescription] = fmt.Sprintf("Story %d as %s tells it", s.number, s.home.name)
	case 1: // nobody away touches this one's status
		fields[event.FieldStatus] = "Resolved"
	case 2: // against farAway's
		fields[event.FieldStatus] = "Waiting"
	}
	if err := s.set(ctx, s.home, fields); err != nil {
		return err
	}
	if err := s.say(ctx, s.home, fmt.Sprintf("Any news of story %d?", s.number), false); err != nil {
		return err
	}
	if s.number >= files {
		return nil
	}
	c := s.home
	if s.number%3 == 2 {
		c = s.away
	}
	size := 1000 * (s.number + 1)
	name := fmt.Sprintf("log-%d.txt", s.number)
	switch s.number {
	case 0:
		size, name = big, "photo.jpg"
	case 1:
		name = "Übersicht – 図面 №1.pdf"
	}
	return s.file(ctx, c, name, size)
}

func (s *story) farAway(ctx context.Context) error {
	fields := event.Fields{event.FieldLabels: []any{"demo", "seen-by-" + s.away.id}}
	if s.number%4 == 0 {
		fields[event.FieldDescription] = fmt.Sprintf("Story %d as %s sees it", s.number, s.away.name)
	}
	if s.number%4 != 1 {
		fields[event.FieldStatus] = "In progress"
	}
	return errors.Join(
		s.say(ctx, s.away, fmt.Sprintf("We look into story %d", s.number), false),
		s.set(ctx, s.away, fields),
		s.say(ctx, s.away, fmt.Sprintf("Away thoughts of story %d, not for others", s.number), true),
	)
}

func (s *story) set(ctx context.Context, c *company, fields event.Fields) error {
	_, err := c.person.Write(ctx, event.Step{Kind: event.StepUpdate, Ref: s.at[c].Ref, Fields: fields}, nil)
	return err
}

func (s *story) say(ctx context.Context, c *company, body string, internal bool) error {
	_, err := c.person.Write(ctx, event.Step{
		Kind: event.StepComment, Ref: s.at[c].Ref, Comment: &event.CommentWrite{Body: body, Internal: internal},
	}, nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	if internal {
		s.noted[c] = append(s.noted[c], body)
	} else {
		s.said[c] = append(s.said[c], body)
	}
	return err
}

func (s *story) file(ctx context.Context, c *company, name string, size int) error {
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(s.number)}).Read(content) // never fails
	copy(content, "GIF89a")                                        // a picture, which the gate lets leave
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	_, err := c.person.Write(ctx, event.Step{Kind: event.StepAttach, Ref: s.at[c].Ref, Attachment: &event.AttachmentWrite{
		Name: name, Size: int64(size), MIME: "application/octet-stream", SHA256: digest,
	}}, bytes.NewReader(content))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filed[c] = map[string]string{name: digest}
	return err
}
