// Package dp adds noise to exact answers. It is the only package that imports
// google/differential-privacy, and it uses one thing of it: the Gaussian sampler
// for integers.
//
// # Contract
//
// An exact answer is a vector of integers, one per cell, such that adding or
// removing one unit changes at most L0 cells by at most LInf each. [Calibrate]
// turns that and a wanted ρ into a [ledger.Draw]; the ledger charges it; [Noise]
// takes it from the meter that the charge gave, once, and draws. There is no other
// way to noise: no test mode, no seed.
//
// Draw.Mechanism says which noise. What is charged is the cost of the Sigma that is
// really used, rounded up:
//
//	mechanism          noise                               ρ               δ            pure ε
//	gaussian           the library's Gaussian, rounded     L0·LInf²/2σ²    sampler.go   0
//	discrete-gaussian  P(y) ∝ exp(−y²/2σ²), exactly        L0·LInf²/2σ²    0            0
//	discrete-laplace   P(y) ∝ exp(−|y|/b), exactly         ε²/2            0            L0·LInf/b
//
// The library computes in floating point and cuts its tails; sampler.go derives the δ
// that covers it. The two discrete ones are Algorithms 1 to 3 of Canonne, Kamath and
// Steinke, "The Discrete Gaussian for Differential Privacy" (NeurIPS 2020), in integers
// from the random words to the noise (source.go, discrete.go). [Cheapest] says which is
// least wide.
//
// Everything is refused that would be drawn wrongly or cost more than was charged:
// products that overflow, values that a float64 does not hold, noise too small or too
// large for a sampler (guard.go). No error shows a value.
//
// The library logs through glog, which writes files into the temporary folder.
// Noise and Calibrate send its log to standard error before they call it.
//
// [HalfWidth], [HalfWidthOf] and [Ratio] say how far a released number may be from the
// exact one. They see released numbers and the plan only.
//
// # What it does not protect against
//
// It believes L0 and LInf: the step that bounds contributions has to make them
// true. It does not hide how long a draw takes. The exact samplers' loops end with
// probability 1 and have no other bound, so a random source that is stuck makes them
// run on rather than release something. They keep at most 4 KiB of future randomness
// for each core, while they draw, and overwrite it; the library keeps up to 64 KiB in
// memory for good, so a process that draws is short-lived, is not snapshotted and writes
// no core file.
package dp
