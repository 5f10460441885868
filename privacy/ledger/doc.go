// Package ledger keeps what a population's privacy has cost: an append-only, tamper-evident file of records, the caps
// that no sum of charges passes, and the metered token without which nothing random is drawn.
//
// # Contract
//
//   - A charge is on the disk before [Ledger.Begin] returns the token that allows the draw, and DRAW is on the disk
//     before [Token.Draw] returns the meter.
//   - A charge is drawn from at most once, in any number of processes and across any crash. It is never refunded.
//   - No charge passes a cap, in ρ or in δ, of the population's lifetime or of its calendar year. Both scopes are
//     debited by the one CHARGE record, or neither is. Populations share nothing.
//   - One dataset and window of a population has one current release. What was published is served again and never
//     drawn again.
//   - Records are ordered by their number alone. The clock stamps them and chooses the year scope, nothing else.
//   - Any failed write or fsync makes the handle refuse everything from then on ([ErrPoisoned]).
//
// # What it does not protect against
//
// Whoever can write the file can cut whole records off its end, or restore an older copy of the folder, and so refund
// what they held: the chain shows that what is there belongs together, not that it is all there. A handle notices only
// what happens while it is open. Locks are flock(2): all handles are on one machine and the folder on a local file
// system. A clock that is wrong moves charges to another year, never out of the lifetime. The caps of a population come
// from whoever sets them first.
//
// # Life of a release
//
// A release is CHARGE, then DRAW, RESULT and PUBLISHED, each appended by its [Token]; or it is BURNED after DRAW or
// after RESULT. Begin looks up the current release of the request's population, dataset and window:
//
//	it finds                              it does
//	nothing                               CHARGE of attempt 1 → Granted
//	CHARGE, same plan                     → Granted on that charge, nothing new is spent
//	DRAW, same plan                       BURNED, then as the next line
//	BURNED, same plan                     CHARGE of the next attempt → Granted, while no more than
//	                                      Retries attempts are burned, else ErrBurned
//	RESULT, same plan                     → Resume with the recorded files: publish them, or Burn them if they are gone
//	PUBLISHED, same plan                  → Served with the recorded files
//	anything of another plan              → *Superseded; with Supersede, CHARGE of that plan's next attempt → Granted
//
// Attempts are counted for each plan hash, burned ones from the last change of plan on. After a change the newest plan
// is current, and the older one is "another plan" like any. A CHARGE is refused with *OverBudget where it does not fit,
// and ErrNoCaps where the population has no BUDGET.
//
// Granted and Resume hold the release's run lock, flock on the file running/<release id> in the ledger's folder, from
// Begin until Token.Close or the end of the process; meanwhile every other Begin that would touch this release, also to
// supersede it, is [ErrInProgress]. The files hold nothing, and one that a dead process left locks nothing.
//
// # Release id
//
// The window's last field (the day after its last), "-", and in lower-case base32 without padding the first 10 bytes of
// the SHA-256 of five strings, each as its length in decimal, ":", its bytes, ",": population, dataset, window, plan
// hash, attempt in decimal. The day is the window's, not the clock's, so that the id does not depend on when it ran.
//
//	2026-03-30-j6vvcl6bdwo45prl
//
// # Format
//
// The ledger is the file "log" (mode 0600) in its folder (0700): frames, one after the other, nothing else.
//
//	frame = length SP hash SP body LF
//	length   8 lower-case hex digits: bytes of body, at most 2^20
//	hash     64 lower-case hex digits: SHA-256(hash of the frame before as 32 bytes ‖ body); before the first, 32 zero bytes
//	body     JSON in printable ASCII, in exactly the form below: these keys, this order, no blanks
//
// An integer is decimal without leading zeros, from 0 to 2^63−1; rho, in units of 1e-12, and delta, in units of 1e-18,
// to 2^64−1. A number (sigma, and a draw's epsilon and delta outside its cost) is finite, at least 0, and what
// strconv.FormatFloat(x, 'g', -1, 64) writes. Text is at most 200 bytes from 0x20 to 0x7E without " and \. A time is
// text like 2026-03-30T02:00:00Z. Each body is
//
//	{"seq":N,"kind":"KIND","time":"T" … }
//
// with seq 0 for the first record and one more for each, and in the place of the dots, by kind:
//
//	GENESIS    ,"format":1,"id":"32 lower-case hex digits, random"
//	BUDGET     ,"population":"…","lifetime":COST,"year":COST
//	CHARGE     ,"release":"…","population":"…","dataset":"…","window":"…","plan":"HASH","policy":"HASH",
//	           "supersedes":"HASH or nothing","attempt":N,"cost":COST,"draws":[DRAW,…]
//	DRAW       ,"release":"…"
//	RESULT     ,"release":"…","files":[FILE,…]
//	PUBLISHED  ,"release":"…"
//	BURNED     ,"release":"…","reason":"…"
//
//	COST       {"rho":N,"delta":N}
//	DRAW       {"name":"…","mechanism":"…","cells":N,"l0":N,"linf":N,"sigma":X,"epsilon":X,"delta":X,"cost":COST}
//	FILE       {"name":"…","size":N,"sha256":"HASH"}
//
// (CHARGE is one line; it is broken here for the page.) HASH is a SHA-256 in lower-case hex, population and dataset are
// [a-z0-9][a-z0-9_-]{0,62}, a window is two days YYYY-MM-DD with "/" between them, the first before the second. Draws
// and files are at least one and have distinct names; cells, l0 and attempt are at least 1; a charge's cost is the sum
// of its draws' and each of those is above zero.
//
// A log is valid if every frame is, and every record is one that this package would have appended there: GENESIS first
// and only first, each step of a release after the one before, no cap raised, no cap passed. Anything else is
// [ErrCorrupt] with the number of the record, and nothing is ever repaired; except for the torn tail. If the file ends
// within a frame, and its bytes from the last LF on are the beginning of a frame (the fields so far in form, the body so
// far beginning with the right seq, no LF), then an append was cut short before it returned. The tail is no record: Open
// passes over it, and the next append cuts it off under the lock. A frame that has its LF is finished, and if wrong, is
// corruption.
//
// The log holds no personal data: names of populations, datasets, measures and files, hashes and amounts, and no values
// of rows or filters. Callers keep it so.
package ledger
