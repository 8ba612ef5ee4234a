# SPDX-License-Identifier: ISC
# Owns: the lists of Debian packages for building, running and testing, and the installation of the missing ones.
# Runs in: scripts/test, scripts/demo, scripts/bench (sourced by bash).
# Never: starts a service, upgrades a package, or leaves its policy-rc.d behind.
# shellcheck shell=bash disable=SC2034

PACKAGES_BUILD=(
    gcc libc6-dev meson ninja-build pkgconf
    libarchive-dev libcap-dev libc-ares-dev libcurl4-openssl-dev libdb-dev libinih-dev libjson-c-dev libmd-dev
    libseccomp-dev libssl-dev libsystemd-dev
)
# apache2-bin contains Apache without a site or a service.
PACKAGES_RUN=(apache2-bin ca-certificates openssl)
PACKAGES_TEST=(
    binutils bzip2 clang clang-format db-util debootstrap git graphviz groff libclang-rt-dev libcmocka-dev lintian logrotate man-db mandoc perl procps
    python3 python3-cryptography python3-pytest strace systemd systemd-container systemd-journal-remote xz-utils zstd
)
PACKAGES_BENCH=(db-util e2fsprogs procps python3 python3-cryptography)

POLICY_RC_D=/usr/sbin/policy-rc.d
policy_is_ours=no

# packages_missing PACKAGE...: print the packages that are not installed.
packages_missing() {
    local package
    for package in "$@"; do
        # A package is installed if its status is "ii ".
        if [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) != ii* ]]; then
            printf '%s\n' "$package"
        fi
    done
}

# Remove policy-rc.d, or restore the previous one.  The function is safe to call at any time, including from a trap.
packages_cleanup() {
    [[ $policy_is_ours == yes ]] || return 0
    if [[ -e $POLICY_RC_D.stapleguard-saved ]]; then
        mv -f "$POLICY_RC_D.stapleguard-saved" "$POLICY_RC_D"
    else
        rm -f "$POLICY_RC_D"
    fi
    policy_is_ours=no
}

# Prevent packages from starting services while apt works: invoke-rc.d runs policy-rc.d, and its exit code 101 forbids the action.
forbid_services() {
    policy_is_ours=yes
    if [[ -e $POLICY_RC_D && ! -e $POLICY_RC_D.stapleguard-saved ]]; then
        mv "$POLICY_RC_D" "$POLICY_RC_D.stapleguard-saved"
    fi
    printf '#!/bin/sh\nexit 101\n' >"$POLICY_RC_D"
    chmod 755 "$POLICY_RC_D"
}

# packages_install PACKAGE...: install the missing packages, and print nothing if there are none.  The caller's exit trap calls
# packages_cleanup.
packages_install() {
    local missing status=0
    mapfile -t missing < <(packages_missing "$@")
    [[ ${#missing[@]} -gt 0 ]] || return 0
    if ! command -v apt-get >/dev/null; then
        printf 'these packages are missing, and there is no apt-get to install them: %s\n' "${missing[*]}" >&2
        return 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    forbid_services
    apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}" || status=$?
    packages_cleanup
    return "$status"
}
