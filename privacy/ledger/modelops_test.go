package ledger

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"lethe/privacy/budget"
)

func (t *trial) closeToken(tok *held) {
	tok.b.Token.Close()
	tok.closed = true
	t.m.releases[tok.b.Release].running = false
}

// useToken takes a step of a release, in its order most of the time.
func (t *trial) useToken(tok *held) (what, got string, right []string) {
	a := t.m.releases[tok.b.Release]
	what = map[string]string{"charged": "draw", "drawn": "result", "resulted": "published"}[a.state]
	if t.rng.IntN(4) == 0 || what == "" {
		what = pick(t, "draw", "result", "published", "burn", "burn", "close", "close")
	}
	if what == "close" {
		t.closeToken(tok)
		t.tokens = slices.DeleteFunc(t.tokens, func(tok *held) bool { return tok.closed })
		return what, "ok", []string{"ok"}
	}
	from := map[string][]string{"draw": {"charged"}, "result": {"drawn"}, "published": {"resulted"}, "burn": {"drawn", "resulted"}}[what]
	bad := t.rng.IntN(30) == 0
	want := "ok"
	switch {
	case tok.by.closed:
		want = "closed"
	case tok.by.poisoned:
		want = "poisoned"
	case !slices.Contains(from, a.state) && what == "draw":
		want = "drawn"
	case !slices.Contains(from, a.state), what == "result" && !tok.took:
		want = "out of order"
	case t.stale(tok.by):
		want = "poisoned"
	case bad && (what == "result" || what == "burn"):
		want = "refused"
	case what == "draw" && t.m.unapproved(a.asked, t.now) != nil:
		want = "not approved"
	}
	got = answerOf(t.tokenDoes(tok, what, bad))
	if got == "ok" && want == "ok" {
		t.follows(a, what)
	}
	return what, got, []string{want}
}

func (t *trial) tokenDoes(tok *held, what string, bad bool) (err error) {
	list, reason := files, "staged files are gone"
	if bad {
		list, reason = nil, `a "reason"`
	}
	switch what {
	case "draw":
		if tok.meter, err = tok.b.Token.Draw(); err != nil || t.rng.IntN(8) == 0 {
			return err
		}
		for name := range tok.meter.s.draws {
			if _, err := tok.meter.Take(name); err != nil {
				return err
			}
		}
		tok.took = true
		return nil
	case "result":
		return tok.b.Token.Result(list)
	case "published":
		return tok.b.Token.Published()
	}
	return tok.b.Token.Burn(reason)
}

func (t *trial) follows(a *naiveRelease, what string) {
	switch what {
	case "draw":
		t.m.add(Drawn)
		a.state = "drawn"
	case "result":
		t.m.add(Resulted)
		a.state = "resulted"
	case "published":
		t.m.add(Published)
		a.state = "published"
	case "burn":
		t.m.burn(a)
	}
}

// cost is a cap that binds soon, or never.
func (t *trial) cost() budget.Cost {
	if t.plain || t.rng.IntN(4) == 0 {
		return vast
	}
	n := uint64(t.rng.IntN(60))
	return budget.Cost{Rho: budget.Rho(n), Delta: budget.Delta(n), Epsilon: budget.Epsilon(n)}
}

// savedBudget is a BUDGET that was signed, to be tried again later.
type savedBudget struct {
	population, project string
	caps                budget.Caps
	signatures          []Signature
	budgets             int               // of the account, when it was signed
	keys                map[string]string // name → key that signed
}

// counts says whether nothing has changed since that the signatures depend on.
func (b *savedBudget) counts(m *naive) bool {
	same := b.budgets == m.budgets[b.population+"/"+b.project]
	for name, vkey := range b.keys {
		same = same && m.officers[name] == vkey
	}
	return same
}

// fresh lets a handle read what others appended, so that a statement is of what is in force.
func (t *trial) fresh(h *used) {
	if h.l.exclusive(func() error { return nil }) == nil {
		h.view = len(t.m.log)
	}
}

// signedBy returns these people's signatures of a statement.
func (t *trial) signedBy(said Statement, people ...string) (all []Signature) {
	for _, who := range people {
		sig, err := said.sign(t.people[who])
		if err != nil {
			panic(err)
		}
		all = append(all, sig)
	}
	return all
}

// budget sets caps, with signatures that count or do not, or puts a policy on record.
func (t *trial) budget(h *used) (what, got string, right []string) {
	if t.rng.IntN(4) == 0 {
		return t.policy(h)
	}
	b := &savedBudget{population: pick(t, "eu", "us"), project: pick(t, "", "", "p", "q"), caps: budget.Caps{Lifetime: t.cost(), Year: t.cost()}}
	had, set := t.m.caps[b.population+"/"+b.project]
	if set && t.rng.IntN(4) == 0 {
		b.caps = had
		b.caps.Year.Rho -= min(had.Year.Rho, budget.Rho(t.rng.IntN(2)))
	}
	b.budgets, b.keys = t.m.budgets[b.population+"/"+b.project], map[string]string{}
	signed := t.sign(h, b)
	if t.saved != nil && t.rng.IntN(8) == 0 {
		b = t.saved
		signed = b.counts(t.m)
		had, set = t.m.caps[b.population+"/"+b.project]
	} else if signed && !h.poisoned { // a poisoned handle makes statements of what it read last
		t.saved = b
		for _, sig := range b.signatures {
			b.keys[sig.Name] = t.m.officers[sig.Name]
		}
	}
	got = answerOf(h.l.SetCaps(Account{Population: b.population, Project: b.project}, b.caps, b.signatures...))
	switch {
	case h.poisoned:
		return "set caps", got, []string{"poisoned"}
	case set && had == b.caps:
		return "set caps", got, []string{"ok"}
	case t.stale(h):
		return "set caps", got, []string{"poisoned"}
	}
	return "set caps", got, []string{t.m.setCaps(b.population, b.project, b.caps, len(b.signatures), signed)}
}

// sign puts signatures under a budget, and says whether two officers and nobody else signed it.
func (t *trial) sign(h *used, b *savedBudget) bool {
	if len(t.m.officers) == 0 {
		if t.rng.IntN(8) == 0 {
			b.signatures = t.signedBy(h.l.BudgetStatement(Account{Population: b.population, Project: b.project}, b.caps), "eve", "eve")
		}
		return false
	}
	t.fresh(h)
	said := h.l.BudgetStatement(Account{Population: b.population, Project: b.project}, b.caps)
	switch t.rng.IntN(10) {
	case 0:
	case 1:
		b.signatures = t.signedBy(said, "anna")
	case 2:
		b.signatures = t.signedBy(said, "ben", "ben")
	case 3:
		b.signatures = t.signedBy(said, "anna", "carl", "eve")
	case 4:
		other := b.caps
		other.Lifetime.Delta ^= 1
		b.signatures = t.signedBy(h.l.BudgetStatement(Account{Population: b.population, Project: b.project}, other), "anna", "ben")
	case 5:
		b.signatures = t.signedBy(said, "carl", "anna", "ben")
		return true
	default:
		b.signatures = t.signedBy(said, "anna", "ben")
		return true
	}
	return false
}

func (t *trial) policy(h *used) (what, got string, right []string) {
	population, version, hash := pick(t, "eu", "us"), int64(t.rng.IntN(4)), pick(t, policyC, policyC, policyC, planB)
	got = answerOf(h.l.SetPolicy(population, "health", version, hash))
	key := population + "/health"
	had, known := t.m.policies[key]
	want := "ok"
	switch {
	case h.poisoned:
		want = "poisoned"
	case known && had == naivePolicy{version, hash}:
	case t.stale(h):
		want = "poisoned"
	case version < 1:
		want = "refused"
	case known && version <= had.version:
		want = "policy version"
	default:
		t.m.policies[key] = naivePolicy{version, hash}
		t.m.add(Policy)
	}
	return "set policy", got, []string{want}
}

// officers approves and withdraws requests, and changes keys.
func (t *trial) officers(h *used) (what, got string, right []string) {
	switch t.rng.IntN(10) {
	case 0:
		return t.rotate(h)
	case 1, 2:
		return t.rotateOfficer(h)
	case 3:
		name := pick(t, "r-1", "r-2")
		got = answerOf(h.l.WithdrawRequest(name, "the study ended"))
		right = []string{"ok"}
		switch {
		case h.poisoned || t.stale(h):
			right[0] = "poisoned"
		case t.m.requests[name] == nil:
			right[0] = "out of order"
		default:
			t.m.requests[name], t.m.said[name] = map[string]naiveApproval{}, map[string]bool{}
			t.m.add(Withdraw)
		}
		return "withdraw request", got, right
	}
	return t.approve(h)
}

func (t *trial) approve(h *used) (what, got string, right []string) {
	who := "eve"
	if len(t.m.officers) > 0 {
		who = pick(t, "anna", "ben", "carl", "anna", "ben", "carl", "eve")
	}
	name, plan, expires := pick(t, "r-1", "r-1", "r-1", "r-2"), pick(t, planA, planA, planB), t.now.AddDate(t.rng.IntN(16)-5, 0, 0)
	if t.plain {
		expires = march.AddDate(50, 0, 0)
	} else if t.rng.IntN(3) == 0 { // which may have been said before
		expires = march.AddDate(8, 0, 0)
	}
	t.fresh(h)
	said := h.l.ApproveStatement(name, plan, expires)
	wrong := t.rng.IntN(8) == 0
	if wrong {
		said = h.l.ApproveStatement(name, plan, expires.Add(time.Second))
	}
	got = answerOf(h.l.Approve(name, plan, expires, t.signedBy(said, who)[0]))
	if h.poisoned || t.stale(h) {
		return "approve", got, []string{"poisoned"}
	}
	return "approve", got, t.m.approve(name, who, naiveApproval{plan, expires}, !wrong && who != "eve")
}

func (t *trial) rotate(h *used) (what, got string, right []string) {
	_, err := h.l.Rotate()
	if h.poisoned || t.stale(h) {
		return "rotate", answerOf(err), []string{"poisoned"}
	}
	t.m.add(KeyRotated)
	t.m.key++
	h.key = t.m.key
	return "rotate", answerOf(err), []string{"ok"}
}

func (t *trial) rotateOfficer(h *used) (what, got string, right []string) {
	name := pick(t, "anna", "ben", "carl")
	if len(t.m.officers) == 0 {
		name = "eve"
	}
	old := t.people[name]
	if err := t.newPerson(name); err != nil {
		panic(err)
	}
	new := t.people[name]
	want := "ok"
	switch t.rng.IntN(4) {
	case 0:
		want, new = "refused", old // which is no new key
	case 1:
		want = "signatures"
	}
	said := h.l.RotateStatement(old.vkey, new.vkey)
	byOld, err1 := said.sign(old)
	byNew, err2 := said.sign(new)
	if err := errors.Join(err1, err2); err != nil {
		panic(err)
	}
	if want == "signatures" {
		byOld = byNew
	}
	switch {
	case h.poisoned || t.stale(h):
		want = "poisoned"
	case name == "eve":
		want = "refused"
	}
	got = answerOf(h.l.RotateOfficer(old.vkey, new.vkey, byOld, byNew))
	if want != "ok" {
		t.people[name] = old
		return "rotate officer", got, []string{want}
	}
	t.m.officers[name] = new.vkey
	t.m.add(KeyRotated)
	return "rotate officer", got, []string{"ok"}
}

// other withdraws a release, annotates or reads.
func (t *trial) other(h *used) (what, got string, right []string) {
	want := "ok"
	if h.poisoned || t.stale(h) {
		want = "poisoned"
	}
	ids := slices.Sorted(maps.Keys(t.m.releases))
	switch n := t.rng.IntN(4); {
	case n == 0 && len(ids) > 0:
		a := t.m.releases[pick(t, ids...)]
		if want == "ok" && a.state != "published" {
			want = "out of order"
		}
		got = answerOf(h.l.WithdrawRelease(a.id, "recalled"))
		if want == "ok" {
			a.state = "withdrawn"
			t.m.add(Withdraw)
		}
		return "withdraw release", got, []string{want}
	case n == 1:
		about := t.rng.IntN(len(t.m.log) * 9 / 8)
		if want == "ok" && about >= len(t.m.log) {
			want = "refused"
		}
		got = answerOf(h.l.Annotate(int64(about), "checked"))
		if want == "ok" {
			t.m.add(Annotate)
		}
		return "annotate", got, []string{want}
	}
	got, want = t.read(h)
	return "read", got, []string{want}
}

// read asks a handle what it says of what it has read so far.
func (t *trial) read(h *used) (got, want string) {
	switch n := t.rng.IntN(4); {
	case n == 0:
		size := int64(t.rng.IntN(h.view+2) + 1)
		c, err := h.l.CheckpointAt(size)
		if size > int64(h.view) {
			return answerOf(err), "refused"
		}
		return fmt.Sprint(answerOf(err), c.Size), fmt.Sprint("ok", size)
	case n == 1 && len(t.tokens) > 0:
		seq, hash := t.tokens[0].b.Token.Charge()
		proof, err := h.l.Prove(seq)
		if seq >= int64(h.view) {
			return answerOf(err), "refused"
		}
		c, err2 := CheckProof(proof, seq, hash)
		return answerOf(errors.Join(err, err2, h.l.Check(Evidence{Seen: "a proof", Note: c.Note}))), "ok"
	case n == 2 && len(t.tokens) > 0 && h.view == len(t.m.log):
		a := t.m.releases[t.tokens[0].b.Release]
		want = "rolled back"
		if a.state == "resulted" || a.state == "published" || a.state == "withdrawn" {
			want = "ok"
		}
		return answerOf(h.l.Check(Evidence{Seen: "a manifest", Release: a.id, Files: files[:1]})), want
	case n == 3 && t.seen.Size > 0:
		size, err := h.l.Witnessed(t.seen.Note, t.vouches)
		if t.seen.Size > int64(h.view) {
			return answerOf(err), "rolled back"
		}
		return fmt.Sprint(answerOf(err), size), fmt.Sprint("ok", t.seen.Size)
	}
	c, err := h.l.Checkpoint()
	if err != nil || c.Size != int64(h.view) {
		return fmt.Sprint(answerOf(err), c.Size), fmt.Sprint("ok", h.view)
	}
	signed, err := note.Open(c.Note, note.VerifierList(h.l.keyAt(c.Size-1)))
	if err == nil {
		c.Note, err = note.Sign(signed, t.witness)
	}
	t.seen = c
	return answerOf(err), "ok"
}
