{{/* The pod of a component, `api` or `worker`, as the template of its Deployment. */}}
{{- define "dent-serve.pod" -}}
{{- $root := .root -}}
{{- $component := .component -}}
{{- $values := index $root.Values $component -}}
{{- $engine := eq $component (include "dent-serve.engineComponent" $root) -}}
{{- $gpu := and $engine $root.Values.engine.gpu.enabled -}}
{{- $models := $root.Values.models -}}
{{- /* Workers have no API: health and metrics are all that they answer. */ -}}
{{- $probed := ternary "http" "metrics" (eq $component "api") -}}
metadata:
  labels:
    {{- include "dent-serve.labels" . | nindent 4 }}
  {{- with $values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "dent-serve.serviceAccountName" $root }}
  automountServiceAccountToken: false
  # Variables of other Services, as DENT_PORT for one that is called dent, are none of the server's settings.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "dent-serve.gracePeriod" $root }}
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- if and $gpu $root.Values.engine.gpu.runtimeClassName }}
  runtimeClassName: {{ $root.Values.engine.gpu.runtimeClassName }}
  {{- end }}
  {{- with $root.Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if eq $models.source "download" }}
  initContainers:
    - name: models
      {{- include "dent-serve.container" (dict "root" $root "gpu" $gpu) | nindent 6 }}
      command: [node, --input-type=module, --eval]
      args:
        - |
          {{- $root.Files.Get "files/fetch-models.mjs" | nindent 10 }}
      env:
        - name: MODELS_URL
          {{- if $models.download.existingSecret }}
          valueFrom:
            secretKeyRef:
              name: {{ $models.download.existingSecret }}
              key: {{ $models.download.existingSecretKey }}
          {{- else }}
          value: {{ $models.download.url | quote }}
          {{- end }}
        - { name: MODELS_SHA256, value: {{ $models.download.sha256 | lower | quote }} }
        - { name: MODELS_MAX_BYTES, value: {{ $models.download.maxBytes | int64 | quote }} }
        - { name: MODELS_DIR, value: /models }
      resources:
        requests: { cpu: 100m, memory: 128Mi }
        limits: { memory: 512Mi }
      volumeMounts:
        - { name: models, mountPath: /models }
  {{- end }}
  containers:
    - name: {{ $component }}
      {{- include "dent-serve.container" (dict "root" $root "gpu" $gpu) | nindent 6 }}
      args: [{{ ternary "serve" "worker" (eq $component "api") }}]
      env:
        {{- include "dent-serve.environment" . | nindent 8 }}
      ports:
        {{- if eq $component "api" }}
        - { name: http, containerPort: 8080 }
        {{- end }}
        - { name: metrics, containerPort: 8081 }
      startupProbe:
        httpGet: { path: /v2/health/ready, port: {{ $probed }} }
        periodSeconds: 5
        timeoutSeconds: 2
        failureThreshold: {{ divf $root.Values.lifecycle.startupSeconds 5 | ceil }}
      readinessProbe:
        httpGet: { path: /v2/health/ready, port: {{ $probed }} }
        periodSeconds: 5
        timeoutSeconds: 2
        failureThreshold: 2
      # Knows the process alone: an outage of Redis must not restart every pod.
      livenessProbe:
        httpGet: { path: /v2/health/live, port: {{ $probed }} }
        periodSeconds: 10
        timeoutSeconds: 2
        failureThreshold: 3
      resources:
        {{- include "dent-serve.resources" (dict "root" $root "engine" $engine "gpu" $gpu) | nindent 8 }}
      volumeMounts:
        - { name: tmp, mountPath: /tmp }
        {{- if $engine }}
        - { name: cache, mountPath: /cache }
        {{- end }}
        {{- if ne $models.source "image" }}
        - name: models
          mountPath: /models
          readOnly: true
          {{- if and (eq $models.source "pvc") $models.pvc.subPath }}
          subPath: {{ $models.pvc.subPath }}
          {{- end }}
        {{- end }}
        {{- if and $root.Values.apiKeys.existingSecret (eq $component "api") }}
        - { name: api-keys, mountPath: /etc/dent/api-keys, readOnly: true }
        {{- end }}
        {{- with $values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - { name: tmp, emptyDir: { sizeLimit: 256Mi } }
    {{- if $engine }}
    {{- if eq $root.Values.engine.cache.kind "pvc" }}
    - name: cache
      persistentVolumeClaim:
        claimName: {{ default (printf "%s-cache" (include "dent-serve.fullname" $root)) $root.Values.engine.cache.pvc.existingClaim }}
    {{- else }}
    - { name: cache, emptyDir: { sizeLimit: {{ $root.Values.engine.cache.sizeLimit }} } }
    {{- end }}
    {{- end }}
    {{- if eq $models.source "pvc" }}
    - { name: models, persistentVolumeClaim: { claimName: {{ $models.pvc.claimName }}, readOnly: true } }
    {{- else if eq $models.source "download" }}
    - { name: models, emptyDir: { sizeLimit: {{ $models.download.sizeLimit }} } }
    {{- end }}
    {{- if and $root.Values.apiKeys.existingSecret (eq $component "api") }}
    - { name: api-keys, secret: { secretName: {{ $root.Values.apiKeys.existingSecret }}, defaultMode: 0440 } }
    {{- end }}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $nodeSelector := merge (dict) $values.nodeSelector (ternary $root.Values.engine.gpu.nodeSelector (dict) $gpu) }}
  {{- with $nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- $tolerations := concat $values.tolerations (ternary $root.Values.engine.gpu.tolerations (list) $gpu) }}
  {{- with $tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    - {{ toYaml . | nindent 6 | trim }}
      {{- if not (hasKey . "labelSelector") }}
      labelSelector:
        matchLabels:
          {{- include "dent-serve.selectorLabels" $ | nindent 10 }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end -}}

{{/* What all containers of the project's image share. */}}
{{- define "dent-serve.container" -}}
image: {{ include "dent-serve.image" . | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
{{- with .root.Values.containerSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "dent-serve.resources" -}}
{{- $resources := ternary .root.Values.engine.resources .root.Values.api.resources .engine | deepCopy -}}
{{- if .gpu -}}
{{- /* Extended resources are not overcommitted: requests must equal limits. */ -}}
{{- $gpus := dict .root.Values.engine.gpu.resourceName (.root.Values.engine.gpu.count | int64) -}}
{{- $_ := set $resources "limits" (merge (dict) $gpus (default (dict) $resources.limits)) -}}
{{- $_ := set $resources "requests" (merge (dict) $gpus (default (dict) $resources.requests)) -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}
