#!/usr/bin/env bash
# One file, AWS's own readers: botocore 1.44.8 (PyPI; boto3 and the AWS CLI), aws-sdk-go-v2/config 1.33.18 (Go module; the
# providers of Pulumi and Terraform) and @smithy/shared-ini-file-loader 4.7.2 (npm; the SDK for JavaScript).
#
# A value in ~/.aws/config that has a space and then `#` or `;` is whole for botocore. The other two cut it there, as a
# comment, also within quotes, without a word. So a program that gives credentials is started with other arguments, a
# session has another name, and one profile is two regions, by who reads it: a check that boto3 has made of an account says
# nothing of the one that a provider deploys to. The AWS CLI's own example once had such a comment, which the CLI took for
# a part of the region (aws-cli issue 320).
#
# Seen: what the end of this script has. Wants go and npm. Ends with 1 if it is otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet botocore==1.44.8
npm install --silent --no-audit --no-fund --ignore-scripts --no-save @smithy/shared-ini-file-loader@4.7.2
cat >config <<'INI'
[profile look]
region = eu-central-1 # Frankfurt
role_session_name = build #7
credential_process = /opt/credentials --team "Infra ;EU" --json
INI
: >credentials
cat >look.py <<'PY'
from botocore.session import Session

profile = Session(profile="look").get_scoped_config()
for name in ("region", "role_session_name", "credential_process"):
    print(f"botocore {name}: {profile[name]}")
PY
cat >look.mjs <<'JS'
import { loadSharedConfigFiles } from "@smithy/shared-ini-file-loader";

const { configFile } = await loadSharedConfigFiles({ configFilepath: "config", filepath: "credentials" });
for (const name of ["region", "role_session_name", "credential_process"]) {
  console.log(`JavaScript ${name}: ${configFile.look[name]}`);
}
JS
cat >go.mod <<'GO'
module example.invalid/look

go 1.26

require github.com/aws/aws-sdk-go-v2/config v1.33.18
GO
cat >look.go <<'GO'
package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"
)

func main() {
	profile, err := config.LoadSharedConfigProfile(context.Background(), "look",
		func(options *config.LoadSharedConfigOptions) {
			options.ConfigFiles = []string{"config"}
			options.CredentialsFiles = []string{"credentials"}
		})
	if err != nil {
		panic(err)
	}
	fmt.Println("Go region:", profile.Region)
	fmt.Println("Go role_session_name:", profile.RoleSessionName)
	fmt.Println("Go credential_process:", profile.CredentialProcess)
}
GO
go mod tidy >go.log 2>&1
{
  AWS_CONFIG_FILE=config AWS_SHARED_CREDENTIALS_FILE=credentials venv/bin/python look.py
  go run .
  node look.mjs
} | tee seen
diff seen - <<'SEEN'
botocore region: eu-central-1 # Frankfurt
botocore role_session_name: build #7
botocore credential_process: /opt/credentials --team "Infra ;EU" --json
Go region: eu-central-1
Go role_session_name: build
Go credential_process: /opt/credentials --team "Infra
JavaScript region: eu-central-1
JavaScript role_session_name: build
JavaScript credential_process: /opt/credentials --team "Infra
SEEN
