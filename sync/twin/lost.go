package twin

import (
	"slices"
	"strings"

	"parley/sync/event"
)

// Loss is how a field that a tracker ignored or changed stands on a row: its
// name, and why where that is known.
func Loss(field string, why event.Code) string {
	if why == "" {
		return field
	}
	return field + "\n" + string(why)
}

// LossOf takes a Loss apart.
func LossOf(loss string) (field string, why event.Code) {
	field, code, _ := strings.Cut(loss, "\n")
	return field, event.Code(code)
}

// Relost is what is lost when fields for which over is true were written or
// changed since, and of those only what lost names is lost again.
func Relost(had []string, over func(field string) bool, lost []string) []string {
	left := slices.DeleteFunc(slices.Clone(had), func(loss string) bool {
		field, _ := LossOf(loss)
		return over(field) || slices.ContainsFunc(lost, func(l string) bool { again, _ := LossOf(l); return again == field })
	})
	left = append(left, lost...)
	if len(left) == 0 {
		return nil
	}
	slices.Sort(left)
	return left
}

// found takes fields that are known otherwise since from what is lost.
func found(had []string, over func(field string) bool) []string {
	if len(had) == 0 {
		return had
	}
	return Relost(had, over, nil)
}

// settleLost records what the peer's tracker made of our event.
func (r *Row) settleLost(o event.Outcome) {
	lost := make([]string, 0, len(o.Lost))
	for _, field := range o.Lost {
		lost = append(lost, Loss(field, o.Code))
	}
	r.Lost = Relost(r.Lost, func(field string) bool { return r.Sent[field].Seq == o.Seq }, lost)
}
