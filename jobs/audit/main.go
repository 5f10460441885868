// Command audit verifies what the other programs left behind: the ledger, its
// checkpoints, its balances, and the releases in a workspace. It needs neither
// the source nor a key of the ledger, and writes to neither ledger nor
// workspace.
//
//	audit verify      check the ledger and every release against each other
//	audit checkpoint  print the ledger's signed checkpoint
//	audit witness     vouch for the ledger's newest checkpoint, as an outsider
//	audit key         make the key that a witness or an officer signs with
//
// Exit codes are in package door: 7 where the ledger or a release is not what
// it should be, 3 where a file is missing or cannot be read.
//
// # Two readers
//
// What the ledger says is read twice: by package ledger, which also wrote it,
// and by the recount of this package. The recount is written from the format in
// the doc of package ledger and shares no code with it but the amounts' way to
// be written as text: it has its own frames, chain, tree, keys, signatures and
// rules. Both must come to the same root and the same figures.
//
// # What it does not show
//
// That what was drawn had the noise that the charge speaks of, that a
// sensitivity was true, and whether the source held what it should: none of
// that is in the ledger. Records after the last witnessed checkpoint are as good
// as the word of whoever holds the ledger's key.
package main

import (
	"context"
	"os"

	"lethe/jobs/door"
)

func main() {
	d := door.New("audit")
	d.Stopped = "nothing was changed; run the same command again"
	os.Exit(d.Main(func(ctx context.Context) error {
		return program(ctx, d, os.Args[1:])
	}))
}
