package ledger

import "lethe/privacy/budget"

// Request asks for one release.
type Request struct {
	Population string // Required. The scope that pays: [a-z0-9][a-z0-9_-]{0,62}, as are the next three.
	Project    string // The project that pays too. Default none.
	Approved   string // The request that officers approved for this plan. Default none.
	Dataset    string // Required.
	Window     string // Required. First day and day after the last: "2026-03-23/2026-03-30".
	PlanHash   string // Required. SHA-256 in lower-case hex, as is PolicyHash.
	PolicyHash string // Required.
	Draws      []Draw // Required, but with a Panel. The charge is the exact sum of their costs.
	Panel      *Panel // The panel that the release uses up. Default none.
	Retries    int    // How many further attempts, each a new charge, may follow a burned one. Default 0.
	Supersede  bool   // Charge anew where another plan has the dataset and window.
	// Limit is what the caller allows the population beside the ledger's caps; of the two the lower binds. Default none.
	Limit *budget.Caps
}

// Status says what [Ledger.Begin] found.
type Status int

const (
	Granted Status = iota + 1 // charged and not drawn from: run the release
	Resume                    // the result is recorded: publish the staged files, draw nothing
	Served                    // published: serve the files again
)

// Begun is the answer to a Request.
type Begun struct {
	Status  Status
	Release string // the release id
	Attempt int    // of this plan; the first is 1
	Files   []File // Resume and Served: what RESULT recorded
	Token   *Token // Granted and Resume; the caller closes it
}

// File is one file of a release.
type File struct {
	Name   string // relative to the release's folder
	Size   int64  // bytes
	SHA256 string // lower-case hex
}
