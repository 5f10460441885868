package main

import (
	"fmt"
	"regexp"

	"github.com/spf13/pflag"

	"lethe/jobs/door"
)

const (
	defaultWorkspace = "workspace"
	defaultLedger    = ".lethe/ledger"
)

// settings are the flags of all commands.
type settings struct {
	door *door.Door

	ledger, workspace string
	genesis, copy     string
	witness, vkey     string
	json              bool

	size int64 // of the checkpoint that is printed; 0 for the newest

	key, keep string
	first     bool

	name string
}

func (s *settings) ledgerFlag(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&s.ledger, "ledger", defaultLedger, "`folder` of the ledger")
}

func (s *settings) verifyFlags(f *pflag.FlagSet) {
	s.ledgerFlag(f)
	f.StringVar(&s.workspace, "workspace", defaultWorkspace, "`folder` that releases were delivered to")
	f.StringVar(&s.genesis, "genesis", "", "`hash` of the first record of the ledger that is meant")
	f.StringVar(&s.copy, "checkpoint-copy", "", "`folder` that keeps the ledger's newest checkpoint")
	f.StringVar(&s.witness, "witness", "", "`file` in which a witness keeps the last checkpoint it vouched for")
	f.StringVar(&s.vkey, "witness-key", "", "the public `key` of that witness, as audit key printed it")
	f.BoolVar(&s.json, "json", false, "print results as JSON, with amounts as exact decimals")
}

func (s *settings) checkpointFlags(f *pflag.FlagSet) {
	s.ledgerFlag(f)
	f.Int64Var(&s.size, "size", 0, "`number` of records that it speaks of (default: all)")
}

func (s *settings) witnessFlags(f *pflag.FlagSet) {
	s.ledgerFlag(f)
	f.StringVar(&s.key, "key", "", "`file` of the witness's key, made by audit key")
	f.StringVar(&s.keep, "keep", "", "`file` that keeps the last checkpoint, where the ledger's owner cannot write")
	f.BoolVar(&s.first, "first", false, "there is no such file yet: trust the ledger as it is now")
}

func (s *settings) keyFlags(f *pflag.FlagSet) {
	f.StringVar(&s.name, "name", "", "`name` of the key's holder: a-z, 0-9, _ and -")
}

var hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (s *settings) check() error {
	switch {
	case s.genesis != "" && !hashForm.MatchString(s.genesis):
		return door.With(door.Usage, fmt.Errorf("--genesis %q is not a hash: want 64 of 0-9 and a-f", s.genesis))
	case s.witness != "" && s.vkey == "":
		return door.With(door.Usage, fmt.Errorf("--witness is given without --witness-key: without it nobody knows whose checkpoint that is"))
	case s.vkey != "" && s.witness == "":
		return door.With(door.Usage, fmt.Errorf("--witness-key is given without --witness: name the file that the witness keeps"))
	case s.size < 0:
		return door.With(door.Usage, fmt.Errorf("--size is %d: want 1 or more, or leave it out", s.size))
	}
	return nil
}
