# shellcheck shell=bash
# What a guest is made of: QEMU, Debian's kernel, and an initramfs with its NFS client, its NFS server and tlshd.
# Needs topology.sh, report.sh, packages.sh, apt_beside.sh.

# The guests' Debian, which has ktls-utils, and a kernel whose NFS speaks TLS.
GUEST_RELEASE=trixie
GUEST_PACKAGES=(
    linux-image-cloud-amd64
    nfs-common nfs-kernel-server rpcbind ktls-utils
    bash coreutils libc-bin tar mount util-linux kmod iproute2 netbase
    busybox-static # cpio, for the image itself
)
GUEST_MODULES=(virtio_net virtio_rng nfsv3 nfsd tls aesni_intel gcm chacha20poly1305)
# Wanted by maintainer scripts, which do not run, and large.
GUEST_PACKAGES_LEFT_OUT='^(systemd|libsystemd-shared|udev|perl-base|passwd|initramfs-tools.*|klibc-utils)_'

GUEST_IMAGE_DIR=$LAB_CACHE_DIR/guest
GUEST_KERNEL=$GUEST_IMAGE_DIR/vmlinuz
GUEST_INITRD=$GUEST_IMAGE_DIR/initrd
QEMU_DIR=$LAB_CACHE_DIR/qemu

# Debian 12's own QEMU (7.2) crashes guests at random when it emulates; the one in backports does not. It is
# unpacked beside the system's packages and shares their libraries.
fetch_qemu() {
    local codename package
    [[ ! -d $QEMU_DIR ]] || return 0
    say "fetching QEMU into $QEMU_DIR"
    rm -rf -- "$QEMU_DIR.new"
    codename=$(debian_codename)
    prepare_apt_beside "$QEMU_DIR.new/apt" "$codename" "$codename-updates" "$codename-backports"
    cp /var/lib/dpkg/status "$QEMU_DIR.new/apt/status"
    apt_beside "$QEMU_DIR.new/apt" install --download-only --no-install-recommends \
        --target-release "$codename-backports" qemu-system-x86
    for package in "$QEMU_DIR.new"/apt/cache/archives/*.deb; do unpack_package "$package" "$QEMU_DIR.new"; done
    rm -rf -- "$QEMU_DIR.new/apt"
    mv "$QEMU_DIR.new" "$QEMU_DIR"
}

# The command that runs it.
QEMU=(
    env "LD_LIBRARY_PATH=$QEMU_DIR/usr/lib/x86_64-linux-gnu"
    "QEMU_MODULE_DIR=$QEMU_DIR/usr/lib/x86_64-linux-gnu/qemu"
    "$QEMU_DIR/usr/bin/qemu-system-x86_64" -L "$QEMU_DIR/usr/share/qemu" -L "$QEMU_DIR/usr/share/seabios"
)

# What the image is made from besides packages: it is made anew when one of these changes.
guest_recipe() { cat "$REPOSITORY"/deploy/guest/* "${BASH_SOURCE[0]}" | sha256sum; }

guest_image_is_made() { [[ $(cat "$GUEST_IMAGE_DIR/recipe" 2>/dev/null) == "$(guest_recipe)" ]]; }

make_guest_image() {
    local new=$GUEST_IMAGE_DIR.new
    ! guest_image_is_made || return 0
    say "making the guests' image (Debian $GUEST_RELEASE) in $GUEST_IMAGE_DIR"
    rm -rf -- "$new"
    prepare_apt_beside "$new/apt" "$GUEST_RELEASE"
    apt_beside "$new/apt" install --download-only --no-install-recommends "${GUEST_PACKAGES[@]}"
    unpack_guest "$new/apt/cache/archives" "$new/root" "$new/kernel"
    choose_modules "$new/kernel" "$new/root"
    cp "$new"/kernel/boot/vmlinuz-* "$new/vmlinuz"
    # An initramfs that is not compressed: unpacking is slow in an emulated machine.
    chroot "$new/root" bash -c 'busybox find . | busybox cpio -o -H newc' >"$new/initrd" 2>"$new/cpio.log" ||
        fail "cannot make the initramfs: $(cat "$new/cpio.log")"
    guest_recipe >"$new/recipe"
    rm -rf -- "$new"/{apt,root,kernel,cpio.log} "$GUEST_IMAGE_DIR"
    mv "$new" "$GUEST_IMAGE_DIR"
}

# unpack_guest ARCHIVES ROOT KERNEL — the kernel's package goes into a folder of its own.
unpack_guest() {
    local archives=$1 root=$2 kernel=$3 package name
    make_root "$root"
    mkdir -p "$kernel"
    for package in "$archives"/*.deb; do
        name=${package##*/}
        if [[ $name == linux-image-[0-9]* ]]; then
            unpack_package "$package" "$kernel"
        elif [[ ! $name =~ $GUEST_PACKAGES_LEFT_OUT ]]; then
            unpack_package "$package" "$root" --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' \
                --exclude='./usr/share/locale/*' --exclude='./usr/lib/x86_64-linux-gnu/gconv/*'
        fi
    done
    ln -sf bash "$root/usr/bin/sh"
    mkdir -p "$root"/usr/local/{bin,sbin} "$root"/var/lib/nfs/{sm,sm.bak,rpc_pipefs} "$root"/{export,mnt}
    install -m 0755 "$REPOSITORY/deploy/guest/init" "$root/init"
    install -m 0755 -t "$root/usr/local/sbin" "$REPOSITORY"/deploy/guest/start-*
    # The users that daemons turn into, which maintainer scripts would have made.
    printf '%s:x:%s:65534::/:/bin/false\n' root 0 daemon 1 nobody 65534 _rpc 106 statd 107 >"$root/etc/passwd"
    printf '%s:x:%s:\n' root 0 nogroup 65534 >"$root/etc/group"
    touch "$root"/var/lib/nfs/{etab,rmtab,state} "$root/etc/fstab"
    chroot "$root" ldconfig
}

# choose_modules KERNEL ROOT — the modules a guest needs, and those that they need, unpacked.
choose_modules() {
    local kernel=$1 root=$2 version from to module
    version=$(basename "$kernel"/usr/lib/modules/*)
    from=$root/tmp/modules to=$root/usr/lib/modules/$version
    mkdir -p "$from/lib/modules" "$to"
    mv "$kernel/usr/lib/modules/$version" "$from/lib/modules/"
    cp "$from/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$to/"
    chroot "$root" depmod --basedir /tmp/modules "$version"
    for module in "${GUEST_MODULES[@]}"; do
        chroot "$root" modprobe --dirname /tmp/modules --set-version "$version" --show-depends "$module"
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort --unique | while read -r module; do
        xz --decompress --stdout "$root/$module" >"$to/$(basename "$module" .xz)"
    done
    chroot "$root" depmod "$version"
    rm -rf -- "$from"
}
