package flow_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
	"parley/sync/flow"
)

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func look(id string) flow.Task {
	return flow.Task{Kind: flow.KindWork, Ref: event.Ref{ID: id, Created: 1}}
}

// drain takes and ends all that is due.
func drain(l *flow.Lanes, now time.Time) []string {
	ids := []string{}
	for {
		task, ok, _ := l.Take(now)
		if !ok {
			return ids
		}
		ids = append(ids, task.Ref.ID)
		l.Leave(task, "")
	}
}

func TestLanes_EqualTasksRunOnce(t *testing.T) {
	t.Parallel()
	l := flow.NewLanes()
	l.Add(look("1"), flow.When{})
	l.Add(look("2"), flow.When{})
	l.Add(look("1"), flow.When{})
	if diff := cmp.Diff([]string{"1", "2"}, drain(l, start())); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
}

func TestLanes_BulkWaitsBehindUrgent(t *testing.T) {
	t.Parallel()
	l := flow.NewLanes()
	l.Add(look("bulk 1"), flow.When{Bulk: true})
	l.Add(look("bulk 2"), flow.When{Bulk: true, At: start()})
	l.Add(look("urgent 1"), flow.When{})
	l.Add(look("urgent 2"), flow.When{At: start()})
	if diff := cmp.Diff([]string{"urgent 1", "urgent 2", "bulk 1", "bulk 2"}, drain(l, start())); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
}

func TestLanes_EarliestTimeCounts(t *testing.T) {
	t.Parallel()
	l := flow.NewLanes()
	l.Add(look("1"), flow.When{At: start().Add(time.Hour)})
	l.Add(look("1"), flow.When{At: start().Add(time.Minute)})
	l.Add(look("1"), flow.When{At: start().Add(time.Second * 90)})
	if _, ok, next := l.Take(start()); ok || !next.Equal(start().Add(time.Minute)) {
		t.Errorf("due now: %v; look again at %v, want in a minute", ok, next)
	}
	if got := drain(l, start().Add(time.Minute)); len(got) != 1 {
		t.Errorf("run in a minute: %v, want once", got)
	}
	if got := drain(l, start().Add(2*time.Hour)); len(got) != 0 {
		t.Errorf("run again for the later times: %v", got)
	}
}

func TestLanes_TaskAddedWhileItRunsRunsOnceMore(t *testing.T) {
	t.Parallel()
	l := flow.NewLanes()
	l.Add(look("1"), flow.When{})
	task, _, _ := l.Take(start())
	l.Add(task, flow.When{})
	l.Add(task, flow.When{})
	if _, ok, _ := l.Take(start()); ok {
		t.Error("it runs twice at a time")
	}
	l.Leave(task, "")
	if diff := cmp.Diff([]string{"1"}, drain(l, start())); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
	if present, later := l.Waiting(); present+later != 0 {
		t.Errorf("%d tasks are left, %d for later", present, later)
	}
}

func TestLanes_ATaskWhoseLaneIsTakenIsHandedOutAgain(t *testing.T) {
	t.Parallel()
	l := flow.NewLanes()
	l.Add(look("1"), flow.When{})
	l.Add(look("2"), flow.When{})
	one, _, _ := l.Take(start())
	two, _, _ := l.Take(start())
	if !l.Enter(one, "lane") {
		t.Fatal("an empty lane is taken")
	}
	if l.Enter(two, "lane") {
		t.Fatal("two tasks are in one lane")
	}
	if _, ok, _ := l.Take(start()); ok {
		t.Error("it is handed out while the lane is taken")
	}
	l.Leave(one, "lane")
	got, ok, _ := l.Take(start())
	if !ok || got != two || !l.Enter(two, "lane") {
		t.Errorf("handed out: %v %v, want the one that waited", got, ok)
	}
}

// TestLanes_OneTicketNeverRunsTwice: many workers, few tickets, three tasks of
// different kinds for each.
func TestLanes_ManyThatWaitForOneLaneAreHandedOutOnceMoreEach(t *testing.T) {
	t.Parallel()
	const tasks, workers = 500, 4
	l := flow.NewLanes()
	lane := look("1").Ref.String()
	for i := range tasks {
		l.Add(flow.Task{Kind: flow.KindWork, Con: event.ConnectionID{byte(i), byte(i >> 8)}, Ref: look("1").Ref}, flow.When{})
	}
	taken, ran := 0, 0
	for {
		var inside []flow.Task
		for range workers {
			task, ok, _ := l.Take(start())
			if !ok {
				break
			}
			if taken++; l.Enter(task, lane) {
				inside = append(inside, task)
			}
		}
		if len(inside) == 0 {
			break
		}
		if len(inside) > 1 {
			t.Fatalf("%d tasks in one lane", len(inside))
		}
		l.Leave(inside[0], lane)
		ran++
	}
	if ran != tasks || taken > 2*tasks {
		t.Errorf("%d tasks ran, handed out %d times, want %d and at most %d", ran, taken, tasks, 2*tasks)
	}
}

func TestLanes_ATwinThatWaitedUnderAnotherTicketIsHandedOut(t *testing.T) {
	t.Parallel()
	l := flow.NewLanes()
	first, second, twin := look("1"), look("1"), flow.Task{Kind: flow.KindApply, Twin: event.TwinID{1}}
	second.Con = event.ConnectionID{2}
	lane := first.Ref.String()
	for _, task := range []flow.Task{first, second, twin} {
		l.Add(task, flow.When{})
		if task, _, _ = l.Take(start()); l.Enter(task, lane) != (task == first) {
			t.Fatalf("%v and the lane", task)
		}
	}
	l.Leave(first, lane)
	got := drain(l, start()) // the twin's, at its new lane, too
	if diff := cmp.Diff([]string{"1", ""}, got); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
}

func TestLanes_OneTicketNeverRunsTwice(t *testing.T) {
	t.Parallel()
	const tickets, rounds = 5, 60
	l := flow.NewLanes()
	var inside, runs [tickets]atomic.Int32
	var all sync.WaitGroup
	add := func(i int) {
		for _, kind := range []flow.Kind{flow.KindWork, flow.KindApply, flow.KindAttach} {
			l.Add(flow.Task{Kind: kind, Twin: event.TwinID{byte(i)}}, flow.When{Bulk: kind == flow.KindAttach})
		}
	}
	for range 8 {
		all.Go(func() {
			for {
				task, ok, _ := l.Take(start())
				if !ok {
					if present, _ := l.Waiting(); present == 0 {
						return
					}
					continue
				}
				i := int(task.Twin[0])
				lane := task.Twin.String()
				if !l.Enter(task, lane) {
					continue
				}
				if inside[i].Add(1) != 1 {
					t.Errorf("ticket %d is in two hands", i)
				}
				if runs[i].Add(1) < rounds {
					add(i) // some of them while they run
				}
				inside[i].Add(-1)
				l.Leave(task, lane)
			}
		})
		for i := range tickets {
			add(i)
		}
	}
	all.Wait()
	for i := range tickets {
		if got := runs[i].Load(); got < rounds {
			t.Errorf("ticket %d ran %d times, want %d at least: a task was lost", i, got, rounds)
		}
	}
}
