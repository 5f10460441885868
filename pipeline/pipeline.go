// Package pipeline runs a policy's datasets: from plans and a charged ledger
// to delivered releases. It owns the order of things and nothing else.
//
//	schema → plans → CHARGE → admit, read, aggregate → DRAW → noise → gate → stage → RESULT → publish → PUBLISHED
//
// Every charge is durable before a row is read. A run that dies before DRAW is
// retried on the same charge; between DRAW and RESULT its charge is burned;
// after RESULT the staged bytes are published. What was published is served
// again and never drawn again.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"lethe/pipeline/deliver"
	"lethe/pipeline/duck"
	"lethe/pipeline/gate"
	"lethe/pipeline/plan"
	"lethe/pipeline/policy"
	"lethe/privacy/ledger"
)

// Options says what a run reads, writes and may use.
type Options struct {
	Policy    *policy.Policy // Required.
	Workspace string         // Required. Folder that releases are published in.
	Book      Book           // Required. The ledger that pays.
	Engine    duck.Options   // Source is required
	Date      time.Time      // Required. Selects windows: the last that is closed on this day.
	Datasets  []string       // names; empty for all
	Shards    int            // parts that the people are cut into, one after the other; default 1
	Parallel  int            // datasets side by side; default 2
	Supersede bool           // charge anew where another plan has the dataset and window
	Now       func() time.Time
	Progress  Progress // default: none
}

// Progress hears what a run does. Its methods may be called from several
// goroutines.
type Progress interface {
	Start(dataset string, steps int)
	Step(dataset, doing string)
	Done(o Outcome)
}

// Run runs the datasets. Trouble with one does not stop the others: it is in
// its outcome. The error is what stops all of them.
func Run(ctx context.Context, o Options) (*Summary, error) {
	o = o.withDefaults()
	engine, err := duck.Open(o.Engine)
	if err != nil {
		return nil, inputError(err)
	}
	defer engine.Close()
	source, err := engine.Describe(ctx, o.Policy)
	if err != nil {
		return nil, inputError(err)
	}
	sum, plans, err := compile(o, source)
	if err != nil {
		return sum, err
	}
	book, err := openLedger(o)
	if err != nil {
		return sum, err
	}
	defer book.Close()
	if err := onRecord(o, book); err != nil {
		return sum, err
	}
	sum.Caps = binding(o, book, sum)
	if err := deliver.Sweep(o.Workspace, unfinished(book)...); err != nil {
		return sum, inputError(err)
	}
	if err := deliver.Ready(o.Workspace); err != nil {
		return sum, inputError(err)
	}
	jobs := charge(o, book, plans, sum)
	defer closeAll(jobs)
	if err := o.perform(ctx, engine, book, jobs, sum); err != nil {
		return sum, err
	}
	sum.Lifetime, sum.Year = book.Spent(ledger.Account{Population: o.Policy.Population})
	return sum, nil
}

// perform admits people once per window and runs the charged releases side by side.
func (o Options) perform(ctx context.Context, engine *duck.Engine, book *ledger.Ledger, jobs []*job, sum *Summary) error {
	var granted []*plan.Plan
	for _, j := range jobs {
		if j.begun.Status == ledger.Granted {
			granted = append(granted, j.plan)
		}
	}
	var admitted []*duck.Admitted
	admissions, of := plan.MergeAdmissions(granted)
	for _, a := range admissions {
		who, err := engine.Admit(ctx, a, o.Now())
		if err != nil {
			return inputError(fmt.Errorf("admit people: %w", err))
		}
		admitted = append(admitted, who)
	}
	var mu sync.Mutex
	group := errgroup.Group{}
	group.SetLimit(o.Parallel)
	for _, j := range jobs {
		group.Go(func() error {
			var who *duck.Admitted
			if i, ok := of[j.plan]; ok {
				who = admitted[i]
			}
			out := j.run(ctx, o, engine, book, who)
			mu.Lock()
			defer mu.Unlock()
			sum.add(out)
			o.Progress.Done(out)
			return nil
		})
	}
	return group.Wait()
}

// job is one release of this run.
type job struct {
	plan  *plan.Plan
	begun *ledger.Begun
}

// run takes one release from its charge to the workspace.
func (j *job) run(ctx context.Context, o Options, engine *duck.Engine, book *ledger.Ledger, who *duck.Admitted) Outcome {
	out := outcome(j.plan)
	out.Release, out.Attempt = j.begun.Release, j.begun.Attempt
	o.Progress.Start(j.plan.Dataset, o.Shards+3)
	switch j.begun.Status {
	case ledger.Served:
		out.Status, out.Err = Served, j.serve(o)
	case ledger.Resume:
		out.Status, out.Err = Resumed, j.resume(o)
	default:
		out.Status = Published
		out.Err = j.release(ctx, o, engine, book, who, &out)
	}
	if out.Err != nil {
		out.Status = Failed
	}
	return out
}

func (j *job) release(ctx context.Context, o Options, engine *duck.Engine, book *ledger.Ledger, who *duck.Admitted, out *Outcome) error {
	token := j.begun.Token
	exact, err := j.exact(ctx, o, engine, who)
	if err != nil {
		return inputError(err)
	}
	if err := writeOfficer(o, j, who, exact); err != nil {
		return err
	}
	o.Progress.Step(j.plan.Dataset, "noise")
	meter, err := token.Draw()
	if err != nil {
		return ledgerError(err)
	}
	drawn, err := addNoise(meter, j.plan, exact)
	if err != nil {
		return internalError(err)
	}
	approved, err := gate.Statistics(j.plan, statistics(j.plan, drawn))
	if err != nil {
		return gateError(err)
	}
	manifest, err := j.manifest(o, book)
	if err != nil {
		return internalError(err)
	}
	o.Progress.Step(j.plan.Dataset, "deliver")
	staged, err := deliver.Stage(deliver.Order{Workspace: o.Workspace, Approved: approved, Manifest: manifest})
	if err != nil {
		return inputError(err)
	}
	defer staged.Close()
	if err := token.Result(staged.Files()); err != nil {
		return ledgerError(err)
	}
	out.count(approved.Table())
	return j.publish(o, staged)
}

// exact runs the local half, shard by shard.
func (j *job) exact(ctx context.Context, o Options, engine *duck.Engine, who *duck.Admitted) (*duck.Exact, error) {
	sum := duck.NewExact(j.plan)
	for n := range o.Shards {
		o.Progress.Step(j.plan.Dataset, fmt.Sprintf("aggregate %d/%d", n+1, o.Shards))
		x, err := engine.Exact(ctx, j.plan, who, duck.Shard{Number: n, Of: o.Shards})
		if err != nil {
			return nil, err
		}
		if err := sum.Merge(x); err != nil {
			return nil, err
		}
	}
	return sum, nil
}

func (j *job) publish(o Options, staged *deliver.Staged) error {
	o.Progress.Step(j.plan.Dataset, "publish")
	if err := staged.Publish(); err != nil {
		return inputError(err)
	}
	return ledgerError(j.begun.Token.Published())
}

// serve shows that what was published is still there, byte for byte.
func (j *job) serve(o Options) error {
	there, err := deliver.Resume(o.Workspace, j.plan.Dataset, j.begun.Release, j.begun.Files)
	if err != nil {
		return inputError(fmt.Errorf("dataset %s: release %s was published, and workspace %s does not hold it as it was: "+
			"bring its folder back, or name the workspace that it was delivered to; what was published is never drawn again",
			j.plan.Dataset, j.begun.Release, o.Workspace))
	}
	return there.Close()
}

// resume publishes what a run before this one recorded and did not publish.
// Where the staged bytes are gone the charge is burned; the next run makes a
// new attempt.
func (j *job) resume(o Options) error {
	staged, err := deliver.Resume(o.Workspace, j.plan.Dataset, j.begun.Release, j.begun.Files)
	if errors.Is(err, deliver.ErrStagedLost) {
		burnt := j.begun.Token.Burn("the staged files are gone or changed")
		return ledgerError(errors.Join(fmt.Errorf("finish the release: %w; its charge is burned, run again for a new attempt", err), burnt))
	}
	if err != nil {
		return inputError(err)
	}
	defer staged.Close()
	return j.publish(o, staged)
}
