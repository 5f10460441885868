SELECT
  subject, day, local
{{- range .Step.Keep}},
  {{ident .}}
{{- end}}
{{- range .Step.Variables}},
  {{if .Where}}CASE WHEN {{range $i, $w := .Where}}{{if $i}} AND {{end}}{{ident $w.Column}} IN ({{typed $w.Type $w.Values}}){{end}} THEN {{end -}}
  {{- if eq .Func "scale"}}CASE WHEN {{ident (index .Args 1)}} IS NULL THEN NULL WHEN {{ident (index .Args 1)}} < 0 THEN {{ident (index .Args 0)}} / power(10, -greatest({{ident (index .Args 1)}}, -30)) ELSE {{ident (index .Args 0)}} * power(10, least({{ident (index .Args 1)}}, 30)) END
  {{- else if eq .Func "ratio"}}CASE WHEN {{ident (index .Args 1)}} <> 0 THEN CAST({{ident (index .Args 0)}} AS DOUBLE) / {{ident (index .Args 1)}} END
  {{- else if eq .Func "weekday"}}{{if eq .Mode "type"}}CAST(isodow(day) > 5 AS INTEGER){{else}}isodow(day) - 1{{end}}
  {{- else if eq .Func "hour"}}({{len .Parts}} - 1{{range .Parts}} + CAST(hour(local) >= {{.}} AS INTEGER){{end}}) % {{len .Parts}}
  {{- else if eq .Func "season"}}(month(day){{if eq .Mode "south"}} + 6{{end}}) % 12 // 3
  {{- end}}
  {{- if .Where}} END{{end}} AS {{ident .Name}}
{{- end}}
FROM {{index .From 0}}
