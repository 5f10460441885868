{{- define "folded"}}{{if .Fold}}upper({{end}}trim({{ident .Column}}){{if .Fold}}){{end}}{{end}}
{{- define "input"}}
{{- if eq .Input "age"}}{{template "age" .}}
{{- else if eq .Input "text"}}{{if .Shape}}CASE WHEN regexp_full_match({{template "folded" .}}, {{lit .Shape}}) THEN {{end}}{{if .Prefix}}left({{end}}{{template "folded" .}}{{if .Prefix}}, {{.Prefix}}){{end}}{{if .Shape}} END{{end}}
{{- else if eq .Input "number"}}nullif(CAST({{ident .Column}} AS DOUBLE), 'nan')
{{- else}}CASE WHEN isfinite({{ident .Column}}) THEN {{ident .Column}} END
{{- end}}
{{- end}}
{{- define "age"}}(year(DATE {{lit .Start}}) - year({{ident .Column}}) - CAST(month({{ident .Column}}) * 100 + day({{ident .Column}}) > month(DATE {{lit .Start}}) * 100 + day(DATE {{lit .Start}}) AS INTEGER)){{end}}
{{- define "cuts"}}
{{- $c := .}}CASE WHEN {{template "input" $c}} IS NULL THEN {{.Unknown}}
{{- range $i, $e := .Edges}} WHEN {{template "input" $c}} < {{if eq $c.Input "date"}}DATE {{lit $e}}{{else}}{{$e}}{{end}} THEN {{$i}}{{end}} ELSE {{len .Edges}} END
{{- end}}
{{- /* least and greatest pass over what is missing, so that is left out first */ -}}
{{- define "bounded"}}{{$v := .FixedMeasure}}CASE WHEN {{template "fixed" $v}} IS NOT NULL THEN least(greatest({{template "fixed" $v}}, {{.Low}}), {{.High}}) - ({{.Low}}) END{{end}}
{{- define "reason"}}CASE
    WHEN copies > 1 THEN 'repeated'
{{- if .Step.Erasure}}
    WHEN {{ident .Step.Erasure}} IS NOT NULL THEN 'erasure'
{{- end}}
{{- if .Step.Objection}}
    WHEN o.account IS NOT NULL THEN 'objection'
{{- end}}
{{- if .Step.Consent}}
    WHEN d.account IS NULL THEN 'consent'
{{- end}}
{{- range .Step.Excluded}}
    WHEN {{ident .Column}} IN ({{typed .Type .Values}}){{if .Text}} OR ({{ident .Text}} IS NOT NULL AND {{ident .Column}} IS NULL){{end}} THEN 'excluded'
{{- end}}
{{- with .Step.Age}}
    WHEN coalesce({{template "age" (birth .Column $.Step.Start)}} < {{.Years}}, {{not .Unknown}}) THEN 'age'
{{- end}}
  END
{{- end -}}
SELECT
  p.account,
  {{template "reason" .}} AS refused
{{- if .Step.Zone}},
  coalesce(z.value, {{lit .Step.Fallback}}) AS zone
{{- end}}
{{- range .Step.Codes}},
  {{if .Lookup}}CASE WHEN {{ident .Column}} IS NULL THEN {{.Unknown}} ELSE coalesce({{ident (print "l:" .Name)}}.code, {{.Other}}) END
  {{- else if .Edges}}{{template "cuts" (code . $.Step.Start)}}
  {{- else}}0{{end}} AS {{ident .Name}}
{{- end}}
{{- range .Step.Measures}},
  {{template "bounded" .}} AS {{ident .Name}}
{{- end}}
FROM (
  SELECT account, count(*) AS copies{{range .Step.Columns}}, any_value({{ident .}}) AS {{ident .}}{{end}}
  FROM {{index .From 0}}
  WHERE account IS NOT NULL
  GROUP BY account
) p
{{- if .Step.Consent}}
LEFT JOIN {{index .From 1}} d ON p.account = d.account
{{- end}}
{{- if .Step.Objection}}
LEFT JOIN {{index .From 2}} o ON p.account = o.account
{{- end}}
{{- if .Step.Zone}}
LEFT JOIN {{ident .Step.Zones}} z ON p.{{ident .Step.Zone}} = z.value
{{- end}}
{{- range .Step.Codes}}{{if .Lookup}}
LEFT JOIN {{ident .Lookup}} {{ident (print "l:" .Name)}} ON {{template "input" (code . $.Step.Start)}} = {{ident (print "l:" .Name)}}.value
{{- end}}{{end}}
