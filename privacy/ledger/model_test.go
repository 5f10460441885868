package ledger

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"lethe/privacy/budget"
)

// naive is the ledger as the package doc describes it, in plain maps and sums without bounds. It shares no code with
// state.go. Each of its verbs says which answers are right; where several rules refuse, any of them may be named.
type naive struct {
	broken   string            // the rule that is changed, to show that it is tested
	officers map[string]string // name → verifier key
	caps     map[string]budget.Caps
	budgets  map[string]int      // how many BUDGET records an account has
	spent    map[string]*big.Int // "eu/p lifetime rho", "eu/p year 2026 rho"
	policies map[string]naivePolicy
	requests map[string]map[string]naiveApproval // request → officer
	said     map[string]map[string]bool          // request → what was signed since its last WITHDRAW
	cuts     map[string]int64                    // "eu 2026" → panels
	panels   map[string]bool                     // "eu 2026 3"
	slots    map[string]*naiveSlot
	releases map[string]*naiveRelease
	log      []Kind
	key      int // rotations of the ledger's key
}

type naivePolicy struct {
	version int64
	hash    string
}

type naiveApproval struct {
	plan    string
	expires time.Time
}

type naiveSlot struct {
	current  *naiveRelease
	attempts map[string]int
	burned   int
}

type naiveRelease struct {
	id, state, panel string
	attempt          int
	asked            Request
	slot             *naiveSlot
	running          bool
}

func newNaive(broken string, officers map[string]string) *naive {
	return &naive{
		broken: broken, officers: officers, caps: map[string]budget.Caps{}, budgets: map[string]int{},
		spent: map[string]*big.Int{}, policies: map[string]naivePolicy{}, requests: map[string]map[string]naiveApproval{},
		said: map[string]map[string]bool{}, cuts: map[string]int64{}, panels: map[string]bool{}, slots: map[string]*naiveSlot{},
		releases: map[string]*naiveRelease{}, log: []Kind{Genesis},
	}
}

func (m *naive) add(k Kind) { m.log = append(m.log, k) }

// begin returns the right answers to a request, and what becomes of the model if it is granted. Stale says that the
// handle has a key that is no longer in force, and cannot append.
func (m *naive) begin(r Request, now time.Time, stale bool) (right []string, then func()) {
	key := r.Population + " " + r.Dataset + " " + r.Window
	sl := m.slots[key]
	if sl == nil {
		return m.charge(key, r, 1, now, stale)
	}
	a := sl.current
	switch {
	case a.asked.PlanHash != r.PlanHash && !r.Supersede:
		return []string{"superseded"}, nil
	case a.asked.PlanHash != r.PlanHash && a.running:
		return []string{"in progress"}, nil
	case a.asked.PlanHash != r.PlanHash:
		return m.charge(key, r, sl.attempts[r.PlanHash]+1, now, stale)
	case a.state == "withdrawn":
		return []string{"withdrawn"}, nil
	case a.panel != "" && (a.state == "published" || a.state == "resulted") && m.otherTerms(a, r):
		return []string{"refused"}, nil
	case a.state == "published":
		return []string{answer(Served, a.id, a.attempt)}, nil
	case a.state != "burned" && a.running:
		right = append(right, "in progress")
	case a.state == "resulted":
		return []string{answer(Resume, a.id, a.attempt)}, func() { a.running = true }
	case a.state == "drawn" && stale:
		return []string{"poisoned"}, nil
	case a.state == "drawn":
		m.burn(a)
	}
	if a.state == "charged" {
		right = append(right, m.sameTerms(a, r, now)...)
		if right == nil {
			return []string{answer(Granted, a.id, a.attempt)}, func() { a.running = true }
		}
	}
	retries := r.Retries
	if m.broken == "one retry more" {
		retries++
	}
	switch {
	case right != nil:
		return right, nil
	case sl.burned > retries:
		return []string{"burned"}, nil
	}
	return m.charge(key, r, sl.attempts[r.PlanHash]+1, now, stale)
}

// sameTerms: a charge that nobody drew from is granted again to whoever asks for the same, under any policy on record.
func (m *naive) sameTerms(a *naiveRelease, r Request, now time.Time) (wrong []string) {
	if fmt.Sprint(a.asked.Draws) != fmt.Sprint(r.Draws) || m.otherTerms(a, r) {
		wrong = append(wrong, "refused")
	}
	if !m.onRecord(r) {
		wrong = append(wrong, "no policy")
	}
	return append(wrong, m.unapproved(r, now)...)
}

func (m *naive) otherTerms(a *naiveRelease, r Request) bool {
	return a.asked.Project != r.Project || a.asked.Approved != r.Approved ||
		(r.Panel == nil) != (a.asked.Panel == nil) || r.Panel != nil && *r.Panel != *a.asked.Panel
}

func (m *naive) onRecord(r Request) bool {
	for name, p := range m.policies {
		if strings.HasPrefix(name, r.Population+"/") && p.hash == r.PolicyHash {
			return true
		}
	}
	return false
}

func (m *naive) charge(key string, r Request, attempt int, now time.Time, stale bool) (right []string, then func()) {
	if r.Limit != nil {
		right = m.over(r, r.Population+"/", *r.Limit, now)
	}
	switch {
	case right != nil:
		return right, nil
	case stale:
		return []string{"poisoned"}, nil
	}
	for _, account := range accountsOf(r) {
		if caps, ok := m.caps[account]; ok {
			right = append(right, m.over(r, account, caps, now)...)
		} else {
			right = append(right, "no caps")
		}
	}
	if !m.onRecord(r) {
		right = append(right, "no policy")
	}
	right = append(right, m.unapproved(r, now)...)
	panel := ""
	if p := r.Panel; p != nil {
		cut := fmt.Sprint(r.Population, " ", p.Year)
		panel = fmt.Sprint(cut, " ", p.Number)
		if m.cuts[cut] != 0 && m.cuts[cut] != p.Of || m.panels[panel] {
			right = append(right, "panel used")
		}
	}
	if right != nil {
		return right, nil
	}
	id := nameOf(r, attempt)
	return []string{answer(Granted, id, attempt)}, func() { m.charged(key, r, id, panel, attempt, now) }
}

func (m *naive) charged(key string, r Request, id, panel string, attempt int, now time.Time) {
	if panel == "" {
		m.add(Charge)
	} else {
		m.add(Panelled)
		m.panels[panel], m.cuts[fmt.Sprint(r.Population, " ", r.Panel.Year)] = true, r.Panel.Of
	}
	m.pay(r, now, +1)
	if m.slots[key] == nil {
		m.slots[key] = &naiveSlot{attempts: map[string]int{}}
	}
	sl := m.slots[key]
	if sl.current != nil && sl.current.asked.PlanHash != r.PlanHash {
		sl.burned = 0
	}
	sl.attempts[r.PlanHash] = attempt
	sl.current = &naiveRelease{id: id, state: "charged", panel: panel, attempt: attempt, asked: r, slot: sl, running: true}
	m.releases[id] = sl.current
}

func (m *naive) burn(a *naiveRelease) {
	m.add(Burned)
	a.state = "burned"
	a.slot.burned++
	switch m.broken {
	case "refund of what burned":
		m.pay(a.asked, march, -1)
	case "panel free once burned":
		delete(m.panels, a.panel)
	}
}

func accountsOf(r Request) []string {
	if r.Project == "" {
		return []string{r.Population + "/"}
	}
	return []string{r.Population + "/", r.Population + "/" + r.Project}
}

func amountsOf(c budget.Cost) map[string]*big.Int {
	return map[string]*big.Int{
		"rho":     new(big.Int).SetUint64(uint64(c.Rho)),
		"delta":   new(big.Int).SetUint64(uint64(c.Delta)),
		"epsilon": new(big.Int).SetUint64(uint64(c.Epsilon)),
	}
}

func (m *naive) pay(r Request, now time.Time, sign int64) {
	for _, account := range accountsOf(r) {
		for _, scope := range []string{" lifetime ", fmt.Sprintf(" year %d ", now.Year())} {
			for _, d := range r.Draws {
				for unit, n := range amountsOf(d.Cost) {
					n.Mul(n, big.NewInt(sign))
					m.spent[account+scope+unit] = n.Add(n, m.out(account+scope+unit))
				}
			}
		}
	}
}

func (m *naive) out(of string) *big.Int {
	if n := m.spent[of]; n != nil {
		return n
	}
	return new(big.Int)
}

// over names the scopes of an account that a charge does not fit into.
func (m *naive) over(r Request, account string, caps budget.Caps, now time.Time) (names []string) {
	for scope, limit := range map[string]budget.Cost{"lifetime": caps.Lifetime, fmt.Sprint("year ", now.Year()): caps.Year} {
		if m.broken == "no yearly cap" && scope != "lifetime" {
			continue
		}
		fits := true
		for unit, most := range amountsOf(limit) {
			sum := new(big.Int).Set(m.out(account + " " + scope + " " + unit))
			for _, d := range r.Draws {
				sum.Add(sum, amountsOf(d.Cost)[unit])
			}
			fits = fits && sum.Cmp(most) <= 0
		}
		if !fits {
			names = append(names, "over "+account+" "+scope)
		}
	}
	return names
}

func (m *naive) unapproved(r Request, now time.Time) []string {
	said := 0
	for _, a := range m.requests[r.Approved] {
		if a.plan == r.PlanHash && (now.Before(a.expires) || m.broken == "approvals for ever") {
			said++
		}
	}
	if r.Approved != "" && said < 2 {
		return []string{"not approved"}
	}
	return nil
}

// setCaps: signed says that two or more officers, and nobody else, signed these caps as the next.
func (m *naive) setCaps(population, project string, c budget.Caps, signatures int, signed bool) (right string) {
	account := population + "/" + project
	had, ok := m.caps[account]
	below := func(a, b budget.Cost) bool { return a.Rho <= b.Rho && a.Delta <= b.Delta && a.Epsilon <= b.Epsilon }
	lowered := ok && below(c.Lifetime, had.Lifetime) && below(c.Year, had.Year) || !ok && len(m.officers) == 0
	_, populated := m.caps[population+"/"]
	switch {
	case project != "" && !populated:
		return "no caps"
	case !(lowered && signatures == 0 || signed && len(m.officers) > 0):
		return "raise"
	}
	m.caps[account] = c
	m.budgets[account]++
	m.add(Budget)
	return "ok"
}

// approve: signed says that the officer signed this. The same word counts once.
func (m *naive) approve(name, who string, a naiveApproval, signed bool) (right []string) {
	word := fmt.Sprint(m.officers[who], a.plan, a.expires.Unix())
	if m.said[name][word] {
		right = append(right, "out of order")
	}
	if !signed {
		right = append(right, "signatures")
	}
	if right != nil {
		return right
	}
	if m.requests[name] == nil {
		m.requests[name], m.said[name] = map[string]naiveApproval{}, map[string]bool{}
	}
	m.requests[name][who], m.said[name][word] = a, true
	m.add(Approve)
	return []string{"ok"}
}

// nameOf is the release id of the package doc.
func nameOf(r Request, attempt int) string {
	text := ""
	for _, s := range []string{r.Population, r.Dataset, r.Window, r.PlanHash, fmt.Sprint(attempt)} {
		text += fmt.Sprintf("%d:%s,", len(s), s)
	}
	sum := sha256.Sum256([]byte(text))
	return r.Window[11:] + "-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

func answer(s Status, id string, attempt int) string {
	return fmt.Sprint("ok ", s, " ", id, " ", attempt)
}

// answerOf names an error as the model does.
func answerOf(err error) string {
	var over *OverBudget
	var other *Superseded
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &over):
		return "over " + over.Population + "/" + over.Project + " " + over.Scope
	case errors.As(err, &other):
		return "superseded"
	}
	for _, known := range []struct {
		err  error
		name string
	}{
		{ErrPoisoned, "poisoned"}, {ErrClosed, "closed"}, {ErrRaise, "raise"}, {ErrSignature, "signatures"},
		{ErrNoCaps, "no caps"}, {ErrNoPolicy, "no policy"}, {ErrPolicyVersion, "policy version"},
		{ErrNotApproved, "not approved"}, {ErrPanelUsed, "panel used"}, {ErrInProgress, "in progress"},
		{ErrBurned, "burned"}, {ErrWithdrawn, "withdrawn"}, {ErrDrawn, "drawn"}, {ErrOrder, "out of order"},
		{ErrRolledBack, "rolled back"}, {ErrKey, "key"}, {ErrCorrupt, "corrupt"},
	} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	return "refused"
}

// memoryDisk is a disk for one goroutine, which forgets nothing and fails never.
type memoryDisk map[string]*inode

type inode struct {
	data   []byte
	holder *memoryFile
}

type memoryFile struct {
	on memoryDisk
	*inode
}

func (d memoryDisk) Open(name string, flag int) (file, error) {
	switch n := d[name]; {
	case n == nil && flag&os.O_CREATE == 0:
		return nil, fs.ErrNotExist
	case n != nil && flag&os.O_EXCL != 0:
		return nil, fs.ErrExist
	case n == nil:
		d[name] = &inode{}
	}
	return &memoryFile{d, d[name]}, nil
}

func (d memoryDisk) Mkdir(string) error   { return nil }
func (d memoryDisk) SyncDir(string) error { return nil }

func (d memoryDisk) Link(old, new string) error {
	if d[new] != nil {
		return fs.ErrExist
	}
	d[new] = d[old]
	return nil
}

func (d memoryDisk) Rename(old, new string) error {
	d[new] = d[old]
	return d.Remove(old)
}

func (d memoryDisk) Remove(name string) error {
	if d[name] == nil {
		return fs.ErrNotExist
	}
	delete(d, name)
	return nil
}

func (f *memoryFile) ReadAt(p []byte, off int64) (int, error) {
	if n := copy(p, f.data[min(off, int64(len(f.data))):]); n < len(p) {
		return n, io.EOF
	}
	return len(p), nil
}

func (f *memoryFile) WriteAt(p []byte, off int64) (int, error) {
	if more := int(off) + len(p) - len(f.data); more > 0 {
		f.data = append(f.data, make([]byte, more)...)
	}
	return copy(f.data[off:], p), nil
}

func (f *memoryFile) Truncate(size int64) error {
	f.data = slices.Clip(f.data[:size])
	return nil
}

func (f *memoryFile) Lock(how int) error {
	switch {
	case f.holder != nil && f.holder != f:
		return syscall.EWOULDBLOCK
	case how == syscall.LOCK_UN:
		f.holder = nil
	default:
		f.holder = f
	}
	return nil
}

func (f *memoryFile) Close() error {
	if f.holder == f {
		f.holder = nil
	}
	return nil
}

func (f *memoryFile) Sync() error                { return nil }
func (f *memoryFile) Mode() (fs.FileMode, error) { return 0o600, nil }
func (f *memoryFile) IsAt(name string) bool      { return f.on[name] == f.inode }
