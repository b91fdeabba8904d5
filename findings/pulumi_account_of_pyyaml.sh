#!/usr/bin/env bash
# Pulumi CLI 3.274.1 (Go module github.com/pulumi/pulumi/pkg/v3) and PyYAML 6.0.3, file backend.
#
# A program writes an AWS account id into a stack's file: a text, by PyYAML's safe_dump. PyYAML puts quotes around a text
# that YAML 1.1 takes for a number. So 012345670123 gets them, an octal number; an id that begins with 0 and has an 8 or a 9
# in it, which is no number of YAML 1.1, gets none. Pulumi's YAML library takes that for a float, and `pulumi config get`
# shows an id of eleven digits. Nothing is said, and PyYAML itself reads its own file as it was.
# The CLI writes such an id with quotes, so only files that other programs have written, or people, have the fault: about
# one account in ten begins with 0, and 91 of 100 of these have an 8 or a 9.
#
# Seen: what the end of this script has. Ends with 1 if it is otherwise. Takes a quarter of an hour for building the CLI
# where Go has no build cache of it; PULUMI_ROOT=DIR takes the one in DIR/bin instead, of that version.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet PyYAML==6.0.3
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
printf 'name: accounts\nruntime: python\n' >Pulumi.yaml
pulumi stack init --non-interactive dev >init.log 2>&1
venv/bin/python - <<'PY'
import yaml

ids = {"accounts:octal": "012345670123", "accounts:ordinary": "123456789012", "accounts:leading": "098765432109"}
with open("Pulumi.dev.yaml", "w") as file:
    yaml.safe_dump({"config": ids}, file)
PY
cp Pulumi.dev.yaml written.yaml
{
  cat written.yaml
  for key in octal ordinary leading; do
    echo "$key by Pulumi: $(pulumi config get "$key")"
  done
  venv/bin/python -c 'import yaml; print("leading by PyYAML:", yaml.safe_load(open("written.yaml"))["config"]["accounts:leading"])'
} | tee seen
diff seen - <<'SEEN'
config:
  accounts:leading: 098765432109
  accounts:octal: '012345670123'
  accounts:ordinary: '123456789012'
octal by Pulumi: 012345670123
ordinary by Pulumi: 123456789012
leading by Pulumi: 98765432109
leading by PyYAML: 098765432109
SEEN
