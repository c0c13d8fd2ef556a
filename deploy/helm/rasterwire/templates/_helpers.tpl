{{- define "rasterwire.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end -}}
{{- end }}

{{- define "rasterwire.selector" -}}
{{ include "rasterwire.selectorOf" (dict "root" . "component" "server") }}
{{- end }}

{{- define "rasterwire.labels" -}}
{{ include "rasterwire.labelsOf" (dict "root" . "component" "server") }}
{{- end }}

{{/* The arguments are `root` and `component`: server, scheduler or worker. */}}
{{- define "rasterwire.selectorOf" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "rasterwire.labelsOf" -}}
{{ include "rasterwire.selectorOf" . }}
{{- with .root }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
{{- end }}

{{/* The config file, with what the chart knows of Dask. Keys of the file itself come before its tables. */}}
{{- define "rasterwire.config" -}}
{{- if .Values.dask.enabled -}}
{{- if regexMatch "(?m)^\\s*(engine\\s*=|\\[\\s*dask\\s*\\])" .Values.config }}
{{- fail "config: with dask.enabled the chart writes engine and [dask] itself; delete them" }}
{{- end -}}
{{- if not (or .Values.dask.tlsSecret .Values.networkPolicy.enabled) }}
{{- fail "dask: who reaches a scheduler or a worker can run code there, and nothing would keep others away; set dask.tlsSecret, or networkPolicy.enabled" }}
{{- end -}}
engine = "dask"
{{ .Values.config | trimSuffix "\n" }}

[dask]
scheduler = "{{ ternary "tls" "tcp" (ne .Values.dask.tlsSecret "") }}://{{ include "rasterwire.fullname" . }}-scheduler:8786"
{{- if .Values.dask.tlsSecret }}
ca_file = "/etc/rasterwire/dask/ca.crt"
certificate_file = "/etc/rasterwire/dask/tls.crt"
key_file = "/etc/rasterwire/dask/tls.key"
{{- end }}
{{ else -}}
{{ .Values.config }}
{{- end -}}
{{- end }}

{{/* Not empty where the config file names a database. */}}
{{- define "rasterwire.database" -}}
{{- regexFind "(?m)^[^#\\n]*\\bdatabase(_file)?\\s*=" .Values.config -}}
{{- end }}

{{/* Of the HTTP port, for probes. */}}
{{- define "rasterwire.scheme" -}}
{{- if regexMatch "(?m)^[^#\\n]*\\bcertificate_file\\s*=" .Values.config }}HTTPS{{ else }}HTTP{{ end -}}
{{- end }}

{{/* What the pods of the server and of the migration have in common. */}}
{{- define "rasterwire.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false # a Service rasterwire-grpc would set RASTERWIRE_GRPC_PORT
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "rasterwire.image" -}}
image: {{ .Values.image | default (printf "%s:%s" .Chart.Name .Chart.AppVersion) | quote }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* Certificate and key for connections of Dask; where one uses them, it mounts them. */}}
{{- define "rasterwire.daskMount" -}}
{{- if and .Values.dask.enabled .Values.dask.tlsSecret -}}
- name: dask-tls
  mountPath: /etc/rasterwire/dask
  readOnly: true
{{- end }}
{{- end }}

{{- define "rasterwire.daskVolume" -}}
{{- if and .Values.dask.enabled .Values.dask.tlsSecret -}}
- name: dask-tls
  secret:
    secretName: {{ .Values.dask.tlsSecret }}
    defaultMode: 0440
{{- end }}
{{- end }}

{{/* The arguments are `root`, and the Secrets that are `variables` and `files`. */}}
{{- define "rasterwire.container" -}}
{{ include "rasterwire.image" .root }}
{{- with .variables }}
envFrom:
  {{- range . }}
  - secretRef:
      name: {{ . }}
  {{- end }}
{{- end }}
volumeMounts:
  - name: config
    mountPath: /etc/rasterwire/rasterwire.toml
    subPath: rasterwire.toml
    readOnly: true
  - name: state
    mountPath: /var/lib/rasterwire
  - name: tmp
    mountPath: /tmp
  {{- if .root.Values.imagesClaim }}
  - name: images
    mountPath: /data
    readOnly: true
  {{- end }}
  {{- range $number, $secret := .files }}
  - name: secret-{{ $number }}
    mountPath: /etc/rasterwire/secrets/{{ $secret }}
    readOnly: true
  {{- end }}
{{- end }}

{{/* The arguments are `Values`, `config`, the name of a ConfigMap, and `files`, the Secrets that are files. */}}
{{- define "rasterwire.volumes" -}}
- name: config
  configMap:
    name: {{ .config }}
- name: state
  emptyDir:
    sizeLimit: {{ .Values.stateSize | quote }}
- name: tmp
  emptyDir:
    sizeLimit: 256Mi
{{- with .Values.imagesClaim }}
- name: images
  persistentVolumeClaim:
    claimName: {{ . }}
    readOnly: true
{{- end }}
{{- range $number, $secret := .files }}
- name: secret-{{ $number }}
  secret:
    secretName: {{ $secret }}
    defaultMode: 0440
{{- end }}
{{- end }}

{{- /* Whom a pod may call: DNS, and what the values name. */}}
{{- define "rasterwire.egress" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
    - ipBlock:
        cidr: 169.254.20.10/32 # the cache of DNS on a node
  ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- with .Values.networkPolicy.egress }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Pods that a pod may call, or that may call it: the arguments are `root` and `components`. */}}
{{- define "rasterwire.peers" -}}
{{- range .components }}
- podSelector:
    matchLabels:
      {{- include "rasterwire.selectorOf" (dict "root" $.root "component" .) | nindent 6 }}
{{- end }}
{{- end }}

{{/* Of servers and workers: the scheduler, and the workers at any port, since each chooses its own. */}}
{{- define "rasterwire.daskEgress" -}}
- to:
    {{- include "rasterwire.peers" (dict "root" . "components" (list "scheduler")) | nindent 4 }}
  ports:
    - port: 8786
      protocol: TCP
- to:
    {{- include "rasterwire.peers" (dict "root" . "components" (list "worker")) | nindent 4 }}
{{- end }}
