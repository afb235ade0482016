#!/usr/bin/env bash
# Install the system packages that parts of Tuneproof use, where the system allows it. Never fails: what cannot be
# installed is named with its reason, and the part that needs it is left out of the experiment with that reason.
set -uo pipefail

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
updated=false

cannot_install() { # prints why, where it is so
    command -v apt-get >/dev/null || { echo "no apt-get here; install it by hand"; return 0; }
    "${as_root[@]}" true 2>/dev/null || { echo "needs root: sudo apt-get install $1"; return 0; }
    return 1
}

need() { # package, file that shows it is there, what it is for
    local package=$1 file=$2 purpose=$3 reason
    if [ -e "$file" ]; then
        echo "ready      $package ($purpose)"
    elif reason=$(cannot_install "$package"); then
        echo "left out   $package ($purpose): $reason"
    else
        $updated || "${as_root[@]}" apt-get -qq update && updated=true
        if "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
            "$package" </dev/null >/dev/null 2>&1; then
            echo "installed  $package ($purpose)"
        else
            echo "left out   $package ($purpose): apt-get could not install it"
        fi
    fi
}

need wordnet-base /usr/share/wordnet/data.noun "augmentation with synonyms"
need apertium /usr/bin/apertium "augmentation by back-translation"
need apertium-eng-spa /usr/share/apertium/modes/eng-spa.mode "augmentation by back-translation"
need chromium /usr/bin/chromium "browser tests of the report; optional"

if [ ! -e /usr/sbin/slurmctld ] && command -v sbatch >/dev/null; then
    echo "left out   slurmctld slurmd munge (test of the cluster profile): this machine uses a Slurm already"
else
    need munge /usr/sbin/munged "test of the cluster profile; optional"
    need slurmctld /usr/sbin/slurmctld "test of the cluster profile; optional"
    need slurmd /usr/sbin/slurmd "test of the cluster profile; optional"
    need slurm-client /usr/bin/sbatch "test of the cluster profile; optional"
fi
