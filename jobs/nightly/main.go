// Command nightly runs a policy's scheduled datasets and explains what they do.
//
//	nightly run      deliver every dataset whose window has closed
//	nightly plan     explain datasets before any row is read
//	nightly validate check a policy and a source, and how long the budget lasts
//	nightly init     draft a policy from the files of a source
//	nightly schema   the catalogue for researchers: what may be asked for
//	nightly why      what happens to a column, and by whose approval
//	nightly diff     what a new version of a policy changes
//	nightly ledger   make a ledger, raise its caps with two signatures, rotate its key
//
// Without a command it is `nightly run`. Exit codes are in package door.
package main

import (
	"context"
	"os"

	"lethe/jobs/door"
)

func main() {
	d := door.New("nightly")
	d.Stopped = "no release is half delivered; run the same command again to go on, a charge that was not drawn on is used again"
	os.Exit(d.Main(func(ctx context.Context) error {
		return program(ctx, d, os.Args[1:])
	}))
}
