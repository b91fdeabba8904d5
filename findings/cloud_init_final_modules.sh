#!/usr/bin/env bash
# cloud-init 22.4.2 (Debian 12's package 22.4.2-1+deb12u4), with the user data that AWS's Knowledge Center gives for a script
# that runs at every boot ("How do I use user data to automatically run a script with every restart of my EC2 Linux
# instance?"): a part of cloud-config whose cloud_final_modules is [scripts-user, always].
#
# The list takes the place of the image's whole list, so that at this and every later boot nothing else of the last stage
# runs: not the image's own scripts under /var/lib/cloud/scripts/per-boot, per-once and per-instance, and not the module
# that writes boot-finished. Nothing warns of it. A part of type text/x-shellscript-per-boot does what is wanted and
# leaves the rest alone.
#
# Seen, two boots each: "cloud-config: user user, boot-finished no", "per-boot part: image user image user,
# boot-finished yes". Wants root, and apt for that version. Ends with 1 if it is otherwise.
set -euo pipefail
version=22.4.2-1+deb12u4
if [ "${1:-}" != inside ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/archives/partial" "$work/lists/partial" "$work/disk"
  aside=(-qq -o Dir::State::lists="$work/lists" -o Dir::Cache::archives="$work/archives" -o APT::Sandbox::User=root)
  apt-get "${aside[@]}" update
  apt-get "${aside[@]}" install --download-only --no-install-recommends --reinstall cloud-init="$version" >/dev/null
  unshare --mount --propagation private bash "$0" inside "$work"
  exit
fi

work=$2
# In a mount namespace of its own: this machine's files under a layer in memory, so that nothing of it is changed.
mount -t tmpfs tmpfs "$work/disk"
mkdir "$work/disk/upper" "$work/disk/work" "$work/disk/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/disk/upper,workdir=$work/disk/work" "$work/disk/root"
root=$work/disk/root
rm -rf "$root/var/lib/cloud" "$root/etc/cloud"
for package in "$work"/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory "$root"
done
printf '%s\n' 'datasource_list: [NoCloud]' 'network: {config: disabled}' 'preserve_hostname: true' \
  'cloud_init_modules: []' 'cloud_config_modules: []' >"$root/etc/cloud/cloud.cfg.d/99_here.cfg"

boots() { # boots TYPE [CONFIG]: prints what ran in two boots of a new machine
  local cloud=$root/var/lib/cloud
  rm -rf "$cloud"
  mkdir -p "$cloud/seed/nocloud" "$cloud/scripts/per-boot"
  printf '#!/bin/sh\nprintf "image " >>/ran\n' >"$cloud/scripts/per-boot/own"
  chmod 755 "$cloud/scripts/per-boot/own"
  echo '{"instance-id": "i-1"}' >"$cloud/seed/nocloud/meta-data"
  {
    printf 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="//"\n\n'
    [ -z "${2:-}" ] || printf -- '--//\nContent-Type: text/cloud-config\n\n#cloud-config\n%s\n' "$2"
    printf -- '--//\nContent-Type: %s\n\n#!/bin/sh\nprintf "user " >>/ran\n--//--\n' "$1"
  } >"$cloud/seed/nocloud/user-data"
  : >"$root/ran"
  for _ in 1 2; do
    unshare --mount --pid --uts --net --fork bash -euc '
      mount -t proc proc "$1/proc"; mount -t tmpfs tmpfs "$1/run"; mount -t tmpfs tmpfs "$1/dev"
      for device in null:3 zero:5 random:8 urandom:9; do mknod -m 666 "$1/dev/${device%:*}" c 1 "${device#*:}"; done
      for stage in "init --local" init "modules --mode=config" "modules --mode=final"; do
        chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin python3 /usr/bin/cloud-init $stage
      done' boot "$root" >/dev/null 2>&1 </dev/null || true
  done
  printf '%s' "$(xargs <"$root/ran")"
  chroot "$root" test -e /var/lib/cloud/instance/boot-finished && echo ", boot-finished yes" || echo ", boot-finished no"
}

recipe=$(boots text/x-shellscript $'cloud_final_modules:\n- [scripts-user, always]')
part=$(boots text/x-shellscript-per-boot)
echo "cloud-init $version"
echo "cloud-config: $recipe"
echo "per-boot part: $part"
[ "$recipe" = "user user, boot-finished no" ] && [ "$part" = "image user image user, boot-finished yes" ]
