package ledger

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"lethe/privacy/budget"
)

// sealedLog is a finished log to be tampered with.
type sealedLog struct {
	log     []byte
	offsets []int64 // of its records, and the end
	records []Record
	disk    memoryDisk // with the ledger and its key
	final   Checkpoint
}

// frame returns the bytes of a record.
func (s *sealedLog) frame(n int) []byte { return s.log[s.offsets[n]:s.offsets[n+1]] }

// logOf200 is a log of 200 records of every kind, made once.
var logOf200 = sync.OnceValue(func() *sealedLog { return newSealedLog(200) })

// keyOfPerson makes a person's key.
func keyOfPerson(name string) *signer {
	skey, _, err := note.GenerateKey(rand.Reader, name)
	return must(parseKey(must(skey, err)))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// writer appends every kind of record to a ledger in memory.
type writer struct {
	l      *Ledger
	people map[string]*signer
}

func (w writer) sign(said Statement, who ...string) (all []Signature) {
	for _, name := range who {
		all = append(all, must(said.sign(w.people[name])))
	}
	return all
}

func (w writer) caps(project string, c budget.Caps, who ...string) error {
	return w.l.SetCaps(Account{Population: "eu", Project: project}, c, w.sign(w.l.BudgetStatement(Account{Population: "eu", Project: project}, c), who...)...)
}

func (w writer) approve(name, who string) error {
	until := march.AddDate(0, 6, 0)
	return w.l.Approve(name, planA, until, w.sign(w.l.ApproveStatement(name, planA, until), who)[0])
}

// goTo brings a release to a state.
func (w writer) goTo(r Request, to attemptState) error {
	b, err := w.l.Begin(r)
	if err != nil {
		return err
	}
	defer b.Token.Close()
	if to == charged {
		return nil
	}
	m, err := b.Token.Draw()
	if err != nil || to == drawn {
		return err
	}
	for _, d := range r.Draws {
		_, err1 := m.Take(d.Name)
		err = errors.Join(err, err1)
	}
	err = errors.Join(err, b.Token.Result(files))
	switch to {
	case burned:
		return errors.Join(err, b.Token.Burn("staged files are gone"))
	case published, withdrawn:
		err = errors.Join(err, b.Token.Published())
	}
	if to == withdrawn {
		err = errors.Join(err, w.l.WithdrawRelease(b.Release, "recalled"))
	}
	return err
}

// rotateOfficer gives a person a new key.
func (w writer) rotateOfficer(name string) error {
	old, new := w.people[name], keyOfPerson(name)
	said := w.l.RotateStatement(old.vkey, new.vkey)
	w.people[name] = new
	return w.l.RotateOfficer(old.vkey, new.vkey, must(said.sign(old)), must(said.sign(new)))
}

func newSealedLog(size int64) *sealedLog {
	d := memoryDisk{}
	w := writer{people: map[string]*signer{}}
	o := Options{KeyFile: "/key", Clock: func() time.Time { return march }, disk: d}
	for _, name := range []string{"anna", "ben", "carl"} {
		w.people[name] = keyOfPerson(name)
		o.Officers = append(o.Officers, w.people[name].vkey)
	}
	w.l = must(Create("/ledger", o))
	half := budget.Cost{Rho: 1 << 60, Delta: 1 << 60, Epsilon: 1 << 60}
	err := errors.Join(w.caps("", budget.Caps{Lifetime: half, Year: half}, "anna", "ben"),
		w.caps("", budget.Caps{Lifetime: vast, Year: half}, "ben", "carl"), // a raise
		w.caps("p", budget.Caps{Lifetime: vast, Year: vast}, "anna", "carl"),
		w.l.SetPolicy("eu", "health", 3, policyC))
	for i := 0; w.l.seq < size && err == nil; i++ {
		err = w.chapter(i)
	}
	s := &sealedLog{log: d["/ledger/log"].data, disk: d}
	all, _, failed := verify(s.log)
	if err = errors.Join(err, failed); err == nil { // to the record
		s.log = s.log[:append(all.offsets, all.end)[size]]
		d["/ledger/log"].data = s.log
		all, _, err = verify(s.log)
	}
	if err != nil {
		panic(err)
	}
	s.offsets = append(slices.Clone(all.offsets), all.end)
	s.final = must(all.Checkpoint())
	for r := range all.Records() {
		s.records = append(s.records, r)
	}
	return s
}

// chapter appends some forty records of every kind.
func (w writer) chapter(i int) error {
	name := func(s string) string { return fmt.Sprint(s, "-", i) }
	study := request(name("study"), planA, small)
	study.Project, study.Approved = "p", name("r")
	panel := request(name("cohort"), planA, small)
	panel.Panel = &Panel{Year: 2026, Of: 50, Number: int64(i)}
	again := request(name("again"), planA, small)
	again.Retries = 1
	other := request(name("again"), planB, small)
	other.Supersede = true
	err := errors.Join(w.approve(study.Approved, "anna"), w.approve(study.Approved, "carl"), w.goTo(study, published),
		w.goTo(panel, withdrawn), w.goTo(again, drawn), w.goTo(again, burned), w.goTo(other, resulted),
		w.l.WithdrawRequest(study.Approved, "the study ended"), w.rotateOfficer("anna"), w.l.Annotate(2, "agreed in the board"))
	if i%2 == 0 {
		_, failed := w.l.Rotate()
		err = errors.Join(err, failed)
	}
	for k := range 3 {
		err = errors.Join(err, w.goTo(request(fmt.Sprint("night-", i, "-", k), planA, small), published))
	}
	return errors.Join(err, w.goTo(request(name("left"), planA, small), charged))
}

// verify reads a log as Open does, and says whether a torn tail follows.
func verify(log []byte) (l *Ledger, tail bool, err error) {
	l = &Ledger{log: logFile(log), state: newState()}
	tail, err = l.catchUp()
	return l, tail, err
}

func logFile(log []byte) file { return &memoryFile{memoryDisk{}, &inode{data: log}} }

// goOn lets a handle that has read the records before read on in another log that begins with them.
func goOn(l *Ledger, log []byte) (tail bool, err error) {
	l.log = logFile(log)
	return l.catchUp()
}

// corruptAt says that err finds a record corrupt, and that one.
func corruptAt(record int64, tail bool, err error) error {
	var c *Corrupt
	if !errors.As(err, &c) || c.Record != record || c.What == "" || tail {
		return fmt.Errorf("got torn %v, %v, want record %d corrupt", tail, err, record)
	}
	return nil
}

func TestLogOf200HoldsEveryKind(t *testing.T) {
	s := logOf200()
	have := map[Kind]int{}
	for _, r := range s.records {
		have[r.Kind]++
	}
	for _, k := range []Kind{
		Genesis, Budget, Policy, Charge, Panelled, Drawn, Resulted, Published, Burned, Approve, Withdraw, KeyRotated, Annotate,
	} {
		if have[k] == 0 {
			t.Errorf("there is no %s", k)
		}
	}
	if len(s.records) != 200 {
		t.Errorf("got %d records, want 200", len(s.records))
	}
	t.Logf("200 records in %d bytes: %v", len(s.log), have)
}

// flipper flips bits of single records. Only what follows the record before can tell, so it verifies from there on: a
// handle stands before the record, and one behind it for the flips that the record's own frame cannot show.
type flipper struct {
	s             *sealedLog
	log           []byte // its own
	before, after *Ledger
	flips, whole  int
}

func (f *flipper) standAt(n int) error {
	end := f.s.offsets
	_, err1 := goOn(f.before, f.s.log[:end[n]])
	_, err2 := goOn(f.after, f.s.log[:end[n+1]])
	return errors.Join(err1, err2)
}

// flip flips a bit of a byte in record n and says what verification did not say right.
func (f *flipper) flip(n int, at int64, bit int) error {
	s := f.s
	f.log[at] ^= 1 << bit
	defer func() { f.log[at] ^= 1 << bit }()
	f.flips++
	inFrame := at - s.offsets[n]
	signature := inFrame >= 74 && inFrame < 202 && lowerHex(f.log[at:at+1])
	wrong := func(tail bool, err error) error { return corruptAt(int64(n), tail, err) }
	// That a signature changed and still reads as one shows at the next record, or where signatures are verified: at the
	// end, and where a key ends.
	ends := n == len(s.records)-1 || len(f.after.state.keys.former) > len(f.before.state.keys.former)
	if signature && ends || f.flips%1500 == 1 {
		f.whole++
		_, tail, err := verify(f.log)
		if err := wrong(tail, err); err != nil || signature && ends {
			return err
		}
	}
	until := f.log[:s.offsets[min(n+2, len(s.records))]]
	l := f.before
	if signature {
		l = f.after
		l.last = f.log[s.offsets[n]:s.offsets[n+1]]
	}
	had := l.seq
	tail, err := goOn(l, until)
	if l.seq != had {
		return errors.New("it was taken in")
	}
	return wrong(tail, err)
}

func TestFlippedBitIsFound(t *testing.T) {
	s := logOf200()
	stride := int64(16)
	if *long {
		stride = 1
	}
	var next, flips, whole atomic.Int64
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			f := &flipper{s: s, log: bytes.Clone(s.log)}
			f.before, f.after = &Ledger{state: newState()}, &Ledger{state: newState()}
			for n := int(next.Add(1) - 1); n < len(s.records); n = int(next.Add(1) - 1) {
				if err := f.record(n, stride); err != nil {
					t.Errorf("record %d, a %s: %v", n, s.records[n].Kind, err)
				}
			}
			flips.Add(int64(f.flips))
			whole.Add(int64(f.whole))
		})
	}
	all.Wait()
	t.Logf("%d flipped bits of 200 records, each found at its record; %d of them also from GENESIS on", flips.Load(), whole.Load())
}

// record flips all bits of a record, or with a stride, one bit of every so many bytes.
func (f *flipper) record(n int, stride int64) error {
	if err := f.standAt(n); err != nil {
		return err
	}
	for at := f.s.offsets[n] + int64(n)%stride; at < f.s.offsets[n+1]; at += stride {
		for bit := range 8 {
			if stride > 1 && int64(bit) != (at/stride)%8 {
				continue
			}
			if err := f.flip(n, at, bit); err != nil {
				return fmt.Errorf("byte %d, bit %d: %w", at-f.s.offsets[n], bit, err)
			}
		}
	}
	return nil
}

// Chain and signature are both needed: the broken variant, that verifies the chain alone, takes a last record whose hash
// was made to fit. And what the tests of this file call corrupt is not what nobody touched.
func TestFlipWithItsHashIsFound(t *testing.T) {
	s := logOf200()
	if _, tail, err := verify(s.log); corruptAt(199, tail, err) == nil {
		t.Error("a log that nobody touched is found corrupt")
	}
	before := s.frame(198)
	frame := bytes.Clone(s.frame(199))
	at := bytes.Index(frame, []byte(`02:00:00Z`))
	frame[at+1] ^= 1
	copy(frame[9:], fmt.Sprintf("%x", chain(before, frame[headBytes:len(frame)-1])))
	if _, err := readFrame(bytes.NewReader(frame), before, 199); err != nil {
		t.Errorf("the broken variant, without signatures, refuses all the same: %v", err)
	}
	_, tail, err := verify(slices.Concat(s.log[:s.offsets[199]], frame))
	if err := corruptAt(199, tail, err); err != nil {
		t.Error(err)
	}
}

// A log cut anywhere opens with the records before the cut, and no others; what held the whole log's checkpoint finds it.
func TestCutLogKeepsWholeRecords(t *testing.T) {
	s := logOf200()
	l := &Ledger{state: newState()}
	known := Evidence{Seen: "a checkpoint of the whole log", Note: s.final.Note}
	cuts, stride := 0, int64(7)
	if *long {
		stride = 1
	}
	for n := range s.records {
		for cut := s.offsets[n]; cut < s.offsets[n+1]; cut += stride {
			cuts++
			tail, err := goOn(l, s.log[:cut])
			if l.seq != int64(n) || tail == (cut == s.offsets[n]) || err != nil {
				t.Fatalf("cut to %d bytes: got %d records, torn %v, %v, want %d, %v", cut, l.seq, tail, err, n, cut > s.offsets[n])
			}
		}
		if n == 0 {
			continue
		}
		if err := l.Check(known); !errors.Is(err, ErrRolledBack) {
			t.Fatalf("cut to %d records: got %v, want ErrRolledBack", n, err)
		}
	}
	if _, err := goOn(l, s.log); err != nil || l.Check(known) != nil {
		t.Errorf("the whole log: got %v and %v", err, l.Check(known))
	}
	t.Logf("%d cuts: every one keeps the whole records before it, and the checkpoint finds each", cuts)
}

func TestMovedRecordIsFound(t *testing.T) {
	s, foreign := logOf200(), newSealedLog(200)
	l := &Ledger{state: newState()}
	count := 0
	want := func(what string, at int, frames ...[]byte) {
		t.Helper()
		count++
		log := slices.Concat(s.log[:s.offsets[at]], slices.Concat(frames...))
		tail, err := goOn(l, log)
		if err := corruptAt(int64(at), tail, err); err != nil || l.seq != int64(at) {
			t.Errorf("%s at record %d: %v", what, at, err)
		}
		if at%50 == 1 {
			_, tail, err := verify(log)
			if err := corruptAt(int64(at), tail, err); err != nil {
				t.Errorf("%s at record %d, from GENESIS on: %v", what, at, err)
			}
		}
	}
	for n := range s.records {
		if _, err := goOn(l, s.log[:s.offsets[n]]); err != nil {
			t.Fatal(err)
		}
		rest := s.log[s.offsets[n+1]:]
		for _, k := range []int{n - 1, n - 40} { // a duplicate, also an older one
			if k >= 0 {
				want("a record again", n, s.frame(k), s.log[s.offsets[n]:])
			}
		}
		if n > 0 { // another GENESIS is another ledger, which Options.Genesis and every checkpoint tell
			want("a record of another ledger", n, foreign.frame(n), rest)
		}
		if n < len(s.records)-1 {
			want("a record left out", n, rest)
			want("records swapped", n, s.frame(n+1), s.frame(n), s.log[s.offsets[n+2]:])
			want("far records swapped", n, s.frame(len(s.records)-1), rest)
		}
	}
	t.Logf("%d moved records, each found", count)
}
