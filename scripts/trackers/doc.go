// Package trackers runs real trackers for tests: Redmine and Request Tracker as
// Debian packages them, by the scripts beside it (README.md tells what each
// tracker really does). An instance is the test's own, listens on 127.0.0.1
// only, and is gone with its data after Destroy.
//
// It installs nothing: `scripts/test-real` does that first. Where a tracker is
// not installed, Start is an error and never a reason to skip.
package trackers
