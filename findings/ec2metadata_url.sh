#!/usr/bin/env bash
# ec2metadata of cloud-utils 0.33 (Debian 12's package cloud-guest-utils 0.33-1), which prints an EC2 instance's metadata.
#
# `--url URL` names another service to ask, such as an emulator of the metadata service on a laptop. Since ec2metadata knows
# IMDSv2 it first gets a session token, and that from 169.254.169.254, whatever --url says. Where nothing answers there,
# which is why one has an emulator, it ends with URLError and has not asked the emulator for anything, not even for the
# token that the emulator would have given.
#
# Seen: "emulator, --url: URLError, asked: nothing", "on an instance: i-0123, asked: PUT, GET". Ends with 1 if it is
# otherwise. Wants root, ip and apt for that version.
set -euo pipefail
version=0.33-1
if [ "${1:-}" != inside ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/archives/partial" "$work/lists/partial"
  aside=(-qq -o Dir::State::lists="$work/lists" -o Dir::Cache::archives="$work/archives" -o APT::Sandbox::User=root)
  apt-get "${aside[@]}" update
  (cd "$work" && apt-get "${aside[@]}" download cloud-guest-utils="$version")
  dpkg-deb --extract "$work"/cloud-guest-utils_*.deb "$work/tree"
  unshare --net bash "$0" inside "$work"
  exit
fi

# In a network namespace of its own, which has a loopback device and nothing else.
cd "$2"
ip link set lo up
cat >look.py <<'PY'
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Metadata(BaseHTTPRequestHandler):
    def do_PUT(self):
        self.answer(b"token")

    def do_GET(self):
        self.answer(b"i-0123")

    def answer(self, body):
        asked.append(self.command)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


asked = []
name, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
server = ThreadingHTTPServer((address, port), Metadata)
threading.Thread(target=server.serve_forever, daemon=True).start()
options = ["--url", f"http://{address}:{server.server_port}/latest"] if port == 0 else []
command = [sys.executable, "tree/usr/bin/ec2metadata", "--instance-id", *options]
done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
result = done.stdout.strip() if done.returncode == 0 else "URLError" if "URLError" in done.stderr else done.stderr
print(f"{name}: {result}, asked: {', '.join(asked) or 'nothing'}")
PY
python3 look.py "emulator, --url" 127.0.0.1 0 | tee seen
ip address add 169.254.169.254/32 dev lo
python3 look.py "on an instance" 169.254.169.254 80 | tee -a seen
diff seen - <<'SEEN'
emulator, --url: URLError, asked: nothing
on an instance: i-0123, asked: PUT, GET
SEEN
