package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"lethe/jobs/door"
	"lethe/pipeline"
	"lethe/pipeline/duck"
	"lethe/pipeline/policy"
)

// The sample, which is what runs where neither a policy nor a source is named.
const (
	samplePolicy = "testdata/policies/sample.yaml"
	sampleSource = "testdata/population/sample"
	sampleDate   = "2026-04-02"

	defaultWorkspace = "workspace"
	defaultLedger    = ".lethe/ledger"
)

// settings are the flags of all commands.
type settings struct {
	door *door.Door

	policy, source    string
	workspace, ledger string
	key, copy         string
	witness           string
	officers          []string
	date              string
	datasets          []string
	json              bool
	supersede         bool
	newLedger         bool
	memory, spill     string
	threads, shards   int

	sample bool // neither a policy nor a source is named
}

func (s *settings) flags(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&s.policy, "policy", "", "the privacy officer's `file` (default: the sample policy)")
	f.StringVar(&s.source, "source", "", "`folder` of the source tables (default: the sample population)")
	f.StringVar(&s.workspace, "workspace", defaultWorkspace, "`folder` that releases are delivered to")
	f.StringVar(&s.ledger, "ledger", defaultLedger, "`folder` of the ledger that every release is charged to")
	f.StringVar(&s.key, "ledger-key", "", "`file` of the key that signs the ledger (default: the ledger's folder and .key)")
	f.StringVar(&s.copy, "checkpoint-copy", "", "`folder`, best on another disk, that keeps the ledger's newest checkpoint: a ledger behind it is refused")
	f.StringVar(&s.witness, "witness", "", "`file` in which a witness keeps the last checkpoint it vouched for: a ledger behind it is refused")
	f.StringVar(&s.date, "date", "", "run for the windows closed on this `day`, YYYY-MM-DD (default: today in the policy's zone; for the sample "+sampleDate+")")
	f.StringSliceVar(&s.datasets, "dataset", nil, "only the dataset of this `name`; may be given several times")
	f.BoolVar(&s.json, "json", false, "print results as JSON")
	f.BoolVar(&s.supersede, "supersede", false, "where a window was released under another plan, charge anew and release again")
	f.BoolVar(&s.newLedger, "new-ledger", false, "make the ledger if there is none; a new ledger knows nothing of what was spent")
	f.StringVar(&s.memory, "memory", "2GiB", "`size` of memory that the engine may use")
	f.IntVar(&s.threads, "threads", 0, "`number` of threads (default: the processors)")
	f.IntVar(&s.shards, "shards", 1, "`number` of parts to cut the people into, one after the other: less memory, more time")
	f.StringVar(&s.spill, "spill", "", "`folder` for rows that do not fit into memory, on a tmpfs or an encrypted disk (default: none)")
}

// sizeOfMemory is a size as the engine takes it.
var sizeOfMemory = regexp.MustCompile(`^[1-9][0-9]{0,5} ?([KMGT]i?B)$`)

func (s *settings) check() error {
	if s.shards < 1 || s.shards > 1024 {
		return door.With(door.Usage, fmt.Errorf("--shards is %d: want 1 to 1024", s.shards))
	}
	if s.threads < 0 || s.threads > 1024 {
		return door.With(door.Usage, fmt.Errorf("--threads is %d: want 1 to 1024, or leave it out", s.threads))
	}
	if !sizeOfMemory.MatchString(s.memory) {
		return door.With(door.Usage, fmt.Errorf("--memory %q is not a size: want for example 800MiB or 2GiB", s.memory))
	}
	if s.date != "" {
		if _, err := time.Parse(time.DateOnly, s.date); err != nil {
			return door.With(door.Usage, fmt.Errorf("--date %q is not a day: want YYYY-MM-DD, for example %s", s.date, sampleDate))
		}
	}
	return nil
}

// both says which policy and source are meant: those that are named, or the sample.
func (s *settings) both() error {
	switch {
	case s.policy == "" && s.source == "":
		s.sample = true
		for _, path := range []string{samplePolicy, sampleSource} {
			if _, err := os.Stat(path); err != nil {
				return door.With(door.Usage, fmt.Errorf("the sample is not below this folder (no %s): run in the root of the repository, or name --policy and --source", path))
			}
		}
		s.policy, s.source = samplePolicy, sampleSource
		if s.date == "" {
			s.date = sampleDate
		}
	case s.policy == "":
		return door.With(door.Usage, fmt.Errorf("--source is given without --policy: name the policy that speaks of it; nightly init drafts one"))
	case s.source == "":
		return door.With(door.Usage, fmt.Errorf("--policy is given without --source: name the folder that holds the tables"))
	}
	return nil
}

// policyAlone loads the policy for a command that opens no source.
func (s *settings) policyAlone() (*policy.Policy, error) {
	if s.policy == "" {
		if err := s.both(); err != nil {
			return nil, err
		}
	}
	return loadPolicy(s.policy)
}

// loadPolicy reads a policy. What is wrong with it are its own problems.

func loadPolicy(path string) (*policy.Policy, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, door.With(door.Input, fmt.Errorf("policy %s is not a regular file", path))
	}
	p, err := policy.Load(path)
	if err != nil && door.Code(err) != door.Policy {
		return nil, door.With(door.Input, fmt.Errorf("%w; name the policy's file with --policy", err))
	}
	return p, err
}

// options are the settings as the pipeline takes them.
func (s *settings) options() (pipeline.Options, error) {
	if err := s.both(); err != nil {
		return pipeline.Options{}, err
	}
	p, err := loadPolicy(s.policy)
	if err != nil {
		return pipeline.Options{}, err
	}
	for _, name := range s.datasets {
		if p.Dataset(name) == nil {
			return pipeline.Options{}, door.With(door.Usage, fmt.Errorf("policy %s has no dataset %q: it has %s", p.Name, name, names(p)))
		}
	}
	date, err := s.day(p)
	if err != nil {
		return pipeline.Options{}, err
	}
	return pipeline.Options{
		Policy:    p,
		Workspace: s.workspace,
		Book:      s.book(),
		Engine:    duck.Options{Source: s.source, Memory: s.memory, Threads: s.threads, Spill: s.spill},
		Date:      date,
		Datasets:  s.datasets,
		Shards:    s.shards,
		Supersede: s.supersede,
	}, nil
}

// book is the ledger that is meant. The sample makes its own.
func (s *settings) book() pipeline.Book {
	return pipeline.Book{
		Folder: s.ledger, Key: s.key, New: s.newLedger || s.sample && s.ledger == defaultLedger, Copy: s.copy, Witness: s.witness,
	}
}

// day is the day whose closed windows are run: not one to come, for a window
// that is not over would be released without its last rows, and never again.
func (s *settings) day(p *policy.Policy) (time.Time, error) {
	now := time.Now().In(p.Zone)
	if s.date == "" {
		return now, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, s.date, p.Zone)
	if err == nil && day.After(now) {
		err = fmt.Errorf("--date %s is still to come in %v: no window closes before its day", s.date, p.Zone)
	}
	return day, door.With(door.Usage, err)
}

func names(p *policy.Policy) string {
	var all []string
	for _, d := range p.Datasets {
		all = append(all, d.Name)
	}
	return strings.Join(all, ", ")
}
