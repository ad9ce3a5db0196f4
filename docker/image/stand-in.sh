#!/usr/bin/env bash
# Makes, in the folder $1, what the steps of docker/Dockerfile and the image itself use of its base image: Node.js, npm and the programs
# of the steps, with their libraries, all of them this machine's. A registry of images is not needed, and no package.
set -euo pipefail
root=$1
mkdir -p "$root"/usr/{bin,sbin,lib,lib64,local/bin,local/lib/node_modules} "$root"/{app,dev,etc/ssl/certs,proc,root,sys,tmp,var/tmp}
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
chmod 1777 "$root/tmp" "$root/var/tmp"

# The program $1 as $2, and the libraries that it is linked to.
put() {
  cp "$(realpath "$1")" "$root$2"
  { ldd "$1" 2>/dev/null || true; } | grep -o '/[^ ]*' | xargs -r cp -Lu --parents -t "$root"
}
for program in sh bash env chmod chown cp find ln ls mkdir rm touch cat; do put "$(type -P "$program")" "/usr/bin/$program"; done
put "$(type -P node)" /usr/local/bin/node
# Parts of the C library that packages from npm are linked to, and Node.js is not.
libc=$(ldd "$(type -P node)" | grep -o '/[^ ]*/libc\.so\.6')
cp -Lu --parents -t "$root" "${libc%/*}"/lib{resolv.so.2,rt.so.1}
cp -r "$(npm root -g)/npm" "$root/usr/local/lib/node_modules/"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"

printf 'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nnode:x:1000:\n' >"$root/etc/group"
cp "${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}" "$root/etc/ssl/certs/ca-certificates.crt"
printf 'registry=%s\ncafile=/etc/ssl/certs/ca-certificates.crt\n' "$(npm config get registry)" >"$root/root/.npmrc"
