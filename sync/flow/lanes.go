package flow

import (
	"container/heap"
	"sync"
	"time"
)

// Lanes hands out tasks so that no two of one lane run side by side, urgent
// ones before bulk, equal ones once. A lane is one local ticket, or a twin that
// has none yet. Runner's workers and the simulation take from it alike.
//
// A task that is added while it runs is run once more afterwards.
type Lanes struct {
	mu      sync.Mutex
	urgent  []Task
	bulk    []Task
	state   map[Task]taskState
	busy    map[string]bool
	blocked map[string][]Task
	later   timers
	at      map[Task]time.Time
	ready   chan struct{}
}

type taskState byte

const (
	queued taskState = iota + 1
	running
	again
)

// NewLanes makes empty lanes.
func NewLanes() *Lanes {
	return &Lanes{
		state: map[Task]taskState{}, busy: map[string]bool{}, blocked: map[string][]Task{},
		at: map[Task]time.Time{}, ready: make(chan struct{}, 1),
	}
}

// Ready gets a value when there may be something to take.
func (l *Lanes) Ready() <-chan struct{} { return l.ready }

// Add puts a task in, at once or for later. The earliest time counts.
func (l *Lanes) Add(t Task, w When) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.At.IsZero() {
		l.add(t, w.Bulk)
		return
	}
	if at, ok := l.at[t]; ok && !w.At.Before(at) {
		return
	}
	l.at[t] = w.At
	heap.Push(&l.later, timer{w.At, t, w.Bulk})
	l.signal()
}

func (l *Lanes) add(t Task, bulk bool) {
	switch l.state[t] {
	case queued, again:
		return
	case running:
		l.state[t] = again
		return
	}
	l.state[t] = queued
	if bulk {
		l.bulk = append(l.bulk, t)
	} else {
		l.urgent = append(l.urgent, t)
	}
	l.signal()
}

// Take hands out a task, if there is one; else next says when to look again
// (zero: when something is added).
func (l *Lanes) Take(now time.Time) (t Task, ok bool, next time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.later) > 0 && !now.Before(l.later[0].at) {
		due := heap.Pop(&l.later).(timer)
		if at, ok := l.at[due.task]; ok && at.Equal(due.at) {
			delete(l.at, due.task)
			l.add(due.task, due.bulk)
		}
	}
	list := &l.urgent
	if len(*list) == 0 {
		list = &l.bulk
	}
	if len(*list) == 0 {
		if len(l.later) > 0 {
			next = l.later[0].at
		}
		return Task{}, false, next
	}
	t = (*list)[0]
	if *list = (*list)[1:]; len(*list) == 0 {
		*list = nil
	}
	l.state[t] = running
	l.signal()
	return t, true, time.Time{}
}

// Enter takes the lane for a task that was handed out. If another task has it,
// the task waits for it and is handed out again; then Enter returns false.
func (l *Lanes) Enter(t Task, lane string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy[lane] {
		l.blocked[lane] = append(l.blocked[lane], t)
		return false
	}
	l.busy[lane] = true
	return true
}

// Leave gives the lane back and ends the task; lane is "" for one without.
func (l *Lanes) Leave(t Task, lane string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if lane != "" {
		delete(l.busy, lane)
		l.unblock(lane)
	}
	rerun := l.state[t] == again
	delete(l.state, t)
	if rerun {
		l.add(t, false)
	}
}

// unblock lets tasks that wait for a lane be taken again: of those that name their
// ticket, which is the lane, only the first, for it will come to this lane and
// leave it. A twin may have got another lane meanwhile.
func (l *Lanes) unblock(lane string) {
	waiting, first := l.blocked[lane], true
	rest := waiting[:0]
	for _, t := range waiting {
		if !t.Ref.IsZero() && !first {
			rest = append(rest, t)
			continue
		}
		first = first && t.Ref.IsZero()
		delete(l.state, t)
		l.add(t, false)
	}
	if l.blocked[lane] = rest; len(rest) == 0 {
		delete(l.blocked, lane)
	}
}

// Waiting counts the tasks that are queued, running or blocked, and those for later.
func (l *Lanes) Waiting() (present, later int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.state), len(l.at)
}

func (l *Lanes) signal() {
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

type timer struct {
	at   time.Time
	task Task
	bulk bool
}

type timers []timer

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }

// Push implements heap.Interface.
func (t *timers) Push(x any) { *t = append(*t, x.(timer)) }

// Pop implements heap.Interface.
func (t *timers) Pop() any {
	old := *t
	last := old[len(old)-1]
	*t = old[:len(old)-1]
	return last
}
