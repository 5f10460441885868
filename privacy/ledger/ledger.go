package ledger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/note"

	"lethe/privacy/budget"
)

// Options are the same for Create and Open.
type Options struct {
	// KeyFile holds the ledger's signing key; Create makes it. Default none: the ledger is opened to be read, and every
	// append is ErrKey.
	KeyFile string
	// Officers are the verifier keys of the people who sign budgets and approvals, none or at least two. Only Create reads
	// it, and the ledger keeps them for ever. Default none: then caps are set once and never raised.
	Officers []string
	// Genesis is the hash of the GENESIS record of the ledger that is meant; another one is ErrOther. Default any.
	Genesis string
	// Copy is a folder, best on another disk or machine, that keeps the newest checkpoint; a ledger behind it does not
	// open. A folder without a checkpoint of this ledger is an error, but for Create. Default none.
	Copy string
	// Evidence is what else is known of the ledger, from a witness or from manifests; a ledger that contradicts it does
	// not open.
	Evidence []Evidence
	// Clock stamps records, chooses the year that a charge falls in and tells when an approval expires. Default time.Now.
	Clock func() time.Time

	disk disk // default osDisk; the tests have another
}

// Ledger is an open ledger. Its view is of what the log held at Open and at the last call that took the lock: Begin,
// SetCaps and a token's steps read first what others appended. Safe for concurrent use, by any number of handles in any
// number of processes of one machine.
type Ledger struct {
	dir   string
	disk  disk
	clock func() time.Time
	key   *signer // nil: for reading only
	keyAs string  // the key's file
	copy  string  // the checkpoint's copy, or empty

	mark [16]byte // this handle's

	mu      sync.Mutex
	log     file
	holder  file // who held the log's lock last
	state   *state
	tree    tree
	offsets []int64 // of every record's frame
	seq     int64   // of the next record
	end     int64   // offset behind the last record
	durable int64   // offset up to which this handle knows the log to be on the disk
	last    []byte  // frame of the last record
	poison  error   // why the handle refuses everything, or nil
}

const logName = "log"

// Create makes a new ledger in dir, which is made if need be, and its signing key, and opens it. A ledger or a key that
// is there is an error that is fs.ErrExist, and is left alone. The log appears whole or not at all, and a Create that was
// cut short is finished by Open, or begun anew.
func Create(dir string, o Options) (*Ledger, error) {
	o = o.withDefaults()
	if err := create(dir, o); err != nil {
		return nil, fmt.Errorf("create ledger in %s: %w", dir, err)
	}
	return Open(dir, o)
}

func create(dir string, o Options) error {
	if o.KeyFile == "" {
		return fmt.Errorf("no file is named for its key: %w", ErrKey)
	}
	if err := o.disk.Mkdir(dir); err != nil {
		return err
	}
	only, err := lockRun(o.disk, dir, "create")
	if err != nil {
		return err
	}
	defer only.release() // at worst an empty file is left, which locks nothing
	log := filepath.Join(dir, logName)
	if f, err := o.disk.Open(log, os.O_RDONLY); err == nil {
		return errors.Join(fmt.Errorf("%s: %w", log, fs.ErrExist), f.Close())
	}
	origin, err := newOrigin()
	if err != nil {
		return err
	}
	first := &Record{Kind: Genesis, Time: o.Clock(), Officers: o.Officers}
	key, err := makeLedgerKey(o, origin)
	if err != nil {
		return err
	}
	first.Key = key.vkey
	if err := checkGenesis(first); err != nil {
		return errors.Join(err, o.disk.Remove(o.KeyFile+nextSuffix))
	}
	l := &Ledger{key: key}
	f, err := l.next(first, origin)
	if err != nil {
		return err
	}
	if o.Copy != "" {
		root, err := l.tree.rootWith(0, f.hash)
		if err != nil {
			return err
		}
		note := signedNote(checkpointText(origin, 1, root), key.verifier, f.signature())
		if err := rewrite(o.disk, copyName(o.Copy, origin), note); err != nil {
			return err
		}
	}
	if err := publishLog(o.disk, dir, f.bytes); err != nil {
		return err
	}
	return replace(o.disk, o.KeyFile+nextSuffix, o.KeyFile)
}

// publishLog links a whole log to its name. Unlike a rename, a link never replaces.
func publishLog(d disk, dir string, first []byte) error {
	draft := filepath.Join(dir, logName+".draft")
	if err := d.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(d, draft, first); err != nil {
		return err
	}
	return errors.Join(d.Link(draft, filepath.Join(dir, logName)), d.Remove(draft), d.SyncDir(dir), d.SyncDir(filepath.Dir(dir)))
}

// Open opens the ledger in dir and verifies all of it. It is [ErrNotFound] where there is none, [ErrCorrupt] where the
// log is not what this package wrote, [ErrOther] and [ErrRolledBack] where it is not what is pinned and known, and
// [ErrKey] where the key file is not the ledger's. Unless it has to finish a rotation that was cut short, it changes
// nothing in the folder: a torn tail is left for the next append to cut.
func Open(dir string, o Options) (*Ledger, error) {
	o = o.withDefaults()
	mode := os.O_RDWR
	if o.KeyFile == "" {
		mode = os.O_RDONLY
	}
	f, err := o.disk.Open(filepath.Join(dir, logName), mode)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open %s: %w", dir, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	l := &Ledger{dir: dir, disk: o.disk, clock: o.Clock, keyAs: o.KeyFile, log: f, state: newState()}
	_, err = rand.Read(l.mark[:])
	if err == nil {
		err = l.open(o)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", dir, err), f.Close())
	}
	return l, nil
}

// open reads the log and holds it against what else is known. Nobody appends meanwhile: a tail that another process is
// about to cut and write over must not be read half and half, and a copy or a key that is newer than what was read would
// look like those of a ledger that was set back.
func (l *Ledger) open(o Options) error {
	if err := l.log.Lock(syscall.LOCK_SH); err != nil {
		return fmt.Errorf("lock the log: %w", err)
	}
	defer l.log.Lock(syscall.LOCK_UN)
	if err := l.readAll(); err != nil {
		return err
	}
	if o.Genesis != "" && o.Genesis != l.state.genesis {
		return fmt.Errorf("%w: its genesis is %s, and %s is pinned", ErrOther, l.state.genesis, o.Genesis)
	}
	if o.Copy != "" {
		l.copy = copyName(o.Copy, l.origin())
		if err := l.checkCopy(); err != nil {
			return err
		}
	}
	if o.KeyFile != "" {
		if err := l.takeKey(); err != nil {
			return err
		}
	}
	var problems []error
	for _, e := range o.Evidence {
		problems = append(problems, l.check(e))
	}
	return errors.Join(problems...)
}

// takeKey loads the signing key, and finishes a rotation that was cut short.
func (l *Ledger) takeKey() error {
	err := l.loadInForce()
	if err != nil {
		err = l.finishRotation(err)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	return nil
}

// loadInForce loads the key file, if it holds the key in force.
func (l *Ledger) loadInForce() error {
	key, err := loadKey(l.disk, l.keyAs)
	if err != nil {
		return err
	}
	if key.vkey != l.state.keys.current() {
		return fmt.Errorf("%s holds another key than the one in force", l.keyAs)
	}
	l.key = key
	return nil
}

// finishRotation loads the key that a rotation brought and that has not its file's name yet, and gives it that name; or
// it says why the file's own key is none. KEYROTATED is made durable first: were the old key gone and the record then
// lost, nothing could ever be appended.
func (l *Ledger) finishRotation(why error) error {
	if brought, err := l.broughtKey(); !brought {
		return errors.Join(why, err)
	}
	if err := l.log.Lock(syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock the log: %w", err)
	}
	if err := l.settle(); err != nil {
		return err
	}
	if why = l.loadInForce(); why == nil { // another process finished it
		return nil
	}
	if brought, err := l.broughtKey(); !brought { // or changed the log that was read
		return errors.Join(why, err)
	}
	if err := replace(l.disk, l.keyAs+nextSuffix, l.keyAs); err != nil {
		return errors.Join(why, err)
	}
	return l.loadInForce()
}

// broughtKey says whether the key beside the key's file is the one in force. Where there is none, or KEYROTATED was
// never written, it is not.
func (l *Ledger) broughtKey() (bool, error) {
	next, err := loadKey(l.disk, l.keyAs+nextSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && next.vkey == l.state.keys.current(), err
}

// readAll verifies the log from its beginning.
func (l *Ledger) readAll() error {
	if _, err := l.catchUp(); err != nil {
		return err
	}
	if l.seq == 0 {
		return &Corrupt{0, "there is no whole GENESIS"}
	}
	return nil
}

// Close closes the handle. Tokens still open keep their run locks until they are closed, and can do nothing else.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.poison, ErrClosed) {
		return nil
	}
	l.poison = fmt.Errorf("ledger %w", ErrClosed)
	err := l.log.Close()
	if l.holder != nil {
		err = errors.Join(err, l.holder.Close())
	}
	return err
}

// Genesis returns the hash of the GENESIS record in lower-case hex: the ledger's name for ever.
func (l *Ledger) Genesis() string { return l.state.genesis }

// origin is the name on checkpoints.
func (l *Ledger) origin() string { return l.state.keys.ledger.Name() }

// keyAt returns the key that signed the frame of a record.
func (l *Ledger) keyAt(seq int64) note.Verifier { return l.state.keys.at(seq) }

// Caps returns the caps of an account, and whether it has any.
func (l *Ledger) Caps(of Account) (budget.Caps, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.state.accounts[of]
	if a == nil {
		return budget.Caps{}, false
	}
	return a.caps, true
}

// Spent returns what an account spent in its life and in the clock's calendar year (UTC).
func (l *Ledger) Spent(of Account) (lifetime, year budget.Cost) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.spent(of, l.clock())
}

// Records reads the log again, from GENESIS to the last record that this handle knows, verifying frames and chain. It
// takes no lock: those bytes never change. After an error nothing follows.
func (l *Ledger) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		l.mu.Lock()
		in, count := bufferedSection(l.log, 0, l.end), l.seq
		l.mu.Unlock()
		var before []byte
		for seq := range count {
			f, err := readFrame(in, before, seq)
			if err != nil {
				yield(Record{}, fmt.Errorf("read ledger: %w", corrupt(seq, err)))
				return
			}
			if !yield(f.record, nil) {
				return
			}
			before = f.bytes
		}
	}
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.disk == nil {
		o.disk = osDisk{}
	}
	return o
}
