# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh
# Sourced by scripts that get packages of another release or suite of Debian.

# Where this machine's apt has its Debian from; DEBIAN_MIRROR names another
debian_mirror() {
	url=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null |
		awk '$2 ~ /^(bullseye|bookworm|trixie|forky|sid|(old)*stable|testing|unstable)$/ && $3 == "main" &&
			$1 ~ /^https?:/ { print $1; exit }')}
	echo "${url:-http://deb.debian.org/debian}"
}
