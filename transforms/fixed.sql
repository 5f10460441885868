{{- define "held"}}{{if .Small}}INTEGER{{else}}BIGINT{{end}}{{end}}
{{- define "grid"}}
{{- if .M.Whole}}CAST({{.C}} AS {{template "held" .M}})
{{- else}}CAST(round(CAST({{.C}} AS DOUBLE) * {{.M.Times}} / {{.M.Over}}) AS {{template "held" .M}})
{{- end}}
{{- end}}
{{- define "fixed"}}
{{- if .Clamp}}CASE WHEN {{ident .Column}} IS NOT NULL{{if .Float}} AND NOT isnan({{ident .Column}}){{end}} THEN {{template "grid" (grid . (printf "least(greatest(%s, %s), %s)" (ident .Column) .Lo .Hi))}} END
{{- else}}CASE WHEN {{ident .Column}} BETWEEN {{.Lo}} AND {{.Hi}} THEN {{template "grid" (grid . (ident .Column))}} END
{{- end}}
{{- end -}}
SELECT
  subject, day, local
{{- range .Step.Keep}},
  {{ident .}}
{{- end}}
{{- range .Step.Measures}},

  {{template "fixed" .}} AS {{ident .Name}},
  CAST({{ident .Column}} IS NOT NULL AND {{ident .Column}} NOT BETWEEN {{.Lo}} AND {{.Hi}} AS INTEGER) AS {{ident (print "bad:" .Name)}}
{{- end}}
FROM {{index .From 0}}
