{{/*
The environment of a component's container. Every name here is one of src/config.ts, which helm/templates/every-render.test.ts checks.
Numbers go through int64: Helm reads them as floats, and 10485760 would be printed as 1.048576e+07.
*/}}
{{- define "dent-serve.environment" -}}
{{- $root := .root -}}
{{- $engine := eq .component (include "dent-serve.engineComponent" $root) -}}
- { name: DENT_HOST, value: 0.0.0.0 }
# Set although it is the default: a Service that is called dent would have Kubernetes set it to a URL.
{{- if eq .component "api" }}
- { name: DENT_PORT, value: "8080" }
- { name: DENT_METRICS_PORT, value: "8081" }
{{- else }}
- { name: DENT_PORT, value: "8081" }
{{- end }}
{{- if ne $root.Values.models.source "image" }}
- { name: DENT_MODELS, value: /models }
{{- end }}
- { name: DENT_QUEUE, value: {{ $root.Values.queue.mode }} }
{{- if eq $root.Values.queue.mode "redis" }}
- { name: DENT_REDIS_PREFIX, value: {{ $root.Values.queue.prefix | quote }} }
- name: DENT_REDIS_URL
  valueFrom:
    secretKeyRef:
      name: {{ include "dent-serve.redisSecretName" $root }}
      key: {{ include "dent-serve.redisSecretKey" $root }}
{{- end }}
- { name: DENT_DRAIN_DELAY_MS, value: {{ $root.Values.lifecycle.drainDelayMs | int64 | quote }} }
- { name: DENT_CLOSE_TIMEOUT_MS, value: {{ $root.Values.lifecycle.closeTimeoutMs | int64 | quote }} }
{{- if $engine }}
- { name: DENT_DEVICE, value: {{ ternary "cuda" "cpu" $root.Values.engine.gpu.enabled }} }
- { name: DENT_CACHE_DIR, value: /cache }
{{- if kindIs "invalid" $root.Values.engine.threads }}
- name: DENT_THREADS
  valueFrom:
    resourceFieldRef:
      containerName: {{ .component }}
      resource: {{ ternary "requests.cpu" "limits.cpu" (ne (dig "requests" "cpu" "" $root.Values.engine.resources | toString) "") }}
      divisor: "1"
{{- else }}
- { name: DENT_THREADS, value: {{ $root.Values.engine.threads | int64 | quote }} }
{{- end }}
{{- end }}
{{- if and $root.Values.apiKeys.existingSecret (eq .component "api") }}
- { name: DENT_API_KEYS_FILE, value: /etc/dent/api-keys/{{ $root.Values.apiKeys.existingSecretKey }} }
{{- end }}
{{- with $root.Values.tracing.endpoint }}
- { name: DENT_OTLP_ENDPOINT, value: {{ . | quote }} }
{{- end }}
{{- range $name, $value := $root.Values.settings }}
- { name: DENT_{{ $name | snakecase | upper }}, value: {{ ternary ($value | int64 | toString) ($value | toString) (kindIs "float64" $value) | quote }} }
{{- end }}
{{- with (index $root.Values .component).extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
