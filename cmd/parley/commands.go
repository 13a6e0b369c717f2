package main

// commands are all commands and the flags that every one of them has.
type commands struct {
	Config string `default:"parley.yaml" placeholder:"FILE" env:"PARLEY_CONFIG" help:"The node's configuration."`
	Socket string `placeholder:"FILE" env:"PARLEY_SOCKET" help:"Where the node lets you in, if you are not its own user: access.socket of its configuration."`
	JSON   bool   `name:"json" help:"Print JSON, errors too."`

	Demo       demoCommand       `cmd:"" help:"See it work: two companies on this machine."`
	Init       initCommand       `cmd:"" help:"Make a node: configuration, keys, first filters."`
	Run        runCommand        `cmd:"" help:"Run the node until it is stopped."`
	Status     statusCommand     `cmd:"" help:"The node and its connections at a glance."`
	Connection connectionCommand `cmd:"" help:"Join other nodes; pause, resume, take history in."`
	Ticket     ticketCommand     `cmd:"" help:"Which tickets are in step, and why or why not."`
	Conflict   conflictCommand   `cmd:"" help:"What both sides changed and a person must decide."`
	Queue      queueCommand      `cmd:"" help:"What waits, and what waits for a person."`
	Undo       undoCommand       `cmd:"" help:"Put back the fields that an event of the other side changed here."`
	Filter     filterCommand     `cmd:"" help:"Check, test, try and publish filters."`
	Export     exportCommand     `cmd:"" help:"Write what the connections do into a folder: filters, tables, tests and settings, for git."`
	Apply      applyCommand      `cmd:"" help:"Make the connections do what a folder says; shows the difference first."`
	Template   templateCommand   `cmd:"" help:"Filters that many connections share: check, test, compare, upgrade in waves."`
	Settings   configCommand     `cmd:"" name:"config" help:"Check and show the configuration."`
	Adapter    adapterCommand    `cmd:"" help:"The kinds of tracker, and whether ours answers."`
	Secret     secretCommand     `cmd:"" help:"Passwords and tokens in the node's vault."`
	Backup     backupCommand     `cmd:"" help:"Back the node up, encrypted, while it runs; check backups."`
	Restore    restoreCommand    `cmd:"" help:"Make the node of a backup again."`
	Audit      auditCommand      `cmd:"" help:"What people did with this node, in a record that shows when it was changed."`
	Node       nodeCommand       `cmd:"" help:"The node itself: which of two live copies it is."`
	Key        keyCommand        `cmd:"" help:"The node's public identity."`
	Version    versionCommand    `cmd:"" help:"The version of this program."`
}
