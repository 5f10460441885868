// Package policy reads the privacy officer's file.
//
// It owns the file's grammar, which is below, the checks that the file alone
// can answer, the hash that plans and manifests cite, and the differences that
// a privacy officer signs. [Load] and [Parse] return a [Policy] in which every
// name resolves, or every problem at once, each a [*Problem] with line, column,
// excerpt and hint. What a policy says about a source is checked by package
// plan. The package does not judge: a policy that publishes too much is valid.
//
// # YAML
//
// The file is one YAML document of at most 256 KiB, 4000 bytes a line, 20
// levels. Unknown and doubled keys, anchors, aliases, merge keys, tags and
// invisible characters are errors. YAML never decides what a scalar is: `no`,
// `on` and 2026-03-01 are text where text is wanted. Numbers are plain
// decimals (12, 0.5, 1e-9) of at most 15 digits before the point and 18 after
// it, unquoted; shares are 25% or 0.25; durations are whole days, 7d.
//
// # Names
//
//	policy, population, dataset, ladder, workspace   [a-z][a-z0-9_-]{0,62}
//	table, variable, public name (as)                [a-z][a-z0-9_]{0,62}
//	source column      1 to 63 bytes, printable, no double quote; table.column splits at the first point
//
// Public names are unique over columns and variables; subjects, records and
// unknown are taken.
//
// # The file
//
//	policy: connected-health-eu
//	version: 3                    # 1 or more
//	population: eu-accounts
//	zone: Europe/Paris
//	unit: account                 # the default, or {row: true, why: …}: then every table has account: {row: true}
//	household: {table: devices, key: household_id}     # optional
//	tables: {…}
//	never: [purchases]            # tables that are never read
//	admit: {…}
//	drop: {accounts: {identity: [email, phone]}}       # table: category: columns
//	ladders: {…}
//	columns: {…}
//	variables: {…}
//	floors: {k: 11, l: 2, model: distinct, suppressed: 10%, unusable_over: 25%, format: 1%}
//	budget: {…}
//	datasets: […]
//
// household, never, drop, ladders, columns, variables and datasets may be
// absent. floors.model is distinct, entropy or recursive; floors.format, by
// default 1%, is the share of a table's rows dropped under rule "format" over
// which the next window is not run.
//
// # Tables
//
//	measures:
//	  files: 'm/*.json'           # glob below the source: .parquet, .csv, .csv.gz, .json, .json.gz
//	  csv: {separator: ",", nulls: [""]}               # csv only; these are the defaults
//	  unnest: measures            # json only: path of the one array, a.b
//	  account: userid             # or {constant: volunteer-1}, or {row: true}
//	  rows: many                  # or one
//	  time: {column: date, type: epoch_s, zone: accounts.timezone, format: …, expect: [2016-03-01, 2016-06-01]}
//	  unique: [userid, date, type]
//	  conflict: refuse            # the default, or last, which needs received
//	  received: created           # when a row arrived
//
// The one table with rows: one is the person table. A source may have none;
// then no rule may ask for a column of it. time.type is date or local (civil
// times, which have no zone), instant, epoch_s or epoch_ms; zone is a column of
// the person table or an IANA zone, by default the policy's. format is for csv
// and json. expect is [first day, first day after].
//
// # Admit
//
// Every rule is required. {none: true, why: …} turns one off.
//
//	consent: {table: consents, purpose: health-research, purpose_column: purpose,
//	          status_column: status, latest_by: decided_at, granted: [granted]}
//	objection: {table: objections, purpose: …, purpose_column: purpose, lifted: lifted_at}
//	erasure: accounts.erasure_requested_at             # not NULL: out
//	minimum_age: {from: accounts.birth_date, years: 18, unknown: refuse}   # or admit
//	exclude: {accounts.is_test: [true]}                # column: values
//
// The column keys have the defaults shown; purpose and lifted of an objection
// are optional. erasure, minimum_age and exclude ask the person table.
//
// # Ladders
//
//	age:    {bands: [1y, 5y, 10y], at: window_start, bottom: 18, top: 90}
//	pulse:  {bands: [10, 20], bottom: 40, top: 120}
//	joined: {dates: [month, quarter, year], from: 2020-01-01, to: 2027-01-01}
//	fr:     {geography: communes.csv, levels: [postcode, departement, region], floor: 20000,
//	         key: postcode, population: population, place: commune}
//	sex:    {codes: [F, M], other: unknown}            # or refuse, top
//	zip:    {masks: digits, length: 5, keep: [3, 2]}   # or letters, alphanumeric
//	job:    {csv: jobs.csv}                            # ARX's hierarchy format
//
// Widths end in y exactly if at: window_start makes them ages. key, population
// (by default "population") and place are optional. Package ladder says what
// each means and how its levels are named; level 0 is "source". Public tables
// are read from the policy's folder, which they cannot leave, and their
// SHA-256 is part of the policy's hash.
//
// # Columns
//
//	accounts.height:
//	  category: physiological     # identity, activity, physiological, environmental, technical
//	  type: int                   # date, string, int, decimal, bool, timestamp
//	  use: [measure]              # quasi, measure, sensitive
//	  as: height                  # by default the column's own name, if it can be one
//	  ladder: …                   # quasi: required; sensitive: optional, with finest
//	  finest: …                   # a level with a finite domain; 0 is source
//	  why: …                      # quasi: required
//	  approved: …                 # quasi: required
//	  plausible: [50, 250]        # measure: outside, the value is dropped or clamped
//	  otherwise: drop             # or clamp; required with plausible
//	  bounds: [120, 210]          # multiples of step; without them the measure is an input only
//	  step: 1
//	  unit: cm                    # UCUM
//	  code: 8302-2                # LOINC or the like
//
// What drop, a table, an admit rule, a variable or the household names need not
// be listed; [Policy.Listed] tells. A column is dropped or used, never both;
// account and household keys cannot be published; an identity column leaves
// only by a ladder.
//
// # Variables
//
// A variable has one of seven functions. Those of one row name its table in
// from, and may pick rows by where (column: values, as text); those of a window
// have one value per subject. per may say so again.
//
//	weight:      {from: measures, where: {type: [1]}, scale: [value, unit]}   row: value × 10^unit
//	deep_share:  {from: sleep, ratio: [deep_s, total_s]}                      row: first ÷ second
//	season:      {from: activity, season: north}                              row: or south
//	weekday:     {from: activity, weekday: day}                               row: mon…sun; type: workday, weekend
//	daypart:     {from: minutes, hour: [0, 6, 12, 18]}                        row: first hours of the parts
//	bmi_band:    {bmi: [last weight, accounts.height], bands: [0, 18.5, 25, 30, 80]}   window: kg ÷ (cm/100)²
//	bp_category: {bp: [mean systolic, mean diastolic]}                        window: office classes of ESC/ESH 2018
//
// An argument of bmi and bp is `agg name` with agg one of mean, last, max, min
// and name a scale or ratio or a listed measure, table.column; a column of the
// person table has no agg. scale, ratio and bmi take the keys of a measure, and
// bands with use: [quasi]: the first and the last number end the range, values
// outside go to the outer bands ([ladder.Cuts]). use is by default measure
// where there are bounds, quasi for season, weekday, hour and bp, else none: an
// input of others. category is by default environmental if an input's is, else
// the first input's, else technical for season, weekday and hour and
// physiological for the rest. why and approved are optional.
// [Variable.Labels] is the domain as a key.
//
// # Budget
//
//	lifetime: {epsilon: 12, delta: 1e-8}     # epsilon to 1000, delta to 1e-4
//	per_year: {epsilon: 4}                   # at most the lifetime's
//	delta_split: {conversion: 50%, selection: 40%, sampler: 10%}   # exactly 100%
//	retries: 1                               # the default; 0 to 3
//	demo: true
//
// Caps round down, charges up.
//
// # Datasets
//
// Every dataset has name, kind, from, every (day, week, month, quarter; a
// cohort quarter or year), window (1d or more) and settle; unit is account, the
// default, or household. Tables in from with many rows need a time.
//
// statistics: filter (key: labels of its domain), by (keys), margins (lists of
// names of by, [] is the total), contribute {value: mean, groups: 1} with value
// one of mean, median, sum, max, last; release, weights (one each, of ρ) and
// spend. A key is name or name@level, by default at the column's finest level
// and never finer; variables have no level. Release items are
//
//	{count: subjects}   {count: records}
//	{mean: steps}       sum, variance, stddev
//	{quantiles: steps, at: [0.1, 0.5, 0.9]}
//	{histogram: steps, bins: [0, 5000, 10000, 40000]}   within the bounds
//	{proportion: steps, bins: [10000, 40000]}           the share in [low, high)
//
// bins are multiples of the measure's step, a histogram has at most 64. A bin
// [low, high) holds low and not high, so that bins which meet share nobody; one
// that ends at the measure's upper bound holds that too, and with it all values
// that were clamped there. {count: records} is refused by plan until the grammar
// has a bound for how many records one person may add.
//
// spend is {rho: 0.0005} or {within: 200, of: mean steps, at: 95%}, of
// naming an item. A released measure has bounds, and its table is in from or is
// the person table.
//
// synthetic: filter, by, margins, contribute, spend: artificial people with the
// keys of by, from the marginals of margins.
//
// cohort: consent {purpose}, assessment, workspace, expires (24 months), panels
// (8, from 2 to 1024), quasi (keys), scheme (fixed, global, local, private),
// sensitive (public names) and features {median: weight, step: 2, laplace: 2}.
package policy
