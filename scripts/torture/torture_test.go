//go:build real && linux

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTorture_AHundredKillsLoseNothing runs the command as make does: processes
// of its own, killed a hundred times while people work.
func TestTorture_AHundredKillsLoseNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	binary, parley := filepath.Join(dir, "torture"), filepath.Join(dir, "parley")
	for out, pkg := range map[string]string{binary: ".", parley: "../../cmd/parley"} {
		if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", out, pkg).CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", pkg, err, said)
		}
	}
	cmd := exec.CommandContext(t.Context(), binary, "-parley", parley)
	cmd.Env, cmd.Stderr = append(os.Environ(), "KILLS=100"), os.Stderr
	line, err := cmd.Output()
	t.Logf("%s", line)
	if err != nil {
		t.Fatal(err)
	}
	var s summary
	if err := json.Unmarshal(line, &s); err != nil {
		t.Fatal(err)
	}
	if s.Kills < 100 || s.Edits < 500 || s.Comments < 100 || s.Files < 20 {
		t.Errorf("too little happened for the end to mean something: %+v", s)
	}
}
