"""What people do at GitLab, by python-gitlab: prints what came of it as JSON."""

import json
import sys

import gitlab

url, token, path = sys.argv[1:]
hub = gitlab.Gitlab(url, private_token=token)
hub.auth()
out = {"me": hub.user.username}

project = hub.projects.get(path)
out["project"] = [project.path_with_namespace, project.visibility]
milestone = project.milestones.list(get_all=True)[1]

issue = project.issues.create({
    "title": "Made by a client", "description": "a **text**\n\nand more", "labels": ["bug", "a::b"],
    "assignee_ids": [hub.user.id], "milestone_id": milestone.id, "due_date": "2027-01-02",
})
out["created"] = [issue.iid, issue.state, issue.author["username"], issue.labels, issue.milestone["title"], issue.assignee["username"], issue.due_date]

issue.title, issue.labels = "Edited by a client", ["bug", "client"]
issue.save()
said = issue.notes.create({"body": "Said by a client"})
said.body = "Said better by a client"
said.save()
issue.notes.create({"body": "For few", "internal": True})
upload = project.upload("réport of a client.bin", filedata=b"bytes\x00\xff of a client")
issue.notes.create({"body": "[a file](%s)" % upload["url"]})
raw = hub.http_get("/projects/%d%s" % (project.id, upload["url"]), raw=True)
out["file"] = raw.content.hex()
issue.add_spent_time("1h30m")
issue = project.issues.get(1)
out["spent"] = issue.time_stats()["total_time_spent"]

for n in range(11):
    project.issues.create({"title": "listed %d" % n})
other, third = project.issues.get(2), project.issues.get(3)
issue.links.create({"target_project_id": project.id, "target_issue_iid": 2, "link_type": "blocks"})
out["links"] = [[link.iid, link.link_type] for link in issue.links.list()]
out["back"] = [[link.iid, link.link_type] for link in other.links.list()]
issue.links.create({"target_project_id": project.id, "target_issue_iid": 3})
issue.links.delete(issue.links.list()[-1].issue_link_id)
out["unlinked"] = [[link.iid, link.link_type] for link in issue.links.list()]

issue.notes.create({"body": "done\n/close"})
issue = project.issues.get(1)
out["ordered"] = issue.state
issue.state_event = "reopen"
issue.save()
issue.state_event = "close"
issue.save()
out["read"] = [issue.title, issue.state, issue.labels, issue.confidential]
notes = issue.notes.list(order_by="created_at", sort="asc", get_all=True)
out["notes"] = [[note.body, note.internal] for note in notes if not note.system]
out["told"] = [note.body for note in notes if note.system and "time" not in note.body]

listed = project.issues.list(state="all", order_by="created_at", sort="asc", per_page=5, iterator=True)
out["pages"] = [listed.total, listed.total_pages, listed.per_page]
out["all"] = sorted(i.iid for i in listed)
out["closed"] = [i.iid for i in project.issues.list(state="closed", get_all=True)]
out["mine"] = [i.iid for i in project.issues.list(scope="assigned_to_me", get_all=True)]

third.move(project.id + 1)
third = project.issues.get(3)
out["moved"] = [third.state, third.moved_to_id is not None]


def fails(do):
    try:
        do()
    except gitlab.exceptions.GitlabError as e:
        return [e.response_code, type(e).__name__]
    return "nothing went wrong"


out["errors"] = [
    fails(lambda: project.issues.get(999)),
    fails(lambda: project.issues.create({"title": ""})),
    fails(lambda: hub.projects.get("acme/elsewhere")),
    fails(lambda: other.delete()),
    fails(lambda: issue.links.create({"target_project_id": project.id, "target_issue_iid": 2})),
    fails(lambda: issue.links.delete(4711)),
    fails(lambda: gitlab.Gitlab(url, private_token="glpat-unknown").auth()),
]
print(json.dumps(out))
