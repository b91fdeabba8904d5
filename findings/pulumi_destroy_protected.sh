#!/usr/bin/env bash
# pulumi 3.272.0 (PyPI) with the CLI 3.274.1 (Go module github.com/pulumi/pulumi/pkg/v3), file backend.
#
# `pulumi destroy --yes` of a stack with one protected resource fails in its preview and deletes nothing. The same with
# --skip-preview fails, too, with the same words about the protected resource, after it has deleted every resource that is
# not protected: `protect` then keeps one resource, and not the stack around it. Nothing in the message says so.
#
# Seen: "with preview: kept, other", "without preview: kept". Ends with 1 if it is otherwise. Takes a quarter of an hour
# for building the CLI where Go has no build cache of it; PULUMI_ROOT=DIR takes the one in DIR/bin instead, of that version.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet pulumi==3.272.0
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
cat >look.py <<'PY'
import os
import subprocess
import sys

import pulumi
from pulumi import automation


def program():
    pulumi.Stash("kept", input="1", opts=pulumi.ResourceOptions(protect=True))
    pulumi.Stash("other", input="2")


folder, root = sys.argv[1:]
os.makedirs(f"{folder}/state")
environment = {
    "PULUMI_CONFIG_PASSPHRASE": "example",
    "PULUMI_HOME": f"{folder}/home",
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    "PULUMI_BACKEND_URL": f"file://{folder}/state",
}
os.environ.update(environment)
options = automation.LocalWorkspaceOptions(
    work_dir=folder,
    project_settings=automation.ProjectSettings(name="example", runtime="python"),
    pulumi_command=automation.PulumiCommand(root, skip_version_check=True),
)
seen = []
for label, flags in (("with preview", []), ("without preview", ["--skip-preview"])):
    stack = automation.create_or_select_stack("example", "example", program, opts=options)
    stack.up()
    command = [f"{root}/bin/pulumi", "destroy", "--yes", "--non-interactive", "--stack", "example", *flags]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "because it is protected" in done.stdout + done.stderr
    urns = [each["urn"] for each in stack.export_stack().deployment["resources"]]
    left = sorted(urn.rpartition("::")[2] for urn in urns if ":Stash::" in urn)
    seen.append(left)
    print(f"{label}: {', '.join(left)}")
sys.exit(seen != [["kept", "other"], ["kept"]])
PY
venv/bin/python look.py "$work" "$root"
