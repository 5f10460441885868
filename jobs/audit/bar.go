package main

import "lethe/jobs/door"

// A bar shows on a terminal how far the signatures are. Elsewhere there is
// nothing to be said until they are done.
type bar struct {
	progress door.Progress // nil: not shown
	name     string
	every    int64 // records between two steps
}

// hundred is how many steps a bar has.
const hundred = 100

// newBar is a bar over so many records; 0 where that is not known.
func newBar(d *door.Door, name string, records int64) bar {
	if !d.Terminal {
		return bar{}
	}
	b := bar{d.Progress(), name, max(records/hundred, 1)}
	if records == 0 {
		b.every = 1000
	}
	b.progress.Start(name, hundred)
	return b
}

func (b bar) step(seq int64) {
	if b.progress != nil && seq%b.every == 0 {
		b.progress.Step(b.name, "record "+door.Thousands(seq))
	}
}

func (b bar) end(ok bool) {
	if b.progress == nil {
		return
	}
	status := "done"
	if !ok {
		status = "failed"
	}
	b.progress.End(b.name, status, ok)
	b.progress.Wait()
}
