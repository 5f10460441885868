{{- define "value"}}
{{- if not .Text}}TRY_CAST({{ident .C.Source}} AS {{template "type" .C.Type}})
{{- else if eq .C.Type "string"}}nullif({{ident .C.Source}}, '')
{{- else if eq .C.Type "int"}}TRY_CAST(CASE WHEN regexp_full_match({{ident .C.Source}}, '[+-]?[0-9]{1,18}') THEN {{ident .C.Source}} END AS BIGINT)
{{- else if eq .C.Type "decimal"}}TRY_CAST(CASE WHEN regexp_full_match({{ident .C.Source}}, '[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,3})?') THEN nullif(nullif(TRY_CAST({{ident .C.Source}} AS DOUBLE), 'inf'), '-inf') END AS DOUBLE)
{{- else if eq .C.Type "bool"}}CASE lower({{ident .C.Source}}) WHEN 'true' THEN true WHEN 'false' THEN false WHEN '1' THEN true WHEN '0' THEN false END
{{- else if and (eq .C.Type "date") (eq .C.Format "")}}TRY_CAST(CASE WHEN regexp_full_match({{ident .C.Source}}, '[0-9]{4}-[0-9]{2}-[0-9]{2}') THEN {{ident .C.Source}} END AS DATE)
{{- else if eq .C.Type "date"}}CAST(try_strptime({{ident .C.Source}}, {{lit .C.Format}}) AS DATE)
{{- else if eq .C.Format ""}}TRY_CAST(CASE WHEN regexp_full_match({{ident .C.Source}}, '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?Z?') THEN rtrim({{ident .C.Source}}, 'Z') END AS TIMESTAMP)
{{- else}}CAST(try_strptime({{ident .C.Source}}, {{lit .C.Format}}) AS TIMESTAMP)
{{- end}}
{{- end}}
{{- define "type"}}{{if eq . "int"}}BIGINT{{else if eq . "decimal"}}DOUBLE{{else if eq . "string"}}VARCHAR{{else if eq . "date"}}DATE{{else if eq . "timestamp"}}TIMESTAMP{{else}}BOOLEAN{{end}}{{end}}
{{- define "time"}}
{{- if and .Step.Text (or (eq .T.Kind "epoch_s") (eq .T.Kind "epoch_ms"))}}make_timestamp(TRY_CAST(CASE WHEN regexp_full_match({{ident .T.Source}}, '[0-9]{1,13}') THEN {{ident .T.Source}} END AS BIGINT) * {{if eq .T.Kind "epoch_s"}}CASE WHEN length({{ident .T.Source}}) <= 10 THEN 1000000 END{{else}}1000{{end}})
{{- else if eq .T.Kind "epoch_s"}}make_timestamp(CASE WHEN TRY_CAST({{ident .T.Source}} AS BIGINT) BETWEEN 0 AND 9999999999 THEN TRY_CAST({{ident .T.Source}} AS BIGINT) * 1000000 END)
{{- else if eq .T.Kind "epoch_ms"}}make_timestamp(CASE WHEN TRY_CAST({{ident .T.Source}} AS BIGINT) BETWEEN 0 AND 9999999999999 THEN TRY_CAST({{ident .T.Source}} AS BIGINT) * 1000 END)
{{- else if .Step.Text}}{{if ne .T.Format ""}}{{if eq .T.Kind "date"}}CAST(try_strptime({{ident .T.Source}}, {{lit .T.Format}}) AS DATE){{else}}CAST(try_strptime({{ident .T.Source}}, {{lit .T.Format}}) AS TIMESTAMP){{end}}
{{- else if eq .T.Kind "date"}}TRY_CAST(CASE WHEN regexp_full_match({{ident .T.Source}}, '[0-9]{4}-[0-9]{2}-[0-9]{2}') THEN {{ident .T.Source}} END AS DATE)
{{- else}}TRY_CAST(CASE WHEN regexp_full_match({{ident .T.Source}}, '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?Z?') THEN rtrim({{ident .T.Source}}, 'Z') END AS TIMESTAMP){{end}}
{{- else}}TRY_CAST({{ident .T.Source}} AS {{if eq .T.Kind "date"}}DATE{{else}}TIMESTAMP{{end}})
{{- end}}
{{- end}}
SELECT
{{- if .Step.Account.Constant}}
  {{lit .Step.Account.Constant}} AS account
{{- else if eq .Step.Account.Type "int"}}
  TRY_CAST({{ident .Step.Account.Column}} AS BIGINT) AS account
{{- else}}
  nullif(trim(CAST({{ident .Step.Account.Column}} AS VARCHAR)), '') AS account
{{- end}}
{{- with .Step.Time}}{{$t := pair $.Step .}},
  {{- if .Expect}}
  CASE WHEN {{template "time" $t}} >= DATE {{lit (index .Expect 0)}} AND {{template "time" $t}} < DATE {{lit (index .Expect 1)}} THEN {{template "time" $t}} END AS at
  {{- else}}
  {{template "time" $t}} AS at
  {{- end}}
{{- end}}
{{- with .Step.Arrived}},
  {{template "value" (value $.Step.Text .)}} AS arrived
{{- end}}
{{- range .Step.Columns}},
  {{template "value" (value $.Step.Text .)}} AS {{ident .As}}
{{- end}}
{{- if .Step.Text}},
  0
  {{- with .Step.Time}}
    {{- $t := pair $.Step .}}
    + CAST({{ident .Source}} IS NOT NULL AND {{if .Expect}}coalesce(NOT ({{template "time" $t}} >= DATE {{lit (index .Expect 0)}} AND {{template "time" $t}} < DATE {{lit (index .Expect 1)}}), true){{else}}{{template "time" $t}} IS NULL{{end}} AS INTEGER)
  {{- end}}
  {{- range .Step.Columns}}
    {{- if ne .Type "string"}}
    + CAST(nullif({{ident .Source}}, '') IS NOT NULL AND {{template "value" (value $.Step.Text .)}} IS NULL AS INTEGER)
    {{- end}}
  {{- end}} AS misread
{{- end}}
FROM {{index .From 0}}
{{- with .Step.Time}}{{if .Native}}
WHERE {{ident .Source}} >= {{if eq .Kind "date"}}DATE{{else}}TIMESTAMP{{end}} {{lit .From}} AND {{ident .Source}} < {{if eq .Kind "date"}}DATE{{else}}TIMESTAMP{{end}} {{lit .To}}
{{- end}}{{end}}
