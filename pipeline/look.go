package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"lethe/pipeline/duck"
	"lethe/pipeline/plan"
)

// A View is what a policy's datasets would do on a source: everything that is
// known before a row is read and a charge is made.
type View struct {
	Source   *plan.Source
	Plans    []*plan.Plan // of the datasets that were asked for and can be planned, in the policy's order
	Refused  []Outcome    // the others
	Schedule *plan.Schedule
}

// Look compiles every dataset of a policy against a source's schema. It opens
// no ledger and no workspace. All problems of the source are joined; of
// datasets they are in Refused, for the others to be looked at.
func Look(ctx context.Context, o Options) (*View, error) {
	engine, err := duck.Open(o.Engine)
	if err != nil {
		return nil, inputError(err)
	}
	defer engine.Close()
	var problems []error
	for _, name := range o.Datasets {
		if o.Policy.Dataset(name) == nil {
			problems = append(problems, policyError(fmt.Errorf("there is no dataset %q in policy %s", name, o.Policy.Name)))
		}
	}
	source, err := engine.Describe(ctx, o.Policy)
	problems = append(problems, inputError(err))
	if source != nil {
		problems = append(problems, policyError(errors.Join(source.Check(o.Policy)...)))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return o.look(source)
}

func (o Options) look(source *plan.Source) (*View, error) {
	v := &View{Source: source}
	var all []*plan.Plan
	for i := range o.Policy.Datasets {
		d := &o.Policy.Datasets[i]
		p, err := plan.Compile(o.Policy, d, source, o.Date)
		wanted := len(o.Datasets) == 0 || slices.Contains(o.Datasets, d.Name)
		var later *plan.NotBuilt
		switch {
		case err == nil:
			all = append(all, p)
			if wanted {
				v.Plans = append(v.Plans, p)
			}
		case !wanted:
		case errors.As(err, &later) && len(o.Datasets) == 0:
			v.Refused = append(v.Refused, Outcome{Dataset: d.Name, Status: NotBuilt, Note: later.What})
		default:
			v.Refused = append(v.Refused, Outcome{Dataset: d.Name, Status: Failed, Err: policyError(err)})
		}
	}
	var err error
	v.Schedule, err = plan.NewSchedule(o.Policy, all)
	return v, policyError(err)
}
