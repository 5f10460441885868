// Package release says what a delivered release is: the [Table] that leaves, the [Manifest] beside it, and where both
// lie in a workspace.
//
// # Layout
//
//	<workspace>/<dataset>/<release id>/
//	  data.arrow       the table, an Arrow IPC file
//	  data.parquet     the same rows
//	  manifest.json    what it is, what was done, what it cost
//	<workspace>/.staging/<release id>/   the same files before they are published
//
// # manifest.json, format lethe-release/2
//
// UTF-8 JSON, keys in the order of the fields of [Manifest], two blanks of indent, no escapes but those that JSON asks
// for, one newline at the end. Amounts of privacy loss are strings with exact decimals in the one form that
// privacy/budget writes; hashes are SHA-256 in lower-case hex; dates are days, "2026-03-30". Every key is present, and
// an empty list is []. [Parse] is the strict inverse of [Manifest.Marshal]: it takes these bytes and no others.
//
// The form has no place for counts of people or rows of the source, for a time finer than the day, for a path, a host or
// a user, and the word "anonymous" is refused in it.
//
// # What it does not protect against
//
// The package cannot see what a value means: that a table holds released values only, that an amount is the one the
// ledger charged, and that words in free text are true is for its callers. It holds no signature.
package release
