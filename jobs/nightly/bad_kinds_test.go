package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"lethe/jobs/door"
	"lethe/privacy/budget"
)

var badSources = []bad{
	{name: "source: no such folder", args: "run --new-ledger --source nowhere", code: door.Input},
	{name: "source: a file, not a folder", args: "run --new-ledger --source p.yaml", code: door.Input},
	{name: "source: no file matches", code: door.Input, spoil: func(b *bench) { b.must(os.RemoveAll(b.path("source/activity"))) }},
	{name: "source: a folder where a file should be", code: door.Input, spoil: func(b *bench) { b.must(os.Mkdir(b.path("source/activity/part-1.parquet"), 0o755)) }},
	{name: "source: not Parquet at all", code: door.Input, spoil: func(b *bench) { b.write("source/activity/part-1.parquet", strings.Repeat(canary, 100)) }},
	{name: "source: truncated Parquet", code: door.Input, spoil: func(b *bench) { b.must(os.Truncate(b.path("source/activity/part-0.parquet"), 3000)) }},
	{name: "source: data pages overwritten", code: door.Input, spoil: func(b *bench) { b.wipe("source/activity/part-0.parquet") }},
	{name: "source: empty file", code: door.Input, spoil: func(b *bench) { b.write("source/activity/part-1.parquet", "") }},
	{name: "source: files of one table differ", code: door.Input, spoil: func(b *bench) {
		writeParquet(b, b.path("source/activity/part-1.parquet"), column{name: "account_id", values: []int64{1}}, column{name: "other", values: []string{canary}})
	}},
	{name: "source: wrong column type", code: door.Policy, spoil: func(b *bench) { b.activity(oneDay([]string{canary})...) }},
	{name: "source: new column", code: door.Policy, spoil: func(b *bench) {
		b.activity(append(oneDay([]int64{7}), column{name: "vo2", values: []int64{1}})...)
	}},
	{name: "source: missing column", code: door.Policy, spoil: func(b *bench) {
		columns := oneDay([]int64{7})
		b.activity(columns[0], columns[1], columns[3])
	}},
	{name: "source: columns that differ in case", code: door.Policy, spoil: renamed("Steps")},
	{name: "source: a quote in a column's name", code: door.Policy, spoil: renamed(`a"; DROP TABLE ` + canary)},
	{name: "source: a line break in a column's name", code: door.Policy, spoil: renamed("a\n" + canary)},
	{name: "source: a hidden character in a column's name", code: door.Policy, spoil: renamed("a\u202e" + canary)},
	{name: "source: a very long column name", code: door.Policy, spoil: renamed(strings.Repeat(canary, 10))},
	{name: "source: a file that may not be read", code: door.Input, spoil: func(b *bench) {
		b.nobody = true
		b.must(os.Chmod(b.path("source/activity/part-0.parquet"), 0))
	}},
	{name: "source: a link that leads out", code: door.Input, spoil: func(b *bench) {
		b.must(os.Rename(b.path("source/activity/part-0.parquet"), b.path("part-0.parquet")))
		b.must(os.Symlink("../../part-0.parquet", b.path("source/activity/part-0.parquet")))
	}},
	{name: "source: a link that leads nowhere", code: door.Input, spoil: func(b *bench) {
		b.must(os.Symlink("gone.parquet", b.path("source/activity/part-1.parquet")))
	}},
}

const csvTables = "activity: {files: 'activity/*.csv', account: account_id, rows: many, time: {column: day, type: date}}"

const parquetTables = "activity: {files: 'activity/*.parquet', account: account_id, rows: many, time: {column: day, type: date}, unique: [account_id, day]}"

var badText = []bad{
	{name: "text: the spreadsheet mangled the numbers, so the next window is not run", args: "run", code: door.Input, spoil: func(b *bench) {
		b.policy(parquetTables, csvTables)
		b.write("source/activity/part-0.csv", "account_id,day,steps,note\n"+strings.Repeat("1000,2026-03-17,1.46223E+12,"+canary+"\n", 20))
		if text, code := b.nightly("run", "--new-ledger", "--dataset", "steps", "--date", "2026-03-25"); code != 0 {
			b.Fatalf("the first window: exit code %d\n%s", code, text)
		}
	}},
	{name: "text: rows of different length", code: door.Input, spoil: func(b *bench) {
		b.policy(parquetTables, csvTables)
		b.write("source/activity/part-0.csv", "account_id,day,steps,note\n1000,2026-03-24\n1000,2026-03-24,5,a,b,c,"+canary+"\n")
	}},
	{name: "text: a quote that is not closed", code: door.Input, spoil: func(b *bench) {
		b.policy(parquetTables, csvTables)
		b.write("source/activity/part-0.csv", "account_id,day,steps,note\n1000,2026-03-24,5,\""+canary+"\n")
	}},
	{name: "text: not gzip", code: door.Input, spoil: func(b *bench) {
		b.policy(parquetTables, strings.Replace(csvTables, ".csv", ".csv.gz", 1))
		b.write("source/activity/part-0.csv.gz", "account_id,day,steps,note\n")
	}},
	{name: "text: not JSON", code: door.Input, spoil: func(b *bench) {
		b.policy(parquetTables, strings.Replace(csvTables, ".csv", ".json", 1))
		b.write("source/activity/part-0.json", "{\"account_id\": "+canary)
	}},
	{name: "text: no array to unnest", code: door.Input, spoil: func(b *bench) {
		b.policy(parquetTables, "activity: {files: 'activity/*.json', unnest: days, account: account_id, rows: many, time: {column: day, type: date}}")
		b.write("source/activity/part-0.json", `{"account_id": 1000, "days": "`+canary+`"}`)
	}},
}

var badPolicies = []bad{
	{name: "policy: no such file", args: "run --new-ledger --policy nowhere.yaml", code: door.Input},
	{name: "policy: a folder", args: "run --new-ledger --policy source", code: door.Input},
	{name: "policy: several problems at once", code: door.Policy, spoil: replacing("version: 1", "version: none", "zone: UTC", "zone: Paris", "years: 18", "yeers: 18", "rows: one", "rows: 1")},
	{name: "policy: entities that grow", code: door.Policy, spoil: func(b *bench) {
		b.write("p.yaml", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n")
	}},
	{name: "policy: an alias", code: door.Policy, spoil: replacing("zone: UTC", "zone: *here")},
	{name: "policy: too deep", code: door.Policy, spoil: func(b *bench) { b.write("p.yaml", "policy: "+strings.Repeat("[", 5000)) }},
	{name: "policy: too large", code: door.Policy, spoil: func(b *bench) { b.write("p.yaml", strings.Repeat("# and so on\n", 30_000)) }},
	{name: "policy: a key twice", code: door.Policy, spoil: replacing("zone: UTC\n", "zone: UTC\nzone: UTC\n")},
	{name: "policy: not YAML", code: door.Policy, spoil: func(b *bench) { b.write("p.yaml", "\x00\x01PAR1") }},
	{name: "policy: files outside of the source", code: door.Policy, spoil: replacing("files: accounts.parquet", "files: ../accounts.parquet")},
	{name: "policy: a table that the source does not have", code: door.Input, spoil: replacing("tables:\n", "tables:\n  sleep: {files: sleep.parquet, account: account_id, rows: many}\n")},
	{name: "policy: a public table is missing", code: door.Policy, spoil: replacing("ladders:\n", "ladders:\n  places: {geography: places.csv, levels: [town], floor: 20000}\n")},
	{name: "policy: a column both dropped and used", code: door.Policy, spoil: replacing("identity: [email]", "identity: [email, sex]")},
	{name: "policy: the schedule outruns the year", code: door.Policy, spoil: replacing("rho: 0.05", "rho: 0.4")},
	{name: "policy: a cohort", args: "run --new-ledger --dataset cardio", code: door.Policy, spoil: func(b *bench) {
		b.dataset(`  - name: cardio
    kind: cohort
    consent: {purpose: deidentified}
    assessment: DPIA-7
    workspace: enclave
    every: quarter
    expires: 24 months
    from: [activity]
    window: 90d
    settle: 3d
    quasi: [sex]
    scheme: fixed
    features: [{median: steps, step: 500, laplace: 2}]
`)
	}},
	{name: "policy: a household as the unit", args: "run --new-ledger --dataset homes", code: door.Policy, spoil: func(b *bench) {
		b.activity(append(oneDay([]int64{7}), column{name: "home_id", values: []int64{1}})...)
		b.policy("tables:\n", "household: {table: activity, key: home_id}\ntables:\n", "datasets:\n", `datasets:
  - name: homes
    kind: statistics
    unit: household
    from: [activity]
    every: week
    window: 7d
    settle: 1d
    by: [sex]
    release: [{count: subjects}]
    spend: {rho: 0.01}
`)
	}},
}

var badCalls = []bad{
	{name: "call: unknown command", args: "rum", code: door.Usage},
	{name: "call: unknown flag", args: "run --polcy p.yaml", code: door.Usage},
	{name: "call: unknown dataset", args: "run --dataset stebs", code: door.Usage},
	{name: "call: not a date", args: "run --date 2.4.2026", code: door.Usage},
	{name: "call: a date in the future", args: "run --new-ledger --date 2999-01-01", code: door.Usage},
	{name: "call: no shards", args: "run --shards 0", code: door.Usage},
	{name: "call: not a number", args: "run --threads many", code: door.Usage},
	{name: "call: not a size of memory", args: "run --new-ledger --memory lots", code: door.Usage},
	{name: "call: an environment variable that does not fit", args: "run", code: door.Usage, spoil: func(b *bench) { b.env = []string{"LETHE_SHARDS=" + canary} }},
	{name: "call: a policy without a source", args: "run", code: door.Usage, spoil: func(b *bench) { b.env = []string{"LETHE_SOURCE="} }},
	{name: "call: a source without a policy", args: "run", code: door.Usage, spoil: func(b *bench) { b.env = []string{"LETHE_POLICY="} }},
	{name: "call: no sample here", args: "run", code: door.Usage, spoil: func(b *bench) { b.env = []string{"LETHE_POLICY=", "LETHE_SOURCE="} }},
	{name: "call: why without a column", args: "why accounts", code: door.Usage},
	{name: "call: why of a column nobody knows", args: "why accounts.shoe_size", code: door.Usage},
	{name: "call: diff of one policy", args: "diff p.yaml", code: door.Usage},
	{name: "call: diff with a policy that is not there", args: "diff p.yaml q.yaml", code: door.Input},
	{name: "call: init over a file", args: "init --out p.yaml", code: door.Usage},
	{name: "call: init of a folder without tables", args: "init --source empty", code: door.Input, spoil: func(b *bench) { b.must(os.Mkdir(b.path("empty"), 0o755)) }},
}

var badPlaces = []bad{
	{name: "place: the workspace is a file", args: "run --new-ledger --workspace p.yaml", code: door.Input},
	{name: "place: the workspace cannot be written", args: "run --new-ledger --workspace shut/workspace", code: door.Input, spoil: func(b *bench) {
		b.nobody = true
		b.must(os.Mkdir(b.path("shut"), 0o555))
	}},
	{name: "place: the workspace's disk is full", args: "run --new-ledger --workspace full", code: door.Input, spoil: (*bench).full},
	{name: "place: too little memory", args: "run --new-ledger --memory 1MiB", code: door.Input},
	{name: "place: the spill folder is missing", args: "run --new-ledger --spill nowhere", code: door.Input},
	{name: "place: the spill folder holds other files", args: "run --new-ledger --spill source", code: door.Input},
}

var badLedgers = []bad{
	{name: "ledger: none", args: "run", code: door.Ledger},
	{name: "ledger: a flipped byte", args: "run", code: door.Ledger, spoil: func(b *bench) {
		b.nightly("run", "--new-ledger")
		b.flip(".lethe/ledger/log", 400)
	}},
	{name: "ledger: a folder that cannot be written", args: "run --new-ledger --ledger shut/ledger", code: door.Ledger, spoil: func(b *bench) {
		b.nobody = true
		b.must(os.Mkdir(b.path("shut"), 0o555))
	}},
	{name: "ledger: a file where its folder should be", args: "run --new-ledger --ledger p.yaml", code: door.Ledger},
	{name: "ledger: over the year's budget", args: "run", code: door.Budget, spoil: capped(budget.Caps{
		Lifetime: budget.Cost{Rho: 10e12, Delta: 1e10}, Year: budget.Cost{Rho: 2e10, Delta: 1e10}})},
	{name: "ledger: over the lifetime's budget", args: "run", code: door.Budget, spoil: capped(budget.Caps{
		Lifetime: budget.Cost{Rho: 2e10, Delta: 1e10}, Year: budget.Cost{Rho: 10e12, Delta: 1e10}})},
	{name: "ledger: the window was released under another plan", args: "run", code: door.Ledger, spoil: func(b *bench) {
		b.nightly("run", "--new-ledger")
		b.policy("version: 1", "version: 2", "rho: 0.05", "rho: 0.06")
	}},
	{name: "ledger: an edited policy keeps its version", args: "run", code: door.Policy, spoil: func(b *bench) {
		b.nightly("run", "--new-ledger")
		b.policy("rho: 0.05", "rho: 0.06")
	}},
	{name: "ledger: an older copy of its folder", args: "run", code: door.Ledger, spoil: func(b *bench) {
		b.nightly("run", "--new-ledger", "--dataset", "people")
		b.must(os.CopyFS(b.path("older"), os.DirFS(b.path(".lethe/ledger"))))
		b.nightly("run", "--dataset", "steps")
		b.must(os.RemoveAll(b.path(".lethe/ledger")))
		b.must(os.Rename(b.path("older"), b.path(".lethe/ledger")))
	}},
	{name: "ledger: gone, and a new one asked for", args: "run --new-ledger", code: door.Ledger, spoil: func(b *bench) {
		b.nightly("run", "--new-ledger", "--dataset", "people")
		b.must(os.RemoveAll(b.path(".lethe")))
	}},
	{name: "ledger: another one in its place", args: "run", code: door.Ledger, spoil: func(b *bench) {
		b.nightly("run", "--new-ledger", "--dataset", "people")
		b.must(os.RemoveAll(b.path(".lethe")))
		b.nightly("run", "--new-ledger", "--workspace", "another")
	}},
	{name: "ledger: not the pinned one", args: "run --new-ledger", code: door.Ledger, spoil: func(b *bench) {
		b.nightly("ledger", "new")
		b.write("source/ledger.pin", "# the bank's\nledger "+strings.Repeat("a", 64)+"\n")
	}},
	{name: "ledger: none, and the source is pinned", args: "run --new-ledger", code: door.Ledger, spoil: func(b *bench) {
		b.write("source/ledger.pin", "ledger "+strings.Repeat("a", 64)+"\n")
	}},
	{name: "ledger: a source that is pinned to other people", code: door.Policy, spoil: func(b *bench) {
		b.write("source/ledger.pin", "population other-accounts\n")
	}},
	{name: "ledger: a pin that says something else", code: door.Input, spoil: func(b *bench) {
		b.write("source/ledger.pin", "ledger 3f5a\n")
	}},
	{name: "ledger: its key is gone", args: "run", code: door.Ledger, spoil: func(b *bench) {
		b.nightly("ledger", "new")
		b.must(os.Remove(b.path(".lethe/ledger.key")))
	}},
	{name: "ledger: others can read its key", args: "run", code: door.Ledger, spoil: func(b *bench) {
		b.nightly("ledger", "new")
		b.must(os.Chmod(b.path(".lethe/ledger.key"), 0o644))
	}},
	{name: "ledger: behind the copy of its checkpoint", args: "run --checkpoint-copy copy --workspace fresh", code: door.Ledger, spoil: func(b *bench) {
		b.must(os.Mkdir(b.path("copy"), 0o755))
		b.nightly("run", "--new-ledger", "--dataset", "people", "--checkpoint-copy", "copy")
		b.must(os.CopyFS(b.path("older"), os.DirFS(b.path(".lethe/ledger"))))
		b.nightly("run", "--dataset", "steps", "--checkpoint-copy", "copy")
		b.must(os.RemoveAll(b.path(".lethe/ledger")))
		b.must(os.Rename(b.path("older"), b.path(".lethe/ledger")))
	}},
	{name: "ledger: no copy of its checkpoint", args: "run --checkpoint-copy copy", code: door.Ledger, spoil: func(b *bench) {
		b.must(os.Mkdir(b.path("copy"), 0o755))
		b.nightly("ledger", "new")
	}},
	{name: "ledger: the witness's file is gone", args: "run --witness nowhere", code: door.Ledger, spoil: func(b *bench) { b.nightly("ledger", "new") }},
	{name: "ledger: the witness's file is none", args: "run --witness p.yaml", code: door.Ledger, spoil: func(b *bench) { b.nightly("ledger", "new") }},
	{name: "ledger: a manifest that cannot be read", args: "run", code: door.Input, spoil: func(b *bench) {
		b.nightly("ledger", "new")
		b.write("workspace/people/2026-03-30-aaaaaaaaaaaaaaaa/manifest.json", "{}")
	}},
	{name: "ledger: made twice", args: "ledger new", code: door.Ledger, spoil: func(b *bench) { b.nightly("ledger", "new") }},
	{name: "ledger: one officer", args: "ledger new --officer alice.pub", code: door.Ledger, spoil: func(b *bench) {
		b.write("alice.pub", "alice+61416b23+AWbHhQWlwobkfkqqVR4Y2sRnGdXhS0+Wq91/Mq6c8aFD\n")
	}},
	{name: "ledger: an officer's key that is none", args: "ledger new --officer p.yaml --officer p.yaml", code: door.Ledger},
	{name: "ledger: a statement that nobody signed", args: "ledger record said.txt", code: door.Ledger, spoil: func(b *bench) {
		b.nightly("ledger", "new")
		b.write("said.txt", "lethe budget\n\n")
	}},
	{name: "ledger: a file that is no statement", args: "ledger record p.yaml", code: door.Input},
	{name: "ledger: a key without a name", args: "ledger key alice.key", code: door.Usage},
	{name: "ledger: a key over a file", args: "ledger key p.yaml --name alice", code: door.Input},
	{name: "ledger: the published files are gone", args: "run", code: door.Input, spoil: func(b *bench) {
		b.nightly("run", "--new-ledger")
		b.must(os.RemoveAll(b.path("workspace")))
	}},
}

// wipe writes zeros over the first data of a Parquet file, behind its magic.
func (b *bench) wipe(name string) {
	b.Helper()
	data, err := os.ReadFile(b.path(name))
	b.must(err)
	clear(data[4:600])
	b.must(os.WriteFile(b.path(name), data, 0o600))
}

// flip changes one byte of a file.
func (b *bench) flip(name string, at int) {
	b.Helper()
	data, err := os.ReadFile(b.path(name))
	b.must(err)
	data[at] ^= 0x20
	b.must(os.WriteFile(b.path(name), data, 0o600))
}

// full mounts a folder that is full after a few pages.
func (b *bench) full() {
	dir := b.path("full")
	b.must(os.Mkdir(dir, 0o755))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8k"); err != nil {
		b.skipped = fmt.Sprintf("a full disk needs a tmpfs, which cannot be mounted here: %v", err)
		return
	}
	b.Cleanup(func() { syscall.Unmount(dir, 0) })
}
