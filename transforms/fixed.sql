{{- define "grid"}}
{{- if .M.Whole}}CAST({{.C}} AS BIGINT)
{{- else}}CAST(round(CAST({{.C}} AS DOUBLE) * {{.M.Times}} / {{.M.Over}}) AS BIGINT)
{{- end}}
{{- end -}}
SELECT
  subject, day, local
{{- range .Step.Keep}},
  {{ident .}}
{{- end}}
{{- range .Step.Measures}},
  {{- if .Clamp}}
  CASE WHEN {{ident .Name}} IS NOT NULL{{if .Float}} AND NOT isnan({{ident .Name}}){{end}} THEN {{template "grid" (grid . (printf "least(greatest(%s, %s), %s)" (ident .Name) .Lo .Hi))}} END AS {{ident .Name}},
  {{- else}}
  CASE WHEN {{ident .Name}} BETWEEN {{.Lo}} AND {{.Hi}} THEN {{template "grid" (grid . (ident .Name))}} END AS {{ident .Name}},
  {{- end}}
  CAST({{ident .Name}} IS NOT NULL AND {{ident .Name}} NOT BETWEEN {{.Lo}} AND {{.Hi}} AS INTEGER) AS {{ident (print "bad:" .Name)}}
{{- end}}
FROM {{index .From 0}}
