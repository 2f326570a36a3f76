#!/usr/bin/env bash
# Proves that on a machine with nothing but python3, python3-venv and make, `make demo` and `make test` work.
#
# A Debian is unpacked into a directory by debootstrap, the tracked files are copied in (no .git, no .venv), and an
# ordinary user of that Debian runs the two commands. The demo is looked at from outside, as a browser would. From this
# machine come only the ways out: its package mirror, resolver, proxies, pip's index and the bundle of authorities.
#
# Runs as root. Everything is unmounted and removed at the end, also after a failure.
set -euo pipefail

usage() {
  cat <<'USAGE'
scripts/fresh_machine.sh [--demo-only] [--keep] [--dir DIR] [--port N]

  --demo-only  `make demo` only, without `make test`
  --keep       leave the directory for a look, or for the next run with --dir
  --dir DIR    unpack there instead of in a temporary directory; a Debian left there by --keep is used again
  --port N     the demo's port (default 8000, as the README says)
USAGE
}

demo_only=false keep=false root="" port=8000
while [ $# -gt 0 ]; do
  case "$1" in
    --demo-only) demo_only=true ;;
    --keep) keep=true ;;
    --dir) root="${2:?--dir needs a directory}"; shift ;;
    --port) port="${2:?--port needs a number}"; shift ;;
    -h|--help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

say() { printf '[%4d s] %s\n' "$SECONDS" "$*"; }
die() { printf 'fresh_machine: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "run as root: unpacking a Debian and entering it need that"
source_tree="$(cd "$(dirname "$0")/.." && pwd)"
# A clone may belong to another user than root; its list of files is all that is asked of git.
tracked() { git -C "$source_tree" -c safe.directory="$source_tree" ls-files -z; }
tracked >/dev/null || die "git cannot say which files of $source_tree are tracked"
suite=bookworm
home=/home/visitor
tree="$home/testamur"

if [ -n "$root" ]; then
  mkdir -p "$root"
  root="$(cd "$root" && pwd)"
  [ -e "$root/.fresh-machine" ] || [ -z "$(ls -A "$root")" ] || die "$root is not empty and not left by this script"
else
  # Not /tmp, which some machines mount without devices and programs.
  root="$(mktemp -d /var/tmp/fresh-machine.XXXXXX)"
fi

# ------------------------------------------------------------------------------------------------- leave no trace

demo_job="" server=""
stop_demo() {
  # By their own ids alone. Told to stop, make stops what it started.
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  if [ -n "$demo_job" ]; then
    for _ in $(seq 300); do kill -0 "$demo_job" 2>/dev/null || break; sleep 0.2; done
    kill "$demo_job" 2>/dev/null || true
    wait "$demo_job" 2>/dev/null || true
  fi
  demo_job="" server=""
}

leave() {
  local status=$?
  trap - EXIT INT TERM
  stop_demo
  for point in dev/shm dev/pts proc; do
    ! mountpoint -q "$root/$point" || umount "$root/$point" || umount -l "$root/$point" || true
  done
  rm -f "$root.log"
  if $keep; then
    say "kept: $root"
  elif grep -q -F " $root/" /proc/mounts; then
    say "still mounted, therefore not removed: $root"
  else
    rm -rf --one-file-system "$root"
  fi
  exit "$status"
}
trap leave EXIT
chmod 755 "$root" # the visitor's own / later; mktemp made it root's alone
trap 'exit 130' INT TERM

# ---------------------------------------------------------------------------------------------------- the machine

mirror() {
  # The mirror that this machine's own apt uses: first for the suite itself, else any of Debian's own.
  local targets
  targets="$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages')"
  awk -v suite="$suite" '$3 == "main" && $4 == "Debian" && $2 == suite { print $1; exit }' <<<"$targets" | grep . ||
    awk '$3 == "main" && $4 == "Debian" && $2 !~ /security/ { print $1; exit }' <<<"$targets" | grep .
}

apt_proxy() { apt-config shell proxy "Acquire::$1::Proxy" 2>/dev/null | sed -n "s/^proxy='\(.*\)'$/\1/p"; }

unpack() {
  if ! command -v debootstrap >/dev/null || ! mirror >/dev/null; then
    say "apt-get: debootstrap"
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends debootstrap >/dev/null
  fi
  local from proxy
  from="$(mirror)" || die "this machine's apt names no Debian mirror"
  proxy="$(apt_proxy http)"; [ -z "$proxy" ] || export http_proxy="${http_proxy:-$proxy}"
  proxy="$(apt_proxy https)"; [ -z "$proxy" ] || export https_proxy="${https_proxy:-$proxy}"
  say "debootstrap: $suite with python3, python3-venv and make"
  debootstrap --variant=minbase --include=python3,python3-venv,make "$suite" "$root" "$from" >"$root.log" 2>&1 ||
    { tail -n 20 "$root.log" >&2; die "debootstrap failed"; }
  chroot "$root" useradd --create-home visitor
  touch "$root/.fresh-machine"
}

# Prints a pip.conf for the new machine: what this machine's files and environment say about the index, without folders
# of this machine, which do not exist there.
pip_conf() {
  python3 - <<'PYTHON'
import configparser, os, sys
from pathlib import Path

LISTS = ("extra-index-url", "find-links", "trusted-host")
KEYS = (*LISTS, "index-url", "no-index", "proxy", "timeout", "default-timeout", "retries")
home = Path.home()
files = [Path("/etc/pip.conf"), home / ".pip/pip.conf", home / ".config/pip/pip.conf", Path(sys.prefix) / "pip.conf"]
files += [Path(os.environ["PIP_CONFIG_FILE"])] if os.environ.get("PIP_CONFIG_FILE") else []
found: dict[str, str] = {}
for file in files:
    parser = configparser.RawConfigParser()
    parser.read(file, encoding="utf-8")
    for section in ("global", "install"):
        if parser.has_section(section):
            found |= {key: value for key, value in parser.items(section) if key in KEYS}
for key in KEYS:
    found[key] = os.environ.get("PIP_" + key.upper().replace("-", "_")) or found.get(key, "")

def elsewhere(place: str) -> bool:
    return not place.startswith(("file:", "/", ".", "~"))

for key in LISTS:
    found[key] = " ".join(filter(elsewhere, found[key].split()))
if found["index-url"] and not elsewhere(found["index-url"]):
    sys.exit(f"pip's index here is a folder of this machine, which the fresh one has not: {found['index-url']}")
print("[global]")
print("cert = /etc/ssl/certs/ca-certificates.crt")
for key, value in found.items():
    if value:
        print(f"{key} = {value}")
PYTHON
}

connect() {
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
  local bundle
  for bundle in "${PIP_CERT:-}" "${SSL_CERT_FILE:-}" "${REQUESTS_CA_BUNDLE:-}" /etc/ssl/certs/ca-certificates.crt; do
    if [ -n "$bundle" ] && [ -f "$bundle" ]; then
      mkdir -p "$root/etc/ssl/certs"
      cp -L "$bundle" "$root/etc/ssl/certs/ca-certificates.crt"
      break
    fi
  done
  # It may name the index with a password: for the visitor alone.
  install -m 600 /dev/null "$root/etc/pip.conf"
  pip_conf >"$root/etc/pip.conf"
  chroot "$root" chown visitor /etc/pip.conf
  mount -t proc proc "$root/proc"
  mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts" 2>/dev/null || say "no /dev/pts; going on without"
  mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
  [ -c "$root/dev/null" ] && [ -c "$root/dev/urandom" ] || die "debootstrap could not make device files in $root/dev"
}

copy_tree() {
  rm -rf --one-file-system "${root:?}$tree"
  mkdir -p "$root$tree"
  # Files that are tracked and exist, as they are now: uncommitted changes are tried too.
  (
    cd "$source_tree"
    tracked | while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
      tar --create --null --files-from=-
  ) | tar --extract --no-same-owner --directory "$root$tree"
  chroot "$root" chown -R visitor:visitor "$home"
}

# Runs a command in the tree as the visitor. Of the environment only the proxies pass.
inside() {
  local passed=() name
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [ -z "${!name:-}" ] || passed+=("$name=${!name}")
  done
  exec chroot --userspec=visitor:visitor "$root" \
    /usr/bin/env -i "${passed[@]}" HOME="$home" USER=visitor PATH=/usr/local/bin:/usr/bin:/bin \
    /bin/sh -c 'cd "$0" && exec "$@"' "$tree" "$@"
}

# --------------------------------------------------------------------------------------------------------- the demo

look() {
  # Looks at the running demo from outside: first that it lives, then each award it speaks of.
  python3 - "$port" "$@" <<'PYTHON'
import json, sys, time, urllib.error, urllib.request
from urllib.parse import urlsplit

here = f"http://127.0.0.1:{sys.argv[1]}"
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

def get(path: str, accept: str) -> tuple[int, str]:
    try:
        with opener.open(urllib.request.Request(here + path, headers={"Accept": accept}), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()

if sys.argv[2] == "alive":
    try:
        sys.exit(get("/health/live", "application/json")[0] != 200)
    except OSError:
        sys.exit(1)

demo, printed = (open(name, encoding="utf-8").read() for name in sys.argv[3:])
demo = json.loads(demo)
valid = [award for award in demo["awards"] if award["verdict"] == "valid"]
if not valid:
    sys.exit("the demo has no valid award")
if demo["api_key"] not in printed:
    sys.exit("`make demo` does not print the API key")
status, page = get(urlsplit(valid[0]["url"]).path, "text/html")
if status != 200 or "Valid" not in page:
    sys.exit(f"the page of {valid[0]['url']} answers {status} and does not say Valid")
for award in demo["awards"]:
    if award["url"].lower() not in printed.lower():  # the path of a link is read in either case
        sys.exit(f"`make demo` does not print the link {award['url']}")
    _, body = get(urlsplit(award["url"]).path, "application/json")
    if json.loads(body)["verdict"] != award["verdict"]:
        sys.exit(f"{award['url']} should be {award['verdict']}: {body}")
print(f"{len(demo['awards'])} awards open with the verdict the demo states")
PYTHON
}

free_port() {
  python3 -c 'import socket, sys; socket.create_server(("127.0.0.1", int(sys.argv[1]))).close()' "$port" 2>/dev/null
}

demo() {
  local output="$root$home/demo-$1.txt" begun=$SECONDS arguments=()
  free_port || die "port $port of this machine is in use; say another: --port N"
  [ "$port" = 8000 ] || arguments=("DEMO_ARGS=--port $port")
  inside make demo "${arguments[@]}" >"$output" 2>&1 </dev/null &
  demo_job=$!
  until look alive; do
    kill -0 "$demo_job" 2>/dev/null || { cat "$output" >&2; die "make demo ended before it answered"; }
    [ $((SECONDS - begun)) -lt 600 ] || { cat "$output" >&2; die "make demo does not answer after 600 s"; }
    sleep 0.5
  done
  say "make demo, call $1: answers after $((SECONDS - begun)) s"
  server="$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["pid"])' "$root$tree/demo-home/server.json")"
  (inside env TESTAMUR_HOME=demo-home .venv/bin/testamur demo --no-serve --json) >"$root$home/demo-$1.json"
  look awards "$root$home/demo-$1.json" "$output" || { cat "$output" >&2; die "the demo is not as stated"; }
  stop_demo
  free_port || die "the demo was told to stop and still holds port $port"
}

# ---------------------------------------------------------------------------------------------------------- the proof

if [ -e "$root/.fresh-machine" ]; then say "used again: $root"; else unpack; fi
connect
copy_tree
say "fresh: $(chroot "$root" python3 -V), $(find "$root$tree" -type f | wc -l) files"
demo 1
demo 2
cmp -s "$root$home/demo-1.json" "$root$home/demo-2.json" || die "a second make demo did not start from what is there"
if ! $demo_only; then
  begun=$SECONDS
  (inside make test) || die "make test failed"
  say "make test: $((SECONDS - begun)) s"
fi
say "passed"
