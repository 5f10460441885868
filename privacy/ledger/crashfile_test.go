package ledger

import (
	"bytes"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"syscall"
)

// crashFile is a file or a folder.
type crashFile struct {
	folder bool
	cache  []byte
	disk   []byte // and size: what is durable
	size   int
	dirty  []dirt
	locks  map[*crashHandle]int
}

// dirt is a change of a file that is not durable: the content of a sector or, where that is -1, the file's size.
type dirt struct {
	sector int
	data   []byte
	size   int
	cut    bool // the size was larger before
}

func (i *crashFile) crash(rng *rand.Rand) *crashFile {
	var data, sizes []int
	for n, c := range i.dirty {
		if c.sector < 0 {
			sizes = append(sizes, n)
		} else {
			data = append(data, n)
		}
	}
	left := map[int]bool{}
	for n, keep := range survivors(rng, len(data), false) {
		left[data[n]] = keep
	}
	for n, keep := range survivors(rng, len(sizes), true) {
		left[sizes[n]] = keep
	}
	after := &crashFile{folder: i.folder, disk: slices.Clone(i.disk), size: i.size}
	for n, c := range i.dirty {
		if left[n] {
			after.flush(c)
		}
	}
	after.disk = sized(after.disk, after.size)
	after.cache = slices.Clone(after.disk)
	return after
}

// sized cuts or fills up with NUL.
func sized(b []byte, n int) []byte {
	for len(b) < n {
		b = append(b, make([]byte, n-len(b))...)
	}
	return b[:n:n]
}

// flush makes a change of the file durable.
func (i *crashFile) flush(c dirt) {
	if c.sector < 0 {
		if c.cut {
			i.disk = sized(i.disk, min(c.size, len(i.disk)))
		}
		i.size = c.size
		return
	}
	at := c.sector * sector
	i.disk = sized(i.disk, max(len(i.disk), at+sector))
	copy(i.disk[at:], c.data)
}

func (i *crashFile) resize(size int) {
	if size == len(i.cache) {
		return
	}
	i.dirty = append(i.dirty, dirt{sector: -1, size: size, cut: size < len(i.cache)})
	i.cache = sized(i.cache, size)
}

func (i *crashFile) write(p []byte, off int) {
	if len(p) == 0 {
		return
	}
	size := max(len(i.cache), off+len(p))
	cache := sized(i.cache, size)
	copy(cache[off:], p)
	for s := off / sector; s*sector < off+len(p); s++ {
		whole := make([]byte, sector)
		copy(whole, cache[s*sector:])
		i.dirty = append(i.dirty, dirt{sector: s, data: whole})
	}
	i.resize(size)
	i.cache = cache
}

func (i *crashFile) sync() {
	for _, c := range i.dirty {
		i.flush(c)
	}
	i.dirty = nil
}

// forget is a failed fsync: no later one writes these sectors.
func (i *crashFile) forget(rng *rand.Rand) {
	all := rng.IntN(2) == 0
	i.dirty = slices.DeleteFunc(i.dirty, func(c dirt) bool {
		return c.sector >= 0 && (all || rng.IntN(2) == 0)
	})
}

// evict drops the clean sectors from the cache, as the kernel may at any time: what a failed fsync forgot is seen no more.
// It says whether that was anything.
func (i *crashFile) evict() bool {
	dirty := map[int]bool{}
	for _, c := range i.dirty {
		if c.cut { // what the disk holds behind it is not the file's
			return false
		}
		dirty[c.sector] = true
	}
	before := slices.Clone(i.cache)
	disk := sized(slices.Clone(i.disk), max(len(i.disk), len(i.cache)))
	for s := 0; s*sector < len(i.cache); s++ {
		if !dirty[s] {
			copy(i.cache[s*sector:min(len(i.cache), (s+1)*sector)], disk[s*sector:])
		}
	}
	return !bytes.Equal(before, i.cache)
}

// crashHandle is an open file.
type crashHandle struct {
	*process
	inode  *crashFile
	writes bool
	closed bool
}

func (h *crashHandle) do(operation string, effect func(fault) error) error {
	if h.closed {
		return fs.ErrClosed
	}
	return h.process.do(operation, effect)
}

func (h *crashHandle) ReadAt(p []byte, off int64) (n int, err error) {
	err = h.do("read", func(fault) error {
		if off < int64(len(h.inode.cache)) {
			n = copy(p, h.inode.cache[off:])
		}
		if n < len(p) {
			return io.EOF
		}
		return nil
	})
	return n, err
}

func (h *crashHandle) WriteAt(p []byte, off int64) (n int, err error) {
	err = h.do("write", func(f fault) error {
		if !h.writes {
			return syscall.EBADF
		}
		n = len(p)
		if f != noFault {
			n = h.rng.IntN(len(p))
		}
		h.inode.write(p[:n], int(off))
		if f == enospc {
			return syscall.ENOSPC
		}
		return nil
	})
	return n, err
}

func (h *crashHandle) Sync() error {
	return h.do("sync", func(f fault) error {
		if f == badSync {
			h.inode.forget(h.rng)
			return syscall.EIO
		}
		h.inode.sync()
		return nil
	})
}

func (h *crashHandle) Truncate(size int64) error {
	return h.do("truncate", func(fault) error {
		h.inode.resize(int(size))
		return nil
	})
}

func (h *crashHandle) Close() error {
	return h.do("close", func(fault) error {
		delete(h.inode.locks, h)
		h.closed = true
		return nil
	})
}

func (h *crashHandle) Mode() (fs.FileMode, error) { return 0o600, nil }

func (h *crashHandle) IsAt(name string) bool {
	same := false
	err := h.do("is at", func(fault) error {
		same = h.names[name] == h.inode
		return nil
	})
	return err == nil && same
}

// Lock is flock(2). A conversion lets go of the lock that was held first.
func (h *crashHandle) Lock(how int) error {
	if how == syscall.LOCK_UN {
		return h.do("unlock", func(fault) error {
			delete(h.inode.locks, h)
			return nil
		})
	}
	return h.do("lock", func(fault) error {
		if h.inode.locks == nil {
			h.inode.locks = map[*crashHandle]int{}
		}
		delete(h.inode.locks, h)
		for h.conflicts(how &^ syscall.LOCK_NB) {
			if how&syscall.LOCK_NB != 0 {
				return syscall.EWOULDBLOCK
			}
			if h.turn == nil {
				panic("a lock that nobody will let go of")
			}
			if h.turn(); h.gone() {
				return errDead
			}
		}
		h.inode.locks[h] = how &^ syscall.LOCK_NB
		return nil
	})
}

func (h *crashHandle) conflicts(how int) bool {
	for _, held := range h.inode.locks {
		if how == syscall.LOCK_EX || held == syscall.LOCK_EX {
			return true
		}
	}
	return false
}
