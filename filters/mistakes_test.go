package filters_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
)

// twenty is a script as somebody might hand it in on a bad day. Behind each line
// that holds a mistake stands its code, the column and what was probably meant;
// the other lines are right.
const twenty = `// what we take from Globex
let prefix = "[Globex] "
issue.sumary = prefixed(prefix, replica.summary)                     ~ unknown-field 7 summary
issue.description = upper(replica.descripton)                        ~ unknown-field 35 description
if firstSync {
  issue.project = vars.projekt                                       ~ unknown-variable 24 project
  issue.type = "Incident"
  connect ticketBy("Regoin", replica.key)                            ~ unknown-field 20 Region
}
if replica.status = "closed" {                                       ~ assign-in-expression 19
  issue.resolution = "Donne"                                         ~ unknown-option 22 Done
} else if replica.priority == "P1 {                                  ~ unclosed 31
  issue.priority = "High"
}
issue.status = lookup("sttus", replica.status)                       ~ unknown-table 23 status
issue.assignee = user(replica.assignee.emial)                        ~ unknown-field 40 email
issue.assignee = replica.assignee                                    ~ wrong-type 18
issue.labels += uper("x")                                            ~ unknown-function 17 upper
issue.summary += "x"                                                 ~ wrong-target 7
issue.created = replica.created                                      ~ read-only 7
issue.fields["Points"] = "eight"                                     ~ wrong-type 26
issue.fields["Sevrity"] = option(replica.fields["Severity"])         ~ unknown-field 14 Severity
issue.comments = replica.comments
  | map(with(#, {
      boddy: byline(#) + .body,                                      ~ unknown-key 7 body
    }))
issue.due = replica.due + 3d                                         ~ syntax 27
issue.estimate = (replica.estimate * (2)                             ~ unclosed 18
let prefix = "again"                                                 ~ redeclared 5
replica.summary = prefix                                             ~ wrong-target 1
skip                                                                 ~ syntax 5
issue.reporter = user("bob")                                         ~ read-only 7
issue.fields["Region"] = replica.fields["Region"].value[0:3]         ~ syntax 56
issue.links = filter(replica.links, any(replica.labels, # == "x"))   ~ nested-element 57
issue.priority = lookup(replica.key, replica.priority)               ~ literal-wanted 25
issue.description = secret                                           ~ unknown-name 21
issue.fields["Billable"] = withEmail(replica.reporter) != nil        ~ not-here 28
issue.fields["Day"] = replica.workLogs                               ~ not-available 31
issue.parent = children                                              ~ unknown-name 16
issue.children = nil                                                 ~ wrong-target 7
issue.attachments = replica.attachments | filter(.size < 10 * MB)
`

func TestProblems_TwentyMistakesAreTwentyErrorsAndNothingElse(t *testing.T) {
	t.Parallel()
	var src strings.Builder
	var want []string
	for i, line := range strings.Split(strings.TrimSuffix(twenty, "\n"), "\n") {
		code, mistake, ok := strings.Cut(line, "~ ")
		if ok {
			name, rest, _ := strings.Cut(mistake, " ")
			col, meant, _ := strings.Cut(rest, " ")
			want = append(want, strings.TrimSpace(fmt.Sprintf("%d:%s %s %s", i+1, col, name, meant)))
		}
		src.WriteString(strings.TrimRight(code, " ") + "\n")
	}
	if len(want) < 20 {
		t.Fatalf("the script has %d mistakes", len(want))
	}
	_, err := filters.CompileIncoming(src.String(), sampleEnv())
	list := problems(t, err)
	if diff := cmp.Diff(places(list), want); diff != "" {
		t.Errorf("problems (-got +want):\n%s\n%v", diff, list)
	}
	lines := strings.Split(src.String(), "\n")
	for _, p := range list {
		if p.Warning || p.Source != lines[p.Line-1] {
			t.Errorf("%v", p)
		}
	}
}

// A line that cannot be read is one mistake, wherever it stands and whatever
// stands around it.
func TestProblems_ABrokenLineIsNoMistakeOfTheOthers(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSpace(benchIncoming), "\n")
	for i, line := range lines {
		if strings.ContainsAny(line, "{}") {
			continue // blocks, and what goes over lines
		}
		for _, broken := range []string{
			`issue.summary = (`, `issue.summary = "x`, `issue.summary = [replica.key, (`, `issue.summary = replica.nope`, `issue. = "x"`, `= 3`, `let 3 = 4`,
			`skip`, `issue.summary = )`, `issue.summary = replica.key ? "a"`, `issue.summary = upper(replica.key, `, `issue.summary replica.key`, `§`, `issue.summary = 1 +`,
		} {
			changed := append(append(append([]string{}, lines[:i]...), broken), lines[i+1:]...)
			_, err := filters.CompileIncoming(strings.Join(changed, "\n"), sampleEnv())
			list := problems(t, err)
			if len(list) != 1 || list[0].Line != i+1 {
				t.Errorf("line %d is %s:\n%v", i+1, broken, list)
			}
		}
	}
}
