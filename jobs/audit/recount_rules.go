package main

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"
)

// A life is one release: its charge and what became of it. The numbers are those
// of the records, 0 for none, which GENESIS has.
type life struct {
	charge *chargeBody
	hash   string  // of the charge's record
	toDate amounts // of the population, with this charge
	slot   *slot
	state  string // the kind of its last record, or CHARGE

	drawn, resulted, published, ended int64
	files                             []fileBody
}

// A slot is one dataset and window of a population.
type slot struct {
	current  *life
	attempts map[string]int64 // by plan hash
}

type policyOnRecord struct {
	population, name string
	version          int64
	hash             string
}

type requestOnRecord struct {
	after     string // hash of its last WITHDRAW
	approvals map[string]approvalOnRecord
	said      map[[2]string]bool // officer's key and statement: each counts once
}

func newRequest(after string) *requestOnRecord {
	return &requestOnRecord{after, map[string]approvalOnRecord{}, map[[2]string]bool{}}
}

type approvalOnRecord struct {
	plan    string
	expires time.Time
}

type panelYear struct {
	population string
	year       int64
}

type panelCut struct {
	panels int64
	usedBy map[int64]string
}

// enter puts a version of a policy on record.
func (r *policyBody) enter(b *books, _ string) {
	key := [2]string{r.Population, r.Policy}
	if !identifier.MatchString(r.Population) || !identifier.MatchString(r.Policy) || !hashForm.MatchString(r.Hash) || r.Version < 1 {
		b.fault(r.Seq, "the policy's name, version or hash is none")
	}
	if had := b.policies[key]; had != nil && r.Version <= had.version {
		b.fault(r.Seq, "policy %s goes back from version %d to %d", r.Policy, had.version, r.Version)
	}
	now := policyOnRecord{r.Population, r.Policy, r.Version, r.Hash}
	b.policies[key] = &now
	b.versions[now] = true
}

// lastDayIn says whether the last day of a window is of a year.
func lastDayIn(window string, year int64) bool {
	_, end, _ := strings.Cut(window, "/")
	day, err := time.Parse(time.DateOnly, end)
	return err == nil && int64(day.AddDate(0, 0, -1).Year()) == year
}

// enter begins a release.
func (r *chargeBody) enter(b *books, hash string) { r.charge(b, hash, true) }

func (r *panelBody) enter(b *books, hash string) {
	r.charge(b, hash, false)
	key := panelYear{r.Population, r.Year}
	cut := b.panels[key]
	if cut == nil {
		cut = &panelCut{r.Panels, map[int64]string{}}
		b.panels[key] = cut
	}
	switch {
	case r.Panel >= r.Panels || cut.panels != r.Panels || !lastDayIn(r.Window, r.Year):
		b.fault(r.Seq, "panel %d of %d is not one that the year %d is cut into", r.Panel, r.Panels, r.Year)
	case cut.usedBy[r.Panel] != "":
		b.fault(r.Seq, "panel %d of the year %d is used by release %s", r.Panel, r.Year, cut.usedBy[r.Panel])
	}
	cut.usedBy[r.Panel] = r.Release
}

func (r *chargeBody) charge(b *books, hash string, costs bool) {
	r.checkContent(b, costs)
	s := b.slotOf(r)
	r.checkPlace(b, s)
	r.debit(b)
	if b.releases[r.Release] != nil {
		b.fault(r.Seq, "release %s is charged twice", r.Release)
	}
	l := &life{charge: r, hash: hash, toDate: zero(), slot: s, state: "CHARGE"}
	if a := b.accounts[accountName{r.Population, ""}]; a != nil {
		l.toDate = a.lifetime.copied()
	}
	s.attempts[r.Plan], s.current = r.Attempt, l
	b.releases[r.Release] = l
	b.order = append(b.order, l)
}

// checkContent holds the charge against its own parts.
func (r *chargeBody) checkContent(b *books, costs bool) {
	for _, name := range []string{r.Population, r.Dataset} {
		if !identifier.MatchString(name) {
			b.fault(r.Seq, "the population or dataset is no name")
		}
	}
	for _, name := range []string{r.Project, r.Request} {
		if name != "" && !identifier.MatchString(name) {
			b.fault(r.Seq, "the project or request is no name")
		}
	}
	if !hashForm.MatchString(r.Plan) || !hashForm.MatchString(r.Policy) {
		b.fault(r.Seq, "the plan or policy is no hash")
	}
	if id, err := r.id(); err != nil {
		b.fault(r.Seq, "%v", err)
	} else if id != r.Release {
		b.fault(r.Seq, "release %s has not the id that follows from its charge", r.Release)
	}
	sum, names := zero(), map[string]bool{}
	for i := range r.Draws {
		d := &r.Draws[i]
		if err := d.check(costs); err != nil {
			b.fault(r.Seq, "%v", err)
		}
		if names[d.Name] {
			b.fault(r.Seq, "draw %q is listed twice", d.Name)
		}
		names[d.Name] = true
		sum.add(d.Cost.amounts())
	}
	if costs && len(r.Draws) == 0 {
		b.fault(r.Seq, "the charge lists no draw")
	}
	if !sum.equal(r.Cost.amounts()) {
		b.fault(r.Seq, "the charge is not the sum of its draws")
	}
}

// id is the release id that follows from the charge.
func (r *chargeBody) id() (string, error) {
	day, err := windowEnd(r.Window)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, s := range []string{r.Population, r.Dataset, r.Window, r.Plan, fmt.Sprint(r.Attempt)} {
		fmt.Fprintf(&text, "%d:%s,", len(s), s)
	}
	sum := sha256.Sum256([]byte(text.String()))
	return day + "-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10])), nil
}

// checkPlace: the charge may follow what is there, its policy is on record and
// its request approved.
func (r *chargeBody) checkPlace(b *books, s *slot) {
	current := s.current
	switch {
	case r.Attempt != s.attempts[r.Plan]+1:
		b.fault(r.Seq, "attempt %d follows attempt %d", r.Attempt, s.attempts[r.Plan])
	case current == nil && r.Supersedes != "":
		b.fault(r.Seq, "it supersedes a plan where there is none")
	case current != nil && current.charge.Plan == r.Plan && (r.Supersedes != "" || current.state != "BURNED"):
		b.fault(r.Seq, "a further attempt follows one that is not burned")
	case current != nil && current.charge.Plan != r.Plan && r.Supersedes != current.charge.Plan:
		b.fault(r.Seq, "it does not name the plan that it supersedes")
	}
	onRecord := false
	for key, p := range b.policies {
		onRecord = onRecord || key[0] == r.Population && p.hash == r.Policy
	}
	if !onRecord {
		b.fault(r.Seq, "its policy is not the newest of any on record")
	}
	b.checkApproved(r.headBody, r)
}

// checkApproved: what a record does for a request has two officers behind it.
func (b *books) checkApproved(h headBody, charge *chargeBody) {
	if charge.Request != "" && !b.approved(charge, h.Time) {
		b.fault(h.Seq, "request %s is not approved by two officers", charge.Request)
	}
}

func (b *books) approved(r *chargeBody, at string) bool {
	when, err := readTime(at)
	q := b.requests[r.Request]
	if err != nil || q == nil {
		return false
	}
	officers := 0
	for _, a := range q.approvals {
		if a.plan == r.Plan && when.Before(a.expires) {
			officers++
		}
	}
	return officers >= 2
}

func (b *books) slotOf(r *chargeBody) *slot {
	key := [3]string{r.Population, r.Dataset, r.Window}
	if b.slots[key] == nil {
		b.slots[key] = &slot{attempts: map[string]int64{}}
	}
	return b.slots[key]
}

// follows are the kinds after which a kind may come.
var follows = map[string][]string{
	"DRAW":      {"CHARGE"},
	"RESULT":    {"DRAW"},
	"PUBLISHED": {"RESULT"},
	"BURNED":    {"DRAW", "RESULT"},
	"WITHDRAW":  {"PUBLISHED"},
}

// step moves a release on, and returns it, or nil where there is none.
func (b *books) step(h headBody, release string) *life {
	l := b.releases[release]
	if l == nil {
		b.fault(h.Seq, "%s of a release that was never charged", h.Kind)
		return nil
	}
	if l.slot.current != l && h.Kind != "WITHDRAW" {
		b.fault(h.Seq, "%s of release %s, which is superseded", h.Kind, release)
	}
	may := false
	for _, kind := range follows[h.Kind] {
		may = may || l.state == kind
	}
	if !may {
		b.fault(h.Seq, "%s of release %s comes after %s", h.Kind, release, l.state)
	}
	l.state = h.Kind
	return l
}

func (r *stepBody) enter(b *books, _ string) {
	l := b.step(r.headBody, r.Release)
	switch {
	case l == nil:
	case r.Kind == "DRAW":
		b.checkApproved(r.headBody, l.charge)
		l.drawn = r.Seq
	default:
		l.published = r.Seq
	}
}

func (r *resultBody) enter(b *books, _ string) {
	names := map[string]bool{}
	for _, f := range r.Files {
		if f.Name == "" || names[f.Name] || !hashForm.MatchString(f.SHA256) {
			b.fault(r.Seq, "a file has no name, one that is taken, or no hash")
		}
		names[f.Name] = true
	}
	if len(r.Files) == 0 {
		b.fault(r.Seq, "the result lists no file")
	}
	if l := b.step(r.headBody, r.Release); l != nil {
		l.resulted, l.files = r.Seq, r.Files
	}
}

func (r *burnedBody) enter(b *books, _ string) {
	if r.Reason == "" {
		b.fault(r.Seq, "there is no reason")
	}
	if l := b.step(r.headBody, r.Release); l != nil {
		l.ended = r.Seq
	}
}

func (r *withdrawBody) enter(b *books, hash string) {
	if r.Reason == "" || r.Release != "" && r.Request != "" {
		b.fault(r.Seq, "there is no reason, or it is of a release and of a request")
	}
	if r.Release != "" {
		if l := b.step(r.headBody, r.Release); l != nil {
			l.ended = r.Seq
		}
		return
	}
	if b.requests[r.Request] == nil {
		b.fault(r.Seq, "a request is withdrawn that nobody approved")
	}
	b.requests[r.Request] = newRequest(hash)
}

func (r *approveBody) enter(b *books, _ string) {
	expires, err := readTime(r.Expires)
	if !identifier.MatchString(r.Request) || !hashForm.MatchString(r.Plan) || err != nil || len(r.Signatures) != 1 {
		b.fault(r.Seq, "the approval has no request, plan, end or signature")
		return
	}
	q := b.requests[r.Request]
	if q == nil {
		q = newRequest("")
		b.requests[r.Request] = q
	}
	after := b.genesis
	if q.after != "" {
		after = q.after
	}
	by := r.Signatures[0]
	said := fmt.Sprintf("lethe approval\nledger %s\nafter %s\nrequest %s\nplan %s\nexpires %s\n", b.genesis, after, r.Request, r.Plan, r.Expires)
	officer := b.keyring.officers[by.Name]
	if !officer.signed(said, by) {
		b.fault(r.Seq, "the approval of request %s is not signed by an officer", r.Request)
		return
	}
	if q.said[[2]string{officer.text, said}] {
		b.fault(r.Seq, "the approval of request %s is on record already", r.Request)
	}
	q.said[[2]string{officer.text, said}] = true
	q.approvals[by.Name] = approvalOnRecord{r.Plan, expires}
}

func (r *annotateBody) enter(b *books, _ string) {
	if r.About >= r.Seq || r.Text == "" {
		b.fault(r.Seq, "a remark is about an earlier record and says something")
	}
}
