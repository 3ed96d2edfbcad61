# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh
# Sourced by scripts: given -h or --help, they print what stands at their top, then $help_more.
case ${1:-} in
-h | --help)
	awk 'NR == 1 || /SPDX/ { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$0"
	[ -z "${help_more:-}" ] || echo "$help_more"
	exit 0
	;;
esac
