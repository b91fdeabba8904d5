#!/usr/bin/env bash
# Pulumi CLI 3.274.1 (Go module github.com/pulumi/pulumi/pkg/v3), file backend.
#
# `pulumi config set` takes a value of several lines from standard input: a script, a certificate. Line breaks at its
# very beginning are lost: the stack's file gets a block of YAML without them, and `pulumi config get` gives the rest,
# without a word. A value that is a line break and nothing else becomes empty. A secret keeps them, since the file has
# one line of ciphertext: the same text is two values, with and without --secret. (gopkg.in/yaml.v3 3.0.1 writes such
# a block without its first empty line.)
#
# Seen: what the end of this script has. Ends with 1 if it is otherwise. Takes a quarter of an hour for building the CLI
# where Go has no build cache of it; PULUMI_ROOT=DIR takes the one in DIR/bin instead, of that version.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
root=${PULUMI_ROOT:-$work/cli}
if [ ! -x "$root/bin/pulumi" ]; then
  mkdir -p build "$root/bin"
  cat >build/go.mod <<'GO'
module example.invalid/build

go 1.26.6

// The CLI's own replacement, which a module that requires it does not take over.
replace github.com/atotto/clipboard => github.com/tgummerer/clipboard v0.0.0-20241001131231-d02d263e614e

tool github.com/pulumi/pulumi/pkg/v3/cmd/pulumi

require github.com/pulumi/pulumi/pkg/v3 v3.274.1
GO
  (cd build && go mod tidy && go build -o "$root/bin/pulumi" github.com/pulumi/pulumi/pkg/v3/cmd/pulumi)
fi
export PATH=$root/bin:$PATH PULUMI_BACKEND_URL=file://$work/state PULUMI_HOME=$work/home
export PULUMI_CONFIG_PASSPHRASE=example PULUMI_SKIP_UPDATE_CHECK=1
mkdir state
version=$(pulumi version)
[ "${version#v}" = 3.274.1 ] || { echo "this is Pulumi $version, not 3.274.1" >&2; exit 2; }
printf 'name: breaks\nruntime: python\n' >Pulumi.yaml
pulumi stack init --non-interactive dev >init.log 2>&1
kept() { # kept TEXT [--secret]: how many bytes of TEXT `config get` gives back, without the line break that it adds
  printf "$1" | pulumi config set "${@:2}" text
  pulumi config get text | head -c -1 | wc -c
}
{
  echo "within: $(kept 'ab\ncd')"
  echo "one in front, of 3: $(kept '\nab')"
  echo "two in front, of 4: $(kept '\n\nab')"
  echo "three in front, of 5: $(kept '\n\n\nab')"
  echo "one alone: $(kept '\n')"
  echo "secret, one in front: $(kept '\nab' --secret)"
} | tee seen
diff seen - <<'SEEN'
within: 5
one in front, of 3: 2
two in front, of 4: 2
three in front, of 5: 2
one alone: 0
secret, one in front: 3
SEEN
