# shellcheck shell=bash
# Debian packages of other releases, unpacked beside this system and not installed in it. Needs report.sh, packages.sh.

# Where it is kept, so that it is fetched once.
LAB_CACHE_DIR=${WIREPAGE_LAB_CACHE:-/var/cache/wirepage-lab}

debian_codename() {
    # shellcheck source=/dev/null
    (. /etc/os-release && printf '%s' "$VERSION_CODENAME")
}

# The mirror that this machine's own apt takes its release from serves the other releases, too.
debian_mirror() {
    # shellcheck disable=SC2016 # expanded by apt-get
    apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Identifier: Packages' 2>/dev/null |
        awk -v codename="$(debian_codename)" '$1 == codename && !found { print $2; found = 1 }' | grep .
}

# prepare_apt_beside DIR SUITE… — an apt of its own in DIR, for a system that has no package yet.
prepare_apt_beside() {
    local dir=$1 mirror suite
    shift
    [[ $(dpkg --print-architecture) == amd64 ]] || fail "packages of other releases were only tried on amd64"
    debian_mirror >/dev/null || apt_get update
    mirror=$(debian_mirror) || fail "cannot tell from apt's sources which mirror has Debian; is this Debian?"
    mkdir -p "$dir"/state/lists/partial "$dir"/cache/archives/partial
    : >"$dir/status"
    for suite in "$@"; do
        printf 'deb [signed-by=%s] %s %s main\n' /usr/share/keyrings/debian-archive-keyring.gpg "$mirror" "$suite"
    done >"$dir/sources.list"
    apt_beside "$dir" update
}

# apt_beside DIR ARGUMENT… — apt-get with what is in DIR; this machine's lists, caches and packages are not touched,
# its proxy and other network settings are used.
apt_beside() {
    local dir=$1
    shift
    apt_get -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State="$dir/state" -o Dir::State::status="$dir/status" -o Dir::Cache="$dir/cache" \
        -o Acquire::Languages=none -o APT::Sandbox::User=root -o Debug::NoLocking=true "$@"
}

# make_root DIR — what maintainer scripts would make of an empty system: the links of a merged /usr, mount points.
make_root() {
    local root=$1 link
    for link in bin sbin lib lib64; do
        mkdir -p "$root/usr/$link"
        ln -s "usr/$link" "$root/$link"
    done
    mkdir -p "$root"/{dev,etc,proc,run,sys,tmp,var}
    ln -s ../run "$root/var/run"
    ln -s ../proc/self/mounts "$root/etc/mtab"
}

# unpack_package FILE ROOT [TAR-OPTION…]
unpack_package() {
    local file=$1 root=$2
    shift 2
    dpkg-deb --fsys-tarfile "$file" | tar --extract --keep-directory-symlink --directory "$root" "$@"
}
