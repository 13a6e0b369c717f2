package filters_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"parley/filters"
	"parley/sync/event"
)

var codeSpan = regexp.MustCompile("`([^`]+)`")

// apiOfExalate is what a script there can touch, by what its users call it.
const apiOfExalate = `
replica issue issueBeforeScript previous firstSync issueKey relation connection entityType syncRequest blobMetadataList traces log debug httpClient generalSettings store sprint
addHTTPHeader canUserEditComments createComponent createOption createVersion getCascadingSelect getComponent getCustomField getCustomFieldDefaultValue getHtmlComments getHtmlField
getIssueType getLabel getLocalIssueFromRemoteUrn getOption getPriority getProject getResolution getStatus getUser getUserById getUserByEmail getUserByUsername getVersion isIssueEditable
isUserAssignable stripHtml toMarkDownComments toMarkDownFromHtml getCustomFieldValueLabel getTemplateIdByName getServiceIdByName getTeamIdByName getUserByFullName getTeam setLabels
getLocalIssueKeyFromRemoteId isUnderSync syncBackAfterProcessing unExalateAfterProcessing getRemoteIssueUrl getTrackerUrl getRemoteTrackerUrl getExalateUrl getRemoteExalateUrl exalate setEagerness
addComment mergeComments filterLocal removeInternal mergeAttachments addWorkLog mergeWorkLogs mergeNewWorkLogs transition getByEmail serviceDeskHelper qcHelper
StatusSync SubTaskSync AgileSync IssueLinkSync VersionSync ComponentSync ServiceDeskSync CustomFieldSync Move GetIssueUrl JiraClient DataFilterIssueUpdate setStatus projectKey typeName repository
IssueTrackerException CategorizedException id key project type parentId issueUrl summary description environment assignee reporter creator watchers status resolution priority securityLevel
created updated due originalEstimate remainingEstimate resolutionDate spent labels components fixVersions affectedVersions comments attachments workLogs issueLinks changeHistory
addedComments removedComments changedComments addedAttachments removedAttachments addedLabels customFields customKeys areaPath iterationPath tags short_description work_notes Subject Origin milestone assignees
author body updateAuthor groupLevel roleLevel executor remoteId internal filename mimetype filesize findAll find any every each collect size join first take tokenize isEmpty contains startsWith toLowerCase
replaceAll split switch return try throw String toLong Date SimpleDateFormat JsonOutput JsonSlurper Jsoup def`

// rows are the three columns of the page's tables.
func rows(t *testing.T) [][]string {
	t.Helper()
	var out [][]string
	for _, line := range strings.Split(doc(t, "from-exalate.md"), "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| There") {
			continue
		}
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		if len(cells) != 5 {
			t.Fatalf("not three columns: %s", line)
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(strings.ReplaceAll(cells[i], "\x00", "|"))
		}
		out = append(out, cells[1:4])
	}
	if len(out) < 80 {
		t.Fatalf("the page has %d rows", len(out))
	}
	return out
}

func TestFromExalate_EachThingHasItsEqualOrAReason(t *testing.T) {
	t.Parallel()
	var there strings.Builder
	for _, row := range rows(t) {
		there.WriteString(row[0] + "\n")
		spans := codeSpan.FindAllStringSubmatch(row[1], -1)
		switch {
		case row[1] == "none":
			if len(row[2]) < 15 {
				t.Errorf("%s has no equal, and no reason", row[0])
			}
		case len(spans) == 0:
			t.Errorf("%s: %q is neither a script nor none", row[0], row[1])
		}
		for _, span := range spans {
			exists(t, row[0], span[1])
		}
	}
	for _, name := range strings.Fields(apiOfExalate) {
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(there.String()) {
			t.Errorf("nothing is said of %s", name)
		}
	}
}

// What the last column names beside the scripts exists too.
func TestFromExalate_CommandsAndKeysExist(t *testing.T) {
	t.Parallel()
	n := 0
	for _, row := range rows(t) {
		for _, span := range codeSpan.FindAllStringSubmatch(row[2], -1) {
			if strings.HasPrefix(span[1], "parley ") || strings.HasSuffix(span[1], ":") || strings.Contains(span[1], ": ") {
				exists(t, row[0], span[1])
				n++
			}
		}
	}
	if n < 8 {
		t.Errorf("looked at %d", n)
	}
}

// exists checks a command, a key of the configuration, a statement or an expression.
func exists(t *testing.T, what, code string) {
	t.Helper()
	if command, ok := strings.CutPrefix(code, "parley "); ok {
		raw, err := os.ReadFile(filepath.Join("..", "docs", "cli.md"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(raw), "### `"+command) {
			t.Errorf("%s: there is no command %s", what, command)
		}
		return
	}
	if key, _, ok := strings.Cut(code, ":"); ok && regexp.MustCompile(`^[a-z_]+$`).MatchString(key) {
		raw, err := os.ReadFile(filepath.Join("..", "node", "config", "sample.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(raw), key+":") {
			t.Errorf("%s: there is no key %s", what, key)
		}
		return
	}
	env := filters.Env{Vars: sampleEnv().Vars, Tables: sampleEnv().Tables, Create: []string{event.MakeVersions, event.MakeComponents}}
	var errs []error
	for _, src := range []string{code, `replica.fields["A"] = ` + code, `issue.fields["A"] = ` + code} {
		if _, err := filters.CompileOutgoing(src, env); err == nil {
			return
		} else if _, err = filters.CompileIncoming(src, env); err == nil {
			return
		} else {
			errs = append(errs, err)
		}
	}
	t.Errorf("%s: %s is nothing of ours:\n%v", what, code, errs)
}
