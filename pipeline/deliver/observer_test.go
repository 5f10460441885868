package deliver

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestObserver: whoever polls the workspace while releases come never sees a part of one.
func TestObserver(t *testing.T) {
	workspace := t.TempDir()
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		seen := map[string]bool{}
		for {
			releases, _ := os.ReadDir(filepath.Join(workspace, "steps-by-sex"))
			for _, r := range releases {
				if seen[r.Name()] { // only the first sight can be too early
					continue
				}
				seen[r.Name()] = true
				if err := whole(filepath.Join(workspace, "steps-by-sex", r.Name())); err != nil {
					t.Errorf("seen: %s: %v", r.Name(), err)
				}
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for i := range 25 {
		o := sampleOrder(t, workspace)
		o.Manifest.Release += string(rune('a' + i))
		s, err := stage(o, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Publish(); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	watching.Wait()
}
