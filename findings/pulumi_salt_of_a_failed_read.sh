#!/usr/bin/env bash
# Pulumi CLI 3.274.1 (Go module github.com/pulumi/pulumi/pkg/v3), file backend, secrets under a passphrase.
#
# A stack's file has lost its line `encryptionsalt`, as after a merge; a secret is still in it. `pulumi config get` fails
# then with any passphrase, since the key of the secret was made of the old salt. Yet this command, which only reads and
# fails, changes the file: it writes a new salt, made with the passphrase that it was given. If that was a wrong one, the
# right one is refused as incorrect from then on, new secrets are encrypted with the wrong one, and a file is left that
# no single passphrase opens. With the line in its place the wrong passphrase is refused, and the file stays as it was.
# The way out: the stack's state has the old salt (`pulumi stack export`, secrets_providers); put back into the file by
# hand, it makes the right passphrase good again.
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
version=$("$root/bin/pulumi" version)
[ "${version#v}" = 3.274.1 ] || { echo "this is Pulumi $version, not 3.274.1" >&2; exit 2; }
mkdir home state project
cd project
export PULUMI_HOME=$work/home PULUMI_BACKEND_URL=file://$work/state PULUMI_SKIP_UPDATE_CHECK=true
printf 'name: example\nruntime: python\n' >Pulumi.yaml
file=Pulumi.example.yaml

asked() { # asked PASSPHRASE ARGUMENTS...: what `pulumi config` prints, or the reason after the last colon
  local said
  said=$(PULUMI_CONFIG_PASSPHRASE=$1 "$root/bin/pulumi" config "${@:2}" --stack example --non-interactive 2>&1) || {
    said=${said##*error: }
    said="refused (${said##*: })"
  }
  echo "$said"
}
changed() { cmp -s "$1" "$file" && echo "file as it was" || echo "file changed"; }

PULUMI_CONFIG_PASSPHRASE=right "$root/bin/pulumi" stack init example --non-interactive >/dev/null 2>&1
asked right set --secret key value >/dev/null
cp "$file" ../whole
grep -v encryptionsalt ../whole >../without

first="$(asked wrong get key), $(changed ../whole)"
cp ../without "$file"
second="$(asked wrong get key), $(changed ../without)"
third=$(asked right get key)
fourth=$(asked wrong set --secret other "a new value")
cp ../without "$file"
fifth="$(asked right get key), $(changed ../without)"
salt=$(PULUMI_CONFIG_PASSPHRASE=right "$root/bin/pulumi" stack export --stack example --non-interactive | sed -n 's/.*"salt": "\(.*\)".*/\1/p')
{
  cat ../without
  echo "encryptionsalt: $salt"
} >"$file"
sixth=$(asked right get key)
seen="salt in place, wrong passphrase: $first
salt gone, wrong passphrase: $second
then the right passphrase: $third
then a new secret with the wrong one: ${fourth:-taken}
salt gone, right passphrase: $fifth
salt of the state put back, right passphrase: $sixth"
echo "$seen"
[ "$seen" = "salt in place, wrong passphrase: refused (incorrect passphrase), file as it was
salt gone, wrong passphrase: refused (message authentication failed), file changed
then the right passphrase: refused (incorrect passphrase)
then a new secret with the wrong one: taken
salt gone, right passphrase: refused (message authentication failed), file changed
salt of the state put back, right passphrase: value" ]
