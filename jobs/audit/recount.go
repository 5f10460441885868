package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
)

// The recount is the second reader of the ledger. It follows the doc of package
// ledger and nothing else of it. It goes on after a record that breaks a rule,
// so that all that is wrong is known, and stops at one that cannot be read.

// Places in a frame: length, hash, signature and body, with a blank between.
const (
	hashAt      = 9
	signatureAt = hashAt + 64 + 1
	bodyAt      = signatureAt + 128 + 1
	longestBody = 1 << 20
	sectorBytes = 512
)

// books is what the recount finds in a log.
type books struct {
	size    int64 // records
	genesis string
	roots   [][32]byte // of the tree that ends with each record
	last    string     // time of the last record
	torn    int        // bytes of an append that was cut short
	broken  error      // why it stopped; nil where it came to the end
	faults  []fault    // rules that were broken

	accounts map[accountName]*account
	policies map[[2]string]*policyOnRecord // by population and name
	versions map[policyOnRecord]bool       // all that ever were on record
	requests map[string]*requestOnRecord
	panels   map[panelYear]*panelCut
	slots    map[[3]string]*slot // by population, dataset and window
	releases map[string]*life
	order    []*life // as charged
	keyring  keyring
}

// A fault is a record that no sound program would have written.
type fault struct {
	record int64
	what   string
}

func (f fault) String() string { return fmt.Sprintf("record %d: %s", f.record, f.what) }

func newBooks() *books {
	return &books{
		accounts: map[accountName]*account{},
		policies: map[[2]string]*policyOnRecord{},
		versions: map[policyOnRecord]bool{},
		requests: map[string]*requestOnRecord{},
		panels:   map[panelYear]*panelCut{},
		slots:    map[[3]string]*slot{},
		releases: map[string]*life{},
	}
}

// rootOf is that of the tree over the first records, of which there are size.
func (b *books) rootOf(size int64) [32]byte {
	if size < 1 || size > int64(len(b.roots)) {
		return [32]byte{}
	}
	return b.roots[size-1]
}

// sound says whether the whole log was read and no rule is broken.
func (b *books) sound() bool { return b.broken == nil && len(b.faults) == 0 }

func (b *books) fault(record int64, format string, args ...any) {
	b.faults = append(b.faults, fault{record, fmt.Sprintf(format, args...)})
}

// A frame is one line of the log, taken apart.
type frame struct {
	hash      [32]byte
	signature []byte
	body      []byte
}

// recount reads a log from its first byte to its last.
func recount(log io.Reader) *books {
	b := newBooks()
	in := bufio.NewReaderSize(log, bodyAt+longestBody+1)
	var grown merkle
	var before []byte
	var at int64
	for {
		line, err := in.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			break
		}
		f, bad := takeApart(line, before)
		if err != nil || bad != nil {
			b.stop(line, in, at, err, bad)
			break
		}
		before = append(before[:0], line...)
		at += int64(len(line))
		grown.add(f.hash)
		b.roots = append(b.roots, grown.root())
		if b.broken = b.take(f); b.broken != nil {
			break
		}
	}
	if b.broken == nil && b.size == 0 {
		b.broken = errors.New("record 0: there is no whole GENESIS")
	}
	b.checkSigned()
	return b
}

// take is one more record, whose frame and place in the chain hold.
func (b *books) take(f frame) error {
	record, err := read(f.body)
	if err != nil {
		return fmt.Errorf("record %d: %w", b.size, err)
	}
	h := record.head()
	if h.Seq != b.size {
		return fmt.Errorf("record %d: it calls itself %d", b.size, h.Seq)
	}
	if (h.Kind == "GENESIS") != (b.size == 0) {
		return fmt.Errorf("record %d: GENESIS is the first record and only the first", b.size)
	}
	if b.size == 0 {
		b.genesis = hex.EncodeToString(f.hash[:])
	}
	signer := b.keyring.ledger // the key before a KEYROTATED signs its frame
	record.enter(b, hex.EncodeToString(f.hash[:]))
	if b.size == 0 {
		signer = b.keyring.ledger
	}
	b.keyring.unchecked = signedRecord{b.size, b.rootOf(b.size + 1), f.signature, signer}
	if h.Kind == "KEYROTATED" {
		b.checkSigned()
	}
	b.size, b.last = b.size+1, h.Time
	return nil
}

// errDisk: the disk did not give the bytes, which says nothing about them.
var errDisk = errors.New("read the log")

// takeApart splits a line into a frame and holds its hash against the line
// before.
func takeApart(line, before []byte) (frame, error) {
	if len(line) < bodyAt+1 || !hexDigits(line[:8]) || line[8] != ' ' || !hexDigits(line[hashAt:hashAt+64]) ||
		line[hashAt+64] != ' ' || !hexDigits(line[signatureAt:signatureAt+128]) || line[signatureAt+128] != ' ' {
		return frame{}, errors.New("it does not begin with length, hash and signature")
	}
	body := line[bodyAt : len(line)-1]
	size, err := strconv.ParseUint(string(line[:8]), 16, 32)
	if err != nil || int(size) != len(body) || line[len(line)-1] != '\n' {
		return frame{}, errors.New("it is not as long as it says")
	}
	chain := sha256.New()
	chain.Write(before)
	chain.Write(body)
	f := frame{hash: [32]byte(chain.Sum(nil)), body: body}
	if hex.EncodeToString(f.hash[:]) != string(line[hashAt:hashAt+64]) {
		return frame{}, errors.New("its hash is not that of its content after the record before it")
	}
	f.signature = make([]byte, ed25519.SignatureSize)
	_, err = hex.Decode(f.signature, line[signatureAt:signatureAt+128])
	return f, err
}

func hexDigits(s []byte) bool {
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// stop says why nothing more is read: the end of the log was never finished, or
// something is wrong with it.
func (b *books) stop(line []byte, in io.Reader, at int64, failed, bad error) {
	if failed != nil && failed != io.EOF && !errors.Is(failed, bufio.ErrBufferFull) {
		b.broken = fmt.Errorf("%w: %w", errDisk, failed)
		return
	}
	rest, err := io.ReadAll(io.LimitReader(in, bodyAt+longestBody+2))
	if err != nil {
		b.broken = fmt.Errorf("%w: %w", errDisk, err)
		return
	}
	tail := append(bytes.Clone(line), rest...)
	switch {
	case neverWritten(tail, at) || begun(tail, b.size):
		b.torn = len(tail)
	case bad == nil:
		b.broken = fmt.Errorf("record %d: it is longer than a record may be", b.size)
	default:
		b.broken = fmt.Errorf("record %d: %w", b.size, bad)
	}
}

// begun says whether a tail is the beginning of the frame of a record.
func begun(tail []byte, record int64) bool {
	digits := func(n int) string { return strings.Repeat("#", n) + " " }
	form := digits(8) + digits(64) + digits(128) + fmt.Sprintf(`{"seq":%d,"kind":"`, record)
	for i, c := range tail {
		switch {
		case c < ' ' || c > '~':
			return false
		case i >= len(form):
		case form[i] == '#' && !hexDigits(tail[i:i+1]), form[i] != '#' && form[i] != c:
			return false
		}
	}
	return fitsLength(tail, 0)
}

// neverWritten says whether a tail is a frame with sectors that the disk never
// wrote, which read as NUL.
func neverWritten(tail []byte, at int64) bool {
	hole := false
	for i := 0; i < len(tail); {
		n := min(len(tail)-i, int(sectorBytes-(at+int64(i))%sectorBytes))
		nuls := bytes.Count(tail[i:i+n], []byte{0})
		if nuls > 0 && nuls < n {
			return false
		}
		hole = hole || nuls == n
		i += n
	}
	text := bytes.TrimSuffix(tail, []byte("\n"))
	odd := bytes.ContainsFunc(text, func(r rune) bool { return r != 0 && (r < ' ' || r > '~') })
	return hole && !odd && bytes.Count(tail, []byte(`{"seq":`)) < 2 && len(tail) <= bodyAt+longestBody+1 &&
		fitsLength(tail, 1)
}

// fitsLength says whether a tail is no longer than its length says, and so many
// bytes, if it holds one.
func fitsLength(tail []byte, more int) bool {
	if len(tail) < 8 || !hexDigits(tail[:8]) {
		return true
	}
	size, err := strconv.ParseUint(string(tail[:8]), 16, 32)
	if err != nil || len(tail) >= bodyAt && size > longestBody {
		return false
	}
	return len(tail) < bodyAt || len(tail)-bodyAt <= int(size)+more
}

// amounts are ρ, δ and ε in the units of the ledger, of any size.
type amounts [3]*big.Int

func zero() amounts { return amounts{new(big.Int), new(big.Int), new(big.Int)} }

func (a amounts) add(b amounts) {
	for i := range a {
		a[i].Add(a[i], b[i])
	}
}

// within says whether no amount is above that of limit.
func (a amounts) within(limit amounts) bool {
	for i := range a {
		if a[i].Cmp(limit[i]) > 0 {
			return false
		}
	}
	return true
}

func (a amounts) equal(b amounts) bool { return a.within(b) && b.within(a) }

func (a amounts) copied() amounts {
	out := zero()
	out.add(a)
	return out
}
