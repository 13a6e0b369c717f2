package badgerstore

import "testing"

// TestRecent_AnOldAnswerIsNotTakenForTheLatest: what a reader of an older
// snapshot found comes behind what was written since.
func TestRecent_AnOldAnswerIsNotTakenForTheLatest(t *testing.T) {
	t.Parallel()
	r := newRecent(5)
	r.note([]byte("read"), []byte("at 5"), true, 5)
	r.note([]byte("absent"), nil, false, 5)
	r.note([]byte("older"), []byte("at 4"), true, 4)
	g := newGroup()
	g.set([]byte("read"), []byte("at 6"), false)
	g.set([]byte("absent"), []byte("at 6"), false)
	g.keep()
	r.keep(g, 6)
	r.note([]byte("read"), []byte("at 5"), true, 5)
	r.note([]byte("absent"), nil, false, 5)
	r.note([]byte("another"), nil, false, 5)
	for _, key := range []string{"read", "absent"} {
		if w, ok := r.get([]byte(key), 6); !ok || w.deleted || string(w.value) != "at 6" {
			t.Errorf("%s is %q at 6, known %v", key, w.value, ok)
		}
		if w, ok := r.get([]byte(key), 5); ok {
			t.Errorf("a snapshot of 5 is told %q of %s", w.value, key)
		}
	}
	for _, key := range []string{"older", "another"} {
		if w, ok := r.get([]byte(key), 6); ok {
			t.Errorf("%s is known as %+v from an old answer", key, w)
		}
	}
	r.note([]byte("another"), nil, false, 6)
	if w, ok := r.get([]byte("another"), 7); !ok || !w.deleted {
		t.Errorf("what is not there is %+v, known %v", w, ok)
	}
}
