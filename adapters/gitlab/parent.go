package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// What is above an issue is told and set by the GraphQL API alone, in which an issue is the
// work item with its number of the whole GitLab. Only tasks have a parent that is an issue; what
// is above an issue is an epic, of a group, which is neither told nor touched.

const typeTask = "task"

const (
	parentQuery = `query($id: WorkItemID!) { workItem(id: $id) { id widgets { type ` +
		`... on WorkItemWidgetHierarchy { parent { id iid project { fullPath } } } } } }`
	parentMutation = `mutation($input: WorkItemUpdateInput!) { workItemUpdate(input: $input) { errors workItem { id } } }`
)

// graph asks the GraphQL API, which says what went wrong in an answer of success.
func (c client) graph(ctx context.Context, op, query string, variables map[string]any, write bool, out any) error {
	var answer struct {
		Data   json.RawMessage            `json:"data"`
		Errors []struct{ Message string } `json:"errors"`
	}
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: "api/graphql", JSON: map[string]any{"query": query, "variables": variables},
		Write: write, Out: &answer, Expect: []int{http.StatusOK},
	})
	if err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return &adapters.Error{
			Class: adapters.ErrConfiguration, Op: op, Detail: brief(answer.Errors[0].Message), Err: errors.New("GraphQL does not take the request"),
			Hint: "check the version of GitLab, and that the account may see and edit the issue",
		}
	}
	class := adapters.ErrTransient
	if write {
		class = adapters.ErrDoubt
	}
	if json.Unmarshal(answer.Data, out) != nil {
		return incomplete(op, class)
	}
	return nil
}

// brief bounds words of GitLab's.
func brief(s string) string {
	return string([]rune(s)[:min(200, len([]rune(s)))])
}

func (i *issue) global() string { return fmt.Sprintf("gid://gitlab/WorkItem/%d", i.ID) }

// parent is what is above a task; nil for what is none, and where nothing is.
func (t *Tracker) parent(ctx context.Context, op string, i *issue, project string) (any, error) {
	if i.Type != typeTask {
		return nil, nil
	}
	var out struct {
		Item *struct {
			ID      string
			Widgets []struct {
				Type   string
				Parent *struct {
					ID, IID string
					Project *struct{ FullPath string }
				}
			}
		} `json:"workItem"`
	}
	if err := t.api.graph(ctx, op, parentQuery, map[string]any{"id": i.global()}, false, &out); err != nil {
		return nil, err
	}
	if out.Item == nil || out.Item.ID != i.global() {
		return nil, incomplete(op, adapters.ErrTransient)
	}
	for _, w := range out.Item.Widgets {
		if w.Type != "HIERARCHY" {
			continue
		}
		switch above := w.Parent; {
		case above == nil:
			return nil, nil
		case above.Project != nil && above.Project.FullPath == project && isID(above.IID):
			return map[string]any{"id": above.IID, "key": "#" + above.IID}, nil
		default:
			return map[string]any{"id": above.ID, "key": above.ID}, nil
		}
	}
	return nil, incomplete(op, adapters.ErrConfiguration)
}

// above is the number of the parent that a step gives an issue; "" takes it away, and false
// leaves it.
func (e *edit) above(fields event.Fields) (string, bool, error) {
	v, named := fields[event.FieldParent]
	if !named || v == nil {
		return "", named, nil
	}
	m, _ := v.(map[string]any)
	id, _ := m["id"].(string)
	if !isID(id) {
		return "", false, e.reject("%s does not hold the number of an issue of this project", event.FieldParent)
	}
	return id, true, nil
}

// lift puts an issue below another one. What is no task has an epic above it, which stays.
func (t *Tracker) lift(ctx context.Context, op string, i *issue, kind, parent string) error {
	if kind != typeTask && parent == "" {
		return nil
	}
	var above any
	if parent != "" {
		other, err := t.api.issue(ctx, op, parent)
		if errors.Is(err, adapters.ErrGone) {
			return &adapters.Error{Class: adapters.ErrRejected, Op: op, Err: fmt.Errorf("there is no issue #%s to be the parent", parent)}
		}
		if err != nil {
			return err
		}
		above = other.global()
	}
	var out struct {
		Done *struct{ Errors []string } `json:"workItemUpdate"`
	}
	input := map[string]any{"id": i.global(), "hierarchyWidget": map[string]any{"parentId": above}}
	if err := t.api.graph(ctx, op, parentMutation, map[string]any{"input": input}, true, &out); err != nil {
		return err
	}
	switch {
	case out.Done == nil:
		return incomplete(op, adapters.ErrDoubt)
	case len(out.Done.Errors) > 0:
		return &adapters.Error{
			Class: adapters.ErrRejected, Op: op, Detail: brief(strings.Join(slices.Clip(out.Done.Errors), "; ")), Err: errors.New("GitLab does not take the parent"),
			Hint: "only a task can be below an issue or an incident: write the type task too",
		}
	}
	return nil
}
