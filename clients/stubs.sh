#!/usr/bin/env bash
# Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0
#
# Generates the Go, TypeScript and Java code of the schema into clients/*/.
#
#   clients/stubs.sh           writes the generated code
#   clients/stubs.sh --check   generates elsewhere and fails where the committed code differs
#
# Needs go, npm and mvn. The compiler and its plug-ins come from the package registries in the
# versions below and are kept in clients/.tools.
set -euo pipefail

# The compiler is that of the Python stubs (grpcio-tools 1.76), so all languages see one reading of
# the schema. Generated Java runs with every protobuf-java of at least this version.
protoc_version=31.1
grpc_java_version=1.80.0
go_version=v1.36.12
go_grpc_version=v1.6.2
common_protos_version=2.64.1 # google/rpc, for the details of errors; only TypeScript has no package of them
maven_dependency_plugin=3.9.0

clients=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
protos=$clients/../protos
tools=$clients/.tools

usage() { sed -n '4,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

# Prints the name by which Maven's packages call this kind of machine.
platform() {
  local os machine
  case $(uname -s) in
    Linux) os=linux ;;
    Darwin) os=osx ;;
    *) echo "stubs.sh: no compiler is published for $(uname -s)" >&2; return 1 ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) machine=x86_64 ;;
    aarch64 | arm64) machine=aarch_64 ;;
    *) echo "stubs.sh: no compiler is published for $(uname -m)" >&2; return 1 ;;
  esac
  echo "$os-$machine"
}

maven() { mvn --quiet --batch-mode --fail-fast "org.apache.maven.plugins:maven-dependency-plugin:$maven_dependency_plugin:$1" "${@:2}"; }

# maven_tool GROUP:ARTIFACT VERSION: sets REPLY to an executable of Maven's packages.
maven_tool() {
  local kind
  kind=$(platform)
  REPLY=$tools/${1#*:}-$2-$kind.exe
  if [[ ! -x $REPLY ]]; then
    maven copy "-Dartifact=$1:$2:exe:$kind" "-DoutputDirectory=$tools"
    chmod +x "$REPLY"
  fi
}

# maven_protos GROUP:ARTIFACT VERSION FILES: sets REPLY to a folder of the schema files in a jar.
maven_protos() {
  REPLY=$tools/${1#*:}-$2
  if [[ ! -d $REPLY ]]; then
    rm -rf "$REPLY.part"
    maven unpack "-Dartifact=$1:$2:jar" "-DoutputDirectory=$REPLY.part" "-Dmdep.unpack.includes=$3" \
      "-Dmdep.useSubDirectoryPerArtifact=false"
    mv "$REPLY.part" "$REPLY"
  fi
}

# go_tool MODULE VERSION: sets REPLY to a command built from a Go module.
go_tool() {
  REPLY=$tools/go-$2/${1##*/}
  [[ -x $REPLY ]] || GOBIN=$tools/go-$2 GOFLAGS=-buildvcs=false go install "$1@$2"
}

# npm_tool COMMAND: sets REPLY to a command of the TypeScript package's lock file.
npm_tool() {
  local package=$clients/typescript
  REPLY=$package/node_modules/.bin/$1
  if [[ ! -x $REPLY || $package/package-lock.json -nt $package/node_modules/.package-lock.json ]]; then
    npm --prefix "$package" ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  fi
}

# generate TARGET: writes the code of all languages below TARGET, as it lies below clients/.
generate() {
  local target=$1 protoc grpc_java well_known google_rpc go go_grpc es
  maven_tool com.google.protobuf:protoc "4.$protoc_version"
  protoc=$REPLY
  maven_tool io.grpc:protoc-gen-grpc-java "$grpc_java_version"
  grpc_java=$REPLY
  maven_protos com.google.protobuf:protobuf-java "4.$protoc_version" 'google/protobuf/*.proto'
  well_known=$REPLY
  maven_protos com.google.api.grpc:proto-google-common-protos "$common_protos_version" 'google/rpc/*.proto'
  google_rpc=$REPLY
  go_tool google.golang.org/protobuf/cmd/protoc-gen-go "$go_version"
  go=$REPLY
  go_tool google.golang.org/grpc/cmd/protoc-gen-go-grpc "$go_grpc_version"
  go_grpc=$REPLY
  npm_tool protoc-gen-es
  es=$REPLY

  local ours services
  ours=$(cd "$protos" && find rasterwire -name '*.proto' | sort)
  services=$(cd "$protos" && find rasterwire -name '*_service.proto' | sort)
  mkdir -p "$target/go" "$target/typescript/gen" "$target/java/src/main/generated"

  # The words are file names of the schema, without spaces.
  # shellcheck disable=SC2086
  (
    cd "$protos"
    "$protoc" -I. "-I$well_known" \
      "--plugin=protoc-gen-go=$go" "--go_out=$target/go" --go_opt=module=rasterwire.dev/clients/go \
      "--java_out=$target/java/src/main/generated" $ours
    "$protoc" -I. "-I$well_known" \
      "--plugin=protoc-gen-go-grpc=$go_grpc" "--go-grpc_out=$target/go" --go-grpc_opt=module=rasterwire.dev/clients/go \
      "--plugin=protoc-gen-grpc-java=$grpc_java" "--grpc-java_out=@generated=omit:$target/java/src/main/generated" $services
    "$protoc" -I. "-I$google_rpc" "-I$well_known" \
      "--plugin=protoc-gen-es=$es" "--es_out=$target/typescript/gen" --es_opt=target=ts,import_extension=js \
      $ours buf/validate/validate.proto google/rpc/error_details.proto
  )
}

folders=(go/gen typescript/gen java/src/main/generated)

main() {
  local scratch folder stale=0
  case ${1-} in
    '' | --check) ;;
    *) usage >&2; return 2 ;;
  esac
  mkdir -p "$tools"
  scratch=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$scratch'" EXIT
  generate "$scratch"
  for folder in "${folders[@]}"; do
    if [[ ${1-} == --check ]]; then
      diff --recursive --brief "$clients/$folder" "$scratch/$folder" || stale=1
    else
      rm -rf "${clients:?}/$folder"
      mkdir -p "$(dirname "$clients/$folder")"
      cp -R "$scratch/$folder" "$clients/$folder"
    fi
  done
  if ((stale)); then
    echo "not up to date, run clients/stubs.sh" >&2
    return 1
  fi
}

main "$@"
