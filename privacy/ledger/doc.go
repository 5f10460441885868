// Package ledger keeps what a population's privacy has cost: an append-only, tamper-evident file of records, the caps
// that no sum of charges passes, and the metered token without which nothing random is drawn.
//
// # Contract
//
//   - A charge is on the disk before [Ledger.Begin] returns the token that allows the draw, and DRAW is on the disk
//     before [Token.Draw] returns the meter.
//   - A charge is drawn from at most once, in any number of processes and across any crash. It is never refunded.
//   - No charge passes a cap, in ρ, in δ or in pure ε, of any account it touches: the population's lifetime and calendar
//     year, and its project's. All of them are debited by the one CHARGE record, or none is. Populations share nothing.
//   - Caps are raised by BUDGET records with the signatures of two officers, and by nothing else. Where GENESIS names
//     officers, caps set for the first time are raised from nothing.
//   - One dataset and window of a population has one current release. What was published is served again and never
//     drawn again, and what was withdrawn is not served.
//   - A panel of a population's year is used by one release, and stays used whatever becomes of it. What came of it is
//     served to nobody but its own project and request.
//   - A charge for a request is drawn from only while two officers' approvals hold.
//   - Records are ordered by their number alone. The clock stamps them, chooses the year that a charge falls in and
//     says whether an approval has expired, and nothing else.
//   - Any failed write or fsync makes the handle refuse everything from then on ([ErrPoisoned]).
//   - A ledger does not open behind a checkpoint it can see ([Options]: the copy, the witness's file, the manifests), nor
//     as another ledger than the one that is pinned.
//
// # What it does not protect against
//
// Whoever holds the ledger's signing key and can write its folder can write a history of his own, up to the last
// checkpoint that lies where he cannot write. Whoever cannot sign can still cut whole records off the end, or restore an
// older copy of the folder, and so refund what they held: that shows against any checkpoint outside the folder, and
// nowhere else ([Ledger.Witnessed] says up to where somebody else vouches). Locks are flock(2): all handles are on one
// machine and the folder on a local file system. A clock that is wrong moves charges to another year, never out of the
// lifetime. Without officers, the caps of a population come from whoever sets them first and can never be raised.
//
// # Life of a release
//
// A release is CHARGE (or PANEL, for one that uses up a panel), then DRAW, RESULT and PUBLISHED, each appended by its
// [Token]; or it is BURNED after DRAW or after RESULT. A published one may be WITHDRAWN. Begin looks up the current
// release of the request's population, dataset and window:
//
//	it finds                              it does
//	nothing                               CHARGE of attempt 1 → Granted
//	CHARGE, same plan                     → Granted on that charge, nothing new is spent
//	DRAW, same plan                       BURNED, then as the next line
//	BURNED, same plan                     CHARGE of the next attempt → Granted, while no more than
//	                                      Retries attempts are burned, else ErrBurned
//	RESULT, same plan                     → Resume with the recorded files: publish them, or Burn them if they are gone
//	PUBLISHED, same plan                  → Served with the recorded files
//	WITHDRAW, same plan                   ErrWithdrawn
//	anything of another plan              → *Superseded; with Supersede, CHARGE of that plan's next attempt → Granted
//
// Attempts are counted for each plan hash, burned ones from the last change of plan on. After a change the newest plan
// is current, and the older one is "another plan" like any. A charge is refused with *OverBudget where it does not fit,
// ErrNoCaps where an account has no BUDGET, ErrNoPolicy where its policy is not on record, ErrNotApproved where it names
// a request that two officers have not approved for this plan, and ErrPanelUsed where its panel is.
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
// # Frames
//
// The ledger is the file "log" (mode 0600) in its folder (0700): frames, one after the other, nothing else. The folder
// "running" beside it means something to living processes only.
//
//	frame = length SP hash SP signature SP body LF
//	length     8 lower-case hex digits: bytes of body, at most 2^20
//	hash       64 lower-case hex digits: SHA-256(the frame before, from its length to its LF ‖ body); of the first frame, SHA-256(body)
//	signature  128 lower-case hex digits: Ed25519 by the ledger's key over the checkpoint that ends with this record
//	body       JSON in printable ASCII, in exactly the form below: these keys, this order, no blanks
//
// # Checkpoints
//
// The records are the leaves of the Merkle tree of RFC 6962 ([tlog]): leaf n is the 32 bytes of hash of record n, which
// stand for its body and for everything before it, signatures included. The checkpoint of size n speaks of the records
// 0 to n−1. It is a signed note ([note], C2SP tlog-checkpoint) whose text is three lines,
//
//	lethe/<32 lower-case hex digits>       the ledger's name, which is also the name of its key
//	n                                      in decimal
//	base64 of the root of the tree of n leaves
//
// and whose first signature is that of frame n−1, so that every record has its checkpoint and no second file can
// disagree with the log. Whoever vouches for one adds a signature of his own (C2SP tlog-cosignature, [Witness]).
// [Ledger.Prove] gives the proof that a record is under a checkpoint in the form of C2SP tlog-proof.
//
// A copy of the newest checkpoint may be kept in a second folder ([Options].Copy), in the file
// <32 digits>.checkpoint; it is replaced, fsynced, after each append and before the append returns.
//
// # Bodies
//
// An integer is decimal without leading zeros, from 0 to 2^63−1; rho, in units of 1e-12, delta, in units of 1e-18, and a
// cost's epsilon, in units of 1e-9, to 2^64−1. A number (sigma, and a draw's epsilon and delta outside its cost) is
// finite, at least 0, and what strconv.FormatFloat(x, 'g', -1, 64) writes. Text is at most 200 bytes from 0x20 to 0x7E
// without " and \. A time is text like 2026-03-30T02:00:00Z. Each body is
//
//	{"seq":N,"kind":"KIND","time":"T" … }
//
// with seq 0 for the first record and one more for each, and in the place of the dots, by kind:
//
//	GENESIS     ,"format":2,"key":"VKEY","officers":[VKEY,…]
//	BUDGET      ,"population":"…","project":"…","lifetime":COST,"year":COST,"signatures":[SIGNATURE,…]
//	POLICY      ,"population":"…","policy":"…","version":N,"hash":"HASH"
//	CHARGE      ,"release":"…","population":"…","project":"…","request":"…","dataset":"…","window":"…","plan":"HASH",
//	            "policy":"HASH","supersedes":"HASH or nothing","attempt":N,"cost":COST,"draws":[DRAW,…]
//	PANEL       as CHARGE, and ,"year":N,"panels":N,"panel":N
//	DRAW        ,"release":"…"
//	RESULT      ,"release":"…","files":[FILE,…]
//	PUBLISHED   ,"release":"…"
//	BURNED      ,"release":"…","reason":"…"
//	APPROVE     ,"request":"…","plan":"HASH","expires":"T","signatures":[SIGNATURE]
//	WITHDRAW    ,"release":"…","request":"…","reason":"…"        one of release and request, the other is empty
//	KEYROTATED  ,"old":"VKEY","new":"VKEY","signatures":[SIGNATURE,SIGNATURE]
//	ANNOTATE    ,"about":N,"text":"…"
//
//	COST        {"rho":N,"delta":N,"epsilon":N}
//	DRAW        {"name":"…","mechanism":"…","cells":N,"l0":N,"linf":N,"sigma":X,"epsilon":X,"delta":X,"cost":COST}
//	FILE        {"name":"…","size":N,"sha256":"HASH"}
//	SIGNATURE   {"name":"…","signature":"…"}                     a signature of a note: the name, and base64 of key hash and bytes
//	VKEY        a verifier key as package note writes it: name+hash+key, Ed25519
//
// (CHARGE is one line; it is broken here for the page.) HASH is a SHA-256 in lower-case hex; population, dataset, policy,
// and project and request where they are not empty, are [a-z0-9][a-z0-9_-]{0,62}; a window is two days YYYY-MM-DD with
// "/" between them, the first before the second. Draws and files have distinct names, and are at least one (draws of a
// PANEL may be none); cells, l0, attempt, version and panels are at least 1 and panel is below panels; a charge's cost is
// the sum of its draws', each of which is above zero in a CHARGE. A cost's epsilon is the loss of pure
// differential privacy, a part of the same loss that rho counts: rho of each draw is at least its epsilon²/2
// ([budget.PureRho]). The year of a PANEL is that of the window's last day.
//
// A project's first BUDGET follows one of its population.
//
// Signatures are under statements, texts of lines that end in LF. Ledger is the hash of GENESIS, amounts are decimals as
// [budget.Rho.String] and its like write them, and after is the hash of the BUDGET that is replaced, or of the request's
// last WITHDRAW, or that of GENESIS where there is none:
//
//	lethe budget          lethe approval         lethe key
//	ledger HASH           ledger HASH            ledger HASH
//	after HASH            after HASH             old VKEY
//	population NAME       request NAME           new VKEY
//	project NAME or -     plan HASH
//	lifetime AMOUNTS      expires T
//	year AMOUNTS
//
//	AMOUNTS = "rho" SP decimal SP "delta" SP decimal SP "epsilon" SP decimal
//
// A BUDGET that raises bears signatures of two or more officers; APPROVE of one officer, who has not signed the same
// before; KEYROTATED of the old key, then of the new. Officers' names and public keys are distinct, and none or at least
// two. No public key comes into force twice. The key in force is GENESIS's, or the last that a KEYROTATED brought for its
// name; the frame of a KEYROTATED is still signed by the key before it.
//
// # What is valid
//
// A log is valid if every frame is, and every record is one that this package would have appended there: GENESIS first
// and only first, each step of a release after the one before, no cap raised by less than two officers, no cap passed,
// policies' versions only growing. Anything else is [ErrCorrupt] with the number of the record, and nothing is ever
// repaired; except for the torn tail. If the file ends within a frame, and its bytes from the last LF on are the beginning
// of a frame (the fields so far in form, the body so far beginning with the right seq, no LF), then an append was cut
// short before it returned. So it was if those bytes are a frame's, but for stretches of NUL that each fill a sector
// (512 bytes of the file, counted from its beginning) as far as the frame reaches in it: a sector that the disk never
// wrote. Such a tail is no record: Open passes over it, and the next append cuts it off under the lock. A frame that has
// its LF and no such hole is finished, and if wrong, is corruption. Opening checks the last signature, and each that a
// key ended with; [Ledger.VerifySignatures] checks every one.
//
// A later version may add kinds. A log that holds one that this version does not know is refused as a whole. The logs of
// format 1 had no signatures and are not read.
//
// The log holds no personal data: names of populations, datasets, measures, files and officers, hashes and amounts, and
// no values of rows or filters. Callers keep it so.
//
// # Keys
//
// The ledger's signing key is a file of one line (mode 0600), as package note writes a signer key. [Create] makes it and
// never overwrites one; who loses it can read the ledger and append nothing. A new key is written beside that file, to its
// name with ".next", and takes the name once GENESIS or KEYROTATED is in the log; Open does so where that was cut short.
package ledger
