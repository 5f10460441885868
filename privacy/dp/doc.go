// Package dp adds noise to exact answers. It is the only package that imports
// google/differential-privacy, and it uses one thing of it: the Gaussian sampler
// for integers.
//
// # Contract
//
// An exact answer is a vector of integers, one per cell, such that adding or
// removing one unit changes at most L0 cells by at most LInf each. [Calibrate]
// turns that and a wanted ρ into a [ledger.Draw]; the ledger charges it; [Noise]
// takes it from the meter that the charge gave, once, and draws. What is charged
// is the ρ of the σ that is really used, rounded up, and a δ for what the
// sampler is short of a Gaussian (sampler.go has the derivation). There is no
// other way to noise: no test mode, no seed.
//
// Everything is refused that the library would take and get wrong: products that
// overflow, values that a float64 does not hold, noise too small or too large for
// the sampler (guard.go). No error shows a value.
//
// The library logs through glog, which writes files into the temporary folder.
// Noise and Calibrate send its log to standard error before they call it.
//
// [HalfWidth] and [Ratio] say how far a released number may be from the exact
// one. They see released numbers and the plan only.
//
// # What it does not protect against
//
// It believes L0 and LInf: the step that bounds contributions has to make them
// true. It does not hide how long a draw takes, and the library keeps up to 64
// KiB of future randomness in memory, so a process that draws is short-lived, is
// not snapshotted and writes no core file.
package dp
