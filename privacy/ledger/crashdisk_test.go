package ledger

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// crashDisk is the file system of one machine, in memory: what the kernel shows, and what a loss of power would leave.
//
// What is written is dirty until Sync of its file, sector by sector; a crash keeps any of the dirty sectors, and of the
// changes of the file's size the first few, so that a file may have its new size and NUL where nothing was written. Names
// are made, linked, renamed and removed for good by SyncDir of their folder, and by nothing else; a crash keeps the first
// few such changes, as a journal does, or, where loose is set, any of them. A failed fsync does as Linux: the dirty
// sectors count as clean from then on, though the disk has not got them.
type crashDisk struct {
	names   map[string]*crashFile // as the kernel shows them
	durable map[string]*crashFile
	changes []change // of names, in order, that are not durable
	loose   bool
	rng     *rand.Rand
	dead    bool // the power is gone

	ops  int     // so far
	plan []event // what is to happen, by op
	hits []fault // what happened
}

// A fault is what the disk does in place of an operation.
type fault string

const (
	noFault     fault = ""
	powerBefore fault = "the power goes before"
	powerAfter  fault = "the power goes after"
	killBefore  fault = "the process is killed before"
	killAfter   fault = "the process is killed after"
	eio         fault = "EIO"
	enospc      fault = "ENOSPC"
	shortWrite  fault = "a short write without an error"
	badSync     fault = "a failed fsync"
)

// event is a fault at the first operation from op on that it can hit, and that is called on, where that is named.
type event struct {
	op    int
	fault fault
	on    string
}

// hits says whether a fault can befall an operation.
func (f fault) hits(operation string) bool {
	switch f {
	case eio:
		return operation != "unlock" && operation != "close" && operation != "is at"
	case enospc:
		return slices.Contains([]string{"write", "create", "link", "rename", "mkdir"}, operation)
	case shortWrite:
		return operation == "write"
	case badSync:
		return operation == "sync"
	}
	return true
}

var errDead = errors.New("the power is gone, or the process")

// change is one of names, all at once.
type change struct {
	set   string
	inode *crashFile
	del   string
}

func newCrashDisk(rng *rand.Rand, folders ...string) *crashDisk {
	d := &crashDisk{names: map[string]*crashFile{}, durable: map[string]*crashFile{}, rng: rng}
	for _, f := range append(folders, "/") {
		d.durable[f] = &crashFile{folder: true}
		d.names[f] = d.durable[f]
	}
	return d
}

// crash returns what is left on the disk after a loss of power. The same randomness leaves the same.
func (d *crashDisk) crash(rng *rand.Rand) *crashDisk {
	after := &crashDisk{names: map[string]*crashFile{}, durable: map[string]*crashFile{}, loose: d.loose, rng: rng}
	left := map[string]*crashFile{}
	for name, i := range d.durable {
		left[name] = i
	}
	keep := survivors(rng, len(d.changes), !d.loose)
	for n, c := range d.changes {
		if keep[n] {
			c.apply(left)
		}
	}
	seen := map[*crashFile]*crashFile{}
	for _, name := range sortedNames(left) {
		parent := after.names[filepath.Dir(name)]
		if name != "/" && parent == nil {
			continue // its folder is gone
		}
		i := left[name]
		if seen[i] == nil {
			seen[i] = i.crash(rng)
		}
		after.names[name], after.durable[name] = seen[i], seen[i]
	}
	return after
}

// sortedNames puts folders before what is in them. Names that hold a ledger's random id sort anywhere among their like,
// of which a test has one.
func sortedNames(m map[string]*crashFile) []string {
	var all []string
	for name := range m {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// survivors says which of n things are left: any, or the first few; often all or none.
func survivors(rng *rand.Rand, n int, prefix bool) []bool {
	keep := make([]bool, n)
	share := []float64{0, 0.2, 0.5, 0.8, 1}[rng.IntN(5)]
	first := int(share*float64(n) + rng.Float64())
	for i := range keep {
		keep[i] = i < first
		if !prefix {
			keep[i] = rng.Float64() < share
		}
	}
	return keep
}

func (c change) apply(names map[string]*crashFile) {
	if c.del != "" {
		delete(names, c.del)
	}
	if c.set != "" {
		names[c.set] = c.inode
	}
}

func (d *crashDisk) change(c change) {
	c.apply(d.names)
	d.changes = append(d.changes, c)
}

func (d *crashDisk) syncDir(name string) {
	if !d.loose { // a journal is written up to here, whatever folder it was for
		name = ""
	}
	d.changes = slices.DeleteFunc(d.changes, func(c change) bool {
		in := name == "" || c.set != "" && filepath.Dir(c.set) == name || c.del != "" && filepath.Dir(c.del) == name
		if in {
			c.apply(d.durable)
		}
		return in
	})
}

// next counts an operation and returns the fault that befalls it.
func (d *crashDisk) next(operation string) fault {
	d.ops++
	for n, e := range d.plan {
		if e.op <= d.ops && e.fault.hits(operation) && (e.on == "" || e.on == operation) {
			d.plan = slices.Delete(d.plan, n, n+1)
			d.hits = append(d.hits, e.fault)
			return e.fault
		}
	}
	return noFault
}

// process is the disk as one process of the machine sees it.
type process struct {
	*crashDisk
	killed bool
	turn   func() // lets others go on before an operation; or none
	files  []*crashHandle
}

// die lets go of all that a process holds.
func (p *process) die() {
	p.killed = true
	for _, h := range p.files {
		delete(h.inode.locks, h)
	}
}

func (p *process) gone() bool { return p.killed || p.dead }

// do runs an operation, or what befalls it. Effect is handed the fault that it has to look after itself.
func (p *process) do(operation string, effect func(fault) error) error {
	if p.turn != nil {
		p.turn()
	}
	if p.gone() {
		return errDead
	}
	switch f := p.next(operation); f {
	case powerBefore, powerAfter:
		if f == powerAfter {
			effect(noFault)
		}
		p.dead = true
		return errDead
	case killBefore, killAfter:
		if f == killAfter {
			effect(noFault)
		}
		p.die()
		return errDead
	case eio:
		return syscall.EIO
	case enospc:
		if operation != "write" {
			return syscall.ENOSPC
		}
		return effect(f)
	default:
		return effect(f)
	}
}

func (p *process) Open(name string, flag int) (f file, err error) {
	operation := "open"
	if p.names[name] == nil && flag&os.O_CREATE != 0 {
		operation = "create"
	}
	err = p.do(operation, func(fault) error {
		i := p.names[name]
		switch {
		case i != nil && flag&os.O_EXCL != 0:
			return fs.ErrExist
		case i == nil && (flag&os.O_CREATE == 0 || p.names[filepath.Dir(name)] == nil):
			return fs.ErrNotExist
		case i == nil:
			i = &crashFile{}
			p.change(change{set: name, inode: i})
		}
		h := &crashHandle{process: p, inode: i, writes: flag&(os.O_WRONLY|os.O_RDWR) != 0}
		p.files, f = append(p.files, h), h
		return nil
	})
	if err != nil {
		return nil, &fs.PathError{Op: operation, Path: name, Err: err}
	}
	return f, nil
}

func (p *process) Mkdir(name string) error {
	if i := p.names[name]; i != nil && i.folder {
		return nil
	}
	if err := p.Mkdir(filepath.Dir(name)); err != nil {
		return err
	}
	return p.do("mkdir", func(fault) error {
		if p.names[name] == nil {
			p.change(change{set: name, inode: &crashFile{folder: true}})
		}
		return nil
	})
}

func (p *process) Link(old, new string) error {
	return p.do("link", func(fault) error {
		switch {
		case p.names[old] == nil:
			return fs.ErrNotExist
		case p.names[new] != nil:
			return fs.ErrExist
		}
		p.change(change{set: new, inode: p.names[old]})
		return nil
	})
}

func (p *process) Rename(old, new string) error {
	return p.do("rename", func(fault) error {
		if p.names[old] == nil {
			return fs.ErrNotExist
		}
		p.change(change{set: new, inode: p.names[old], del: old})
		return nil
	})
}

func (p *process) Remove(name string) error {
	return p.do("remove", func(fault) error {
		if p.names[name] == nil {
			return fs.ErrNotExist
		}
		p.change(change{del: name})
		return nil
	})
}

func (p *process) SyncDir(name string) error {
	return p.do("sync folder", func(fault) error {
		if i := p.names[name]; i == nil || !i.folder {
			return fs.ErrNotExist
		}
		p.syncDir(name)
		return nil
	})
}
