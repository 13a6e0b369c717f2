package gitlabdouble

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
)

// schema is as much of GitLab's GraphQL schema as is there: the types of fields, "" for those
// that hold nothing further (docs.gitlab.com/api/graphql/reference/).
func schema() map[string]map[string]string {
	return map[string]map[string]string{
		"query":                   {"workItem": "WorkItem"},
		"mutation":                {"workItemUpdate": "WorkItemUpdatePayload"},
		"WorkItemUpdatePayload":   {"errors": "", "workItem": "WorkItem"},
		"WorkItem":                {"id": "", "iid": "", "title": "", "project": "Project", "widgets": "WorkItemWidget"},
		"Project":                 {"id": "", "fullPath": ""},
		"WorkItemWidget":          {"type": ""},
		"WorkItemWidgetHierarchy": {"type": "", "parent": "WorkItem"},
	}
}

var (
	graphToken = regexp.MustCompile(`\.\.\.|[{}]|\([^()]*\)|\w+|\S`)
	workItemID = regexp.MustCompile(`^gid://gitlab/WorkItem/([0-9]+)$`)
)

// selection checks what is asked of a type and returns what follows.
func selection(tokens []string, of string) ([]string, error) {
	if len(tokens) == 0 || tokens[0] != "{" {
		return nil, fmt.Errorf("field must have selections of type %s", of)
	}
	types := schema()
	for tokens = tokens[1:]; len(tokens) > 0 && tokens[0] != "}"; {
		var err error
		if tokens[0] == "..." {
			if len(tokens) < 3 || tokens[1] != "on" || types[tokens[2]] == nil {
				return nil, errors.New("no such type for a fragment")
			}
			if tokens, err = selection(tokens[3:], tokens[2]); err != nil {
				return nil, err
			}
			continue
		}
		name := tokens[0]
		below, ok := types[of][name]
		if !ok {
			return nil, fmt.Errorf("field '%s' doesn't exist on type '%s'", name, of)
		}
		if tokens = tokens[1:]; len(tokens) > 0 && tokens[0][0] == '(' {
			tokens = tokens[1:]
		}
		if below != "" {
			if tokens, err = selection(tokens, below); err != nil {
				return nil, err
			}
		}
	}
	if len(tokens) == 0 {
		return nil, errors.New("unexpected end of document")
	}
	return tokens[1:], nil
}

// asked is a request of the GraphQL API.
type asked struct {
	Query     string `json:"query"`
	Variables struct {
		ID    string `json:"id"`
		Input map[string]json.RawMessage
	} `json:"variables"`
}

func (d *Double) graphql(c *call) {
	var in asked
	if !c.body(&in) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	tokens := graphToken.FindAllString(in.Query, -1)
	if len(tokens) < 2 || tokens[1][0] != '(' {
		c.graphError("variables are missing")
		return
	}
	if rest, err := selection(tokens[2:], tokens[0]); err != nil || len(rest) > 0 {
		c.graphError(fmt.Sprint("not a document: ", err))
		return
	}
	if tokens[0] == "mutation" {
		d.changeItem(c, in.Variables.Input)
		return
	}
	i := d.item(c, in.Variables.ID)
	if i == nil {
		c.answer(http.StatusOK, map[string]any{"data": map[string]any{"workItem": nil}})
		return
	}
	var above any
	if p := i.parent; p != nil && d.sees(c, p) {
		above = map[string]any{
			"id": fmt.Sprint("gid://gitlab/WorkItem/", p.id), "iid": strconv.FormatInt(p.iid, 10), "project": map[string]any{"fullPath": d.opt.Path},
		}
	}
	c.answer(http.StatusOK, map[string]any{"data": map[string]any{"workItem": map[string]any{
		"id":      in.Variables.ID,
		"widgets": []any{map[string]any{"type": "ASSIGNEES"}, map[string]any{"type": "HIERARCHY", "parent": above}},
	}}})
}

func (c *call) graphError(message string) {
	c.answer(http.StatusOK, map[string]any{"errors": []any{map[string]any{"message": message}}})
}

// item is the issue with a number of the whole GitLab, if it is seen.
func (d *Double) item(c *call, gid string) *issue {
	m := workItemID.FindStringSubmatch(gid)
	n := slices.IndexFunc(d.issues, func(i *issue) bool { return m != nil && strconv.FormatInt(i.id, 10) == m[1] })
	if n < 0 || c.level() == 0 && !d.opt.Public || !d.sees(c, d.issues[n]) {
		return nil
	}
	return d.issues[n]
}

func (d *Double) changeItem(c *call, input map[string]json.RawMessage) {
	var id string
	var hierarchy map[string]*string
	if json.Unmarshal(input["id"], &id) != nil || json.Unmarshal(input["hierarchyWidget"], &hierarchy) != nil || len(input) != 2 || len(hierarchy) != 1 {
		c.graphError("Variable $input of type WorkItemUpdateInput! was provided invalid value")
		return
	}
	above, named := hierarchy["parentId"]
	i := d.item(c, id)
	if !named || i == nil || c.level() < planner {
		c.graphError("The resource that you are attempting to access does not exist or you don't have permission to perform this action")
		return
	}
	var parent *issue
	if above != nil {
		if parent = d.item(c, *above); parent == nil {
			c.graphError("No object found for `parentId: " + strconv.Quote(*above) + "`")
			return
		}
		if i.kind != "task" || parent.kind == "task" || parent == i {
			c.answer(http.StatusOK, map[string]any{"data": map[string]any{"workItemUpdate": map[string]any{
				"workItem": nil, "errors": []string{fmt.Sprintf("#%d cannot be added: it's not allowed to add this type of parent item", parent.iid)},
			}}})
			return
		}
	}
	if i.parent = parent; parent != nil {
		d.system(c, i, fmt.Sprintf("added #%d as parent issue", parent.iid))
	}
	i.updated = d.moment()
	c.answer(http.StatusOK, map[string]any{"data": map[string]any{"workItemUpdate": map[string]any{"workItem": map[string]any{"id": id}, "errors": []string{}}}})
}
