//go:build real

package github_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gogithub "github.com/google/go-github/v89/github"

	"parley/adapters"
	"parley/adapters/github/githubdouble"
	"parley/sync/event"
)

// Clients that others wrote judge the double: what they make of its answers is what
// they would make of GitHub's.

// unchecked is the double's own address: what other clients send is not held to the
// specification, which knows less than GitHub takes.
func unchecked(t *testing.T, b *bench) string {
	t.Helper()
	return newServer(t, b.site.Double) + "/api/v3"
}

func goClient(t *testing.T, b *bench) *gogithub.Client {
	t.Helper()
	address := unchecked(t, b) + "/"
	c, err := gogithub.NewClient(gogithub.WithAuthToken(alice().Token), gogithub.WithEnterpriseURLs(address, address))
	b.must(err)
	return c
}

func TestClients_GoGitHubDoesItsEverydayWork(t *testing.T) {
	t.Parallel()
	opt := organisation()
	opt.Deep = 10
	b := newBench(t, opt, map[string]string{"page_size": "4"})
	c, ctx := goClient(t, b), t.Context()
	issue, _, err := c.Issues.Create(ctx, owner, repository, &gogithub.IssueRequest{
		Title: gogithub.Ptr("made by go-github"), Body: gogithub.Ptr("a **text**"), Labels: &[]string{"bug"},
		Assignees: &[]string{alice().Login}, Milestone: gogithub.Ptr(1), Type: gogithub.Ptr("Bug"),
	})
	b.must(err)
	number := issue.GetNumber()
	if issue.GetTitle() != "made by go-github" || issue.GetUser().GetLogin() != alice().Login || len(issue.Labels) != 1 ||
		issue.GetMilestone().GetTitle() != "1.0" || issue.GetType().GetName() != "Bug" || issue.GetAssignee().GetLogin() != alice().Login {
		t.Errorf("go-github reads %+v", issue)
	}
	said, _, err := c.Issues.CreateComment(ctx, owner, repository, number, &gogithub.IssueComment{Body: gogithub.Ptr("a comment")})
	b.must(err)
	_, _, err = c.Issues.EditComment(ctx, owner, repository, said.GetID(), &gogithub.IssueComment{Body: gogithub.Ptr("an edited comment")})
	b.must(err)
	labels, _, err := c.Issues.AddLabelsToIssue(ctx, owner, repository, number, []string{"urgent"})
	b.must(err)
	if len(labels) != 2 {
		t.Errorf("go-github reads the labels %v", labels)
	}
	_, err = c.Issues.RemoveLabelForIssue(ctx, owner, repository, number, "bug")
	b.must(err)
	_, _, err = c.Issues.Edit(ctx, owner, repository, number, &gogithub.IssueRequest{
		Title: gogithub.Ptr("edited by go-github"), State: gogithub.Ptr("closed"), StateReason: gogithub.Ptr("not_planned"),
	})
	b.must(err)
	ticket, err := b.tracker.Read(ctx, b.ref(strconv.Itoa(number)))
	b.must(err)
	if f := ticket.Fields; f[event.FieldSummary] != "edited by go-github" || f[event.FieldResolution] != "not_planned" || f[event.FieldType] != "Bug" ||
		len(ticket.Comments) != 1 || ticket.Comments[0].Body != "an edited comment" {
		t.Errorf("the adapter reads %+v", ticket)
	}
	events, _, err := c.Issues.ListIssueEvents(ctx, owner, repository, number, nil)
	b.must(err)
	var names []string
	for _, e := range events {
		names = append(names, e.GetEvent())
	}
	if want := []string{"milestoned", "labeled", "assigned", "labeled", "unlabeled", "renamed", "closed"}; !slices.Equal(names, want) {
		t.Errorf("go-github reads the events %v, want %v", names, want)
	}
	goListing(t, b, c)
	goErrors(t, b, c, number)
}

// goListing pages by the Link header, beyond where numbers are taken.
func goListing(t *testing.T, b *bench, c *gogithub.Client) {
	t.Helper()
	for n := range 22 {
		b.made(fmt.Sprint("listed ", n))
	}
	b.site.AddPull("a change")
	var seen []int
	pulls := 0
	opt := &gogithub.IssueListByRepoOptions{State: "all", Sort: "created", Direction: "asc"}
	opt.ListOptions.PerPage = 4
	for issue, err := range c.Issues.ListByRepoIter(t.Context(), owner, repository, opt) {
		b.must(err)
		seen = append(seen, issue.GetNumber())
		if issue.IsPullRequest() {
			pulls++
		}
	}
	if len(seen) != 24 || !slices.IsSorted(seen) || pulls != 1 {
		t.Errorf("go-github lists %v with %d pull requests, want 24 with 1", seen, pulls)
	}
}

// goErrors: what goes wrong is what go-github takes it for.
func goErrors(t *testing.T, b *bench, c *gogithub.Client, number int) {
	t.Helper()
	_, _, err := c.Issues.Get(t.Context(), owner, repository, 999)
	var answer *gogithub.ErrorResponse
	if !errors.As(err, &answer) || answer.Response.StatusCode != http.StatusNotFound || answer.Message != "Not Found" {
		t.Errorf("an issue that never was: %v", err)
	}
	_, _, err = c.Issues.Create(t.Context(), owner, repository, &gogithub.IssueRequest{Title: gogithub.Ptr("")})
	if !errors.As(err, &answer) || len(answer.Errors) != 1 || answer.Errors[0].Field != "title" {
		t.Errorf("a title that is empty: %v", err)
	}
	b.site.Delete(int64(number))
	_, _, err = c.Issues.Get(t.Context(), owner, repository, number)
	if !errors.As(err, &answer) || answer.Response.StatusCode != http.StatusGone {
		t.Errorf("a deleted issue: %v", err)
	}
	b.site.AnswerNext(http.StatusForbidden, http.Header{"Retry-After": {"1"}},
		`{"message":"You have exceeded a secondary rate limit.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`)
	_, _, err = c.Issues.Get(t.Context(), owner, repository, 2)
	var limit *gogithub.AbuseRateLimitError
	if !errors.As(err, &limit) || limit.GetRetryAfter() != time.Second {
		t.Errorf("a secondary limit: %v", err)
	}
}

// client runs a program against the double, which it reaches as a proxy does.
func client(t *testing.T, env []string, stdin, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // a test's own words
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NO_COLOR=1", "GH_NO_UPDATE_NOTIFIER=1"}, env...)
	cmd.Stdin = strings.NewReader(stdin)
	var wrong strings.Builder
	cmd.Stderr = &wrong
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out, wrong.String())
	}
	return strings.TrimSpace(string(out))
}

func TestClients_GhDoesItsEverydayWork(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, nil)
	proxy := newServer(t, b.site.Double)
	// Of this one host gh does not want TLS.
	env := []string{"http_proxy=" + proxy, "GH_HOST=github.localhost", "GH_TOKEN=" + alice().Token, "GH_REPO=github.localhost/" + owner + "/" + repository}
	gh := func(args ...string) string { return client(t, env, "", "gh", args...) }
	if got := gh("api", "user", "--jq", ".login"); got != alice().Login {
		t.Errorf("gh is signed in as %q", got)
	}
	for n := range 12 {
		gh("api", "repos/{owner}/{repo}/issues", "-f", fmt.Sprint("title=by gh ", n), "-f", "body=@"+bot().Login+" look", "-f", "labels[]=bug")
	}
	if got := strings.Fields(gh("api", "--paginate", "repos/{owner}/{repo}/issues?state=all&per_page=5&sort=created&direction=asc", "--jq", ".[].number")); !slices.Equal(got, numbers(1, 12)) {
		t.Errorf("gh lists %v", got)
	}
	gh("api", "repos/{owner}/{repo}/issues/3/comments", "-f", "body=said by gh")
	gh("api", "-X", "PATCH", "repos/{owner}/{repo}/issues/3", "-f", "state=closed", "-f", "state_reason=completed")
	gh("label", "create", "from-gh", "--color", "00ff00")
	gh("api", "repos/{owner}/{repo}/issues/3/labels", "-f", "labels[]=from-gh")
	ticket, err := b.tracker.Read(t.Context(), b.ref("3"))
	b.must(err)
	if f := ticket.Fields; f[event.FieldStatus] != "closed" || len(ticket.Comments) != 1 || ticket.Comments[0].Body != "said by gh" || len(f[event.FieldLabels].([]any)) != 2 {
		t.Errorf("the adapter reads %+v", ticket)
	}
	w, err := b.write(event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{event.FieldSummary: "by the adapter", event.FieldDescription: "text"}})
	b.must(err)
	if got := gh("api", "repos/{owner}/{repo}/issues/"+w.Ref.ID, "--jq", ".title + \"/\" + .user.login"); got != "by the adapter/"+bot().Login {
		t.Errorf("gh reads %q", got)
	}
	b.site.Delete(5)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "gh", "api", "repos/{owner}/{repo}/issues/5")
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "410") {
		t.Errorf("gh reads a deleted issue: %v %s", err, out)
	}
}

const pyGitHub = `
import datetime, sys
from github import Github, GithubException
hub = Github(base_url=sys.argv[1], login_or_token=sys.argv[2], per_page=5)
assert hub.get_user().login == sys.argv[3], hub.get_user().login
repo = hub.get_repo(sys.argv[4])
assert repo.full_name == sys.argv[4] and repo.has_issues and repo.permissions.push
milestone = repo.create_milestone("3.0")
label = repo.create_label("from-python", "ff0000")
issue = repo.create_issue("made by PyGithub", body="a **text**", assignee=sys.argv[3], milestone=milestone, labels=[label, "bug"])
assert issue.number == 1 and issue.state == "open" and issue.user.login == sys.argv[3], issue
assert sorted(l.name for l in issue.labels) == ["bug", "from-python"] and issue.milestone.title == "3.0"
assert [a.login for a in issue.assignees] == [sys.argv[3]]
said = issue.create_comment("a comment")
said.edit("an edited comment")
issue.remove_from_labels("bug")
issue.add_to_labels("urgent")
issue.remove_from_assignees(sys.argv[3])
issue.edit(title="edited by PyGithub", state="closed", state_reason="not_planned") if "state_reason" in issue.edit.__code__.co_varnames else issue.edit(title="edited by PyGithub", state="closed")
for n in range(12):
    repo.create_issue("listed %d" % n)
again = repo.get_issue(1)
assert again.title == "edited by PyGithub" and again.state == "closed" and again.comments == 1 and again.assignee is None, again
assert again.closed_at is not None and again.created_at <= again.updated_at
assert [c.body for c in again.get_comments()] == ["an edited comment"]
assert sorted(l.name for l in again.get_labels()) == ["from-python", "urgent"]
assert [e.event for e in again.get_events()][-2:] == ["renamed", "closed"], [e.event for e in again.get_events()]
assert [i.number for i in repo.get_issues(state="all", sort="created", direction="asc")] == list(range(1, 14))
assert repo.get_issues(state="open").totalCount == 12
since = datetime.datetime.utcnow() + datetime.timedelta(hours=1)
assert list(repo.get_issues(state="all", since=since)) == []
assert [a.login for a in repo.get_assignees()] == sys.argv[5].split(",")
try:
    repo.get_issue(999)
    raise SystemExit("an issue that never was is there")
except GithubException as e:
    assert e.status == 404, e
print("ok")
`

func TestClients_PyGithubDoesItsEverydayWork(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, nil)
	out := client(t, nil, pyGitHub, "/usr/bin/python3", "-", unchecked(t, b), alice().Token, alice().Login, owner+"/"+repository, bot().Login+","+alice().Login)
	if out != "ok" {
		t.Errorf("PyGithub says %q", out)
	}
	ticket, err := b.tracker.Read(t.Context(), b.ref("1"))
	b.must(err)
	if f := ticket.Fields; f[event.FieldSummary] != "edited by PyGithub" || f[event.FieldStatus] != "closed" || f["fields.Milestone"] != "3.0" || len(ticket.Comments) != 1 {
		t.Errorf("the adapter reads %+v", ticket)
	}
	if edits, err := b.tracker.(adapters.Historian).History(t.Context(), ticket.Ref, time.Time{}); err != nil || len(edits) == 0 {
		t.Errorf("History gave %v, %v", edits, err)
	}
}
