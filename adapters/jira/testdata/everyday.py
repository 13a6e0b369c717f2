"""What people do with python-jira every day, against the server of the first argument.

Prints one line of JSON: what the client understood of each answer.
"""
import io
import json
import sys

from jira import JIRA
from jira.exceptions import JIRAError

server, user, token, project = sys.argv[1:5]
jira = JIRA(options={"server": server}, basic_auth=(user, token), max_retries=0, timeout=20)
out = {"me": jira.myself()["displayName"]}

issue = jira.create_issue(project=project, summary="Made by a client", description="h2. Steps\n\n* one\n* two", issuetype={"name": "Bug"})
out["created"] = [issue.key, issue.fields.summary, issue.fields.status.name, issue.fields.reporter.displayName]

issue.update(summary="Edited by a client", fields={"labels": ["client", "everyday"]})
comment = jira.add_comment(issue, "Said by a client")
comment.update(body="Said better by a client")
out["comments"] = [[c.author.displayName, c.body] for c in jira.comments(issue)]

file = jira.add_attachment(issue, io.BytesIO(b"bytes \x00\xff of a client"), filename="r\u00e9port.bin")
out["attached"] = [file.filename, file.size]
issue = jira.issue(issue.key)
out["attachments"] = [[a.filename, a.size, a.get().hex()] for a in issue.fields.attachment]

out["transitions"] = [t["name"] for t in jira.transitions(issue)]
jira.transition_issue(issue, "Start")
jira.transition_issue(issue, "Finish", fields={"resolution": {"name": "Won't Do"}})
issue = jira.issue(issue.key)
out["read"] = [issue.fields.summary, issue.fields.status.name, issue.fields.resolution.name, sorted(issue.fields.labels)]

found = jira.search_issues("project = %s AND type = Bug ORDER BY created ASC" % project, maxResults=2)
out["page"] = [len(found), found.total]
out["all"] = sorted(i.key for i in jira.search_issues("project = %s" % project, maxResults=False))

for what, call in {
    "missing": lambda: jira.issue(project + "-99999"),
    "jql": lambda: jira.search_issues("colour = red"),
    "workflow": lambda: jira.transition_issue(issue, "31"),
}.items():
    try:
        call()
        out[what] = "no error"
    except JIRAError as e:
        out[what] = e.status_code

first = jira.issue(project + "-1")
jira.create_issue_link("is blocked by", issue.key, first.key)
link = jira.issue(issue.key).fields.issuelinks[0]
back = jira.issue(first.key).fields.issuelinks[0]
out["linked"] = [link.type.inward, link.inwardIssue.key, back.type.outward, back.outwardIssue.key == issue.key]
jira.delete_issue_link(link.id)
out["unlinked"] = jira.issue(first.key).fields.issuelinks == []

below = jira.create_issue(project=project, summary="Below", issuetype={"name": "Sub-task"}, parent={"key": issue.key})
out["parent"] = below.fields.parent.key == issue.key
below.delete()

issue.delete()
try:
    jira.issue(issue.key)
    out["deleted"] = False
except JIRAError as e:
    out["deleted"] = e.status_code == 404
print(json.dumps(out, sort_keys=True))
