package door

import (
	"fmt"
	"io"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Progress shows how a run goes on. Its methods may be called from several
// goroutines. Wait ends the showing; nothing may be reported after it.
type Progress interface {
	Start(dataset string, steps int)
	Step(dataset, doing string)
	End(dataset, status string, ok bool)
	Wait()
}

// Progress draws bars on a terminal and writes plain lines elsewhere.
func (d *Door) Progress() Progress {
	if d.Terminal {
		return &bars{screen: mpb.New(mpb.WithOutput(d.Err), mpb.WithWidth(40)), of: map[string]*bar{}}
	}
	return &lines{out: d.Err}
}

type lines struct {
	mu  sync.Mutex
	out io.Writer
}

func (l *lines) Start(dataset string, _ int) {}

func (l *lines) Step(dataset, doing string) { l.say("%s: %s", dataset, doing) }

func (l *lines) End(dataset, status string, _ bool) { l.say("%s: %s", dataset, status) }

func (l *lines) Wait() {}

func (l *lines) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, format+"\n", args...)
}

type bars struct {
	mu     sync.Mutex
	screen *mpb.Progress
	of     map[string]*bar
}

type bar struct {
	*mpb.Bar
	doing string
	begun int64 // steps begun; the one before the last is done
	total int64
}

func (b *bars) Start(dataset string, steps int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := &bar{total: int64(steps)}
	doing := func(decor.Statistics) string {
		b.mu.Lock()
		defer b.mu.Unlock()
		return one.doing
	}
	one.Bar = b.screen.AddBar(one.total,
		mpb.PrependDecorators(decor.Name(dataset, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Any(doing, decor.WC{W: 16, C: decor.DindentRight})))
	b.of[dataset] = one
}

func (b *bars) Step(dataset, doing string) {
	b.mu.Lock()
	one := b.of[dataset]
	if one == nil {
		b.mu.Unlock()
		return
	}
	one.doing = doing
	at := min(one.begun, one.total-1) // the bar is full when the dataset is done
	one.begun++
	b.mu.Unlock()
	one.SetCurrent(at)
}

func (b *bars) End(dataset, status string, ok bool) {
	b.mu.Lock()
	one := b.of[dataset]
	if one != nil {
		one.doing = status
	}
	b.mu.Unlock()
	if one == nil {
		return
	}
	if !ok {
		one.Abort(false)
		return
	}
	one.SetCurrent(one.total)
}

// Wait also ends the bars of datasets that were stopped.
func (b *bars) Wait() {
	b.mu.Lock()
	open := make([]*bar, 0, len(b.of))
	for _, one := range b.of {
		open = append(open, one)
	}
	b.mu.Unlock()
	for _, one := range open {
		if !one.Completed() {
			one.Abort(false)
		}
	}
	b.screen.Wait()
}
