#!/usr/bin/env bash
# Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0
#
# Builds the examples of all languages, lets them fetch the documentation's NPY request three times from the
# server at $RASTERWIRE_ADDRESS, and compares the sizes and checksums that they print.
#
# Needs go, npm and mvn. The last line is `N passed, N failed`.
set -uo pipefail

clients=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export RASTERWIRE_ADDRESS=${RASTERWIRE_ADDRESS:-127.0.0.1:50051}
build_seconds=300
run_seconds=150

build_go() {
  cd "$clients/go" && timeout "$build_seconds" go build -buildvcs=false -o build/ ./examples/... &&
    test -z "$(gofmt -l ./*.go conformance examples | tee /dev/stderr)" && go vet . ./conformance ./examples/... &&
    timeout "$build_seconds" go test .
}

run_go() {
  timeout "$run_seconds" "$clients/go/build/download" && timeout "$run_seconds" "$clients/go/build/save"
}

build_typescript() {
  cd "$clients/typescript" &&
    timeout "$build_seconds" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error &&
    timeout "$build_seconds" npm run --silent build && timeout "$build_seconds" npm test
}

run_typescript() {
  timeout "$run_seconds" node "$clients/typescript/build/examples/download.js" &&
    timeout "$run_seconds" node "$clients/typescript/build/examples/save.js"
}

build_java() {
  cd "$clients/java" && timeout "$build_seconds" mvn --quiet --batch-mode test-compile dependency:build-classpath &&
    timeout "$run_seconds" java -cp "target/test-classes:target/classes:$(<target/classpath)" dev.rasterwire.client.PartTest
}

run_java() {
  local target=$clients/java/target
  timeout "$run_seconds" java -cp "$target/test-classes:$target/classes:$(<"$target/classpath")" \
    dev.rasterwire.examples.Download &&
    timeout "$run_seconds" java -cp "$target/test-classes:$target/classes:$(<"$target/classpath")" \
      dev.rasterwire.examples.Save
}

passed=0
failed=0
expected= # size and checksum of the first file, which all others have to have

# check LANGUAGE MODE OUTPUT: counts whether OUTPUT has the line of this download, and only once.
check() {
  local line file
  line=$(grep -E "^$1 $2 [0-9]+ [0-9a-f]{8}$" <<<"$3")
  file=${line#"$1 $2 "}
  if [[ -z $line ]]; then
    echo "FAILED $1 $2: no verified file"
  elif [[ $file != "${expected:=$file}" ]]; then
    echo "FAILED $line: not the $expected of the others"
  else
    echo "$line"
    passed=$((passed + 1))
    return
  fi
  failed=$((failed + 1))
}

for language in go typescript java; do
  output=
  start=$SECONDS
  if log=$("build_$language" 2>&1); then
    echo "$language: built in $((SECONDS - start)) s" >&2
    if ! output=$("run_$language"); then
      echo "$language: the example failed, so none of its files counts" >&2
      output=
    fi
  else
    printf '%s: the build failed\n%s\n' "$language" "$log" >&2
  fi
  check "$language" sync "$output"
  check "$language" async "$output"
  check "$language" prepared "$output"
  check "$language" library "$output"
done

echo "$passed passed, $failed failed"
((failed == 0))
