# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh
# What the tests of tests/*.sh have in common; sourced by each of them. A test sets $work, its folder,
# and ends with finish. A check is counted once, as passed or as failed; what the last command said is
# in $work/out and $work/err.
passed=0
failed=0

pass() {
	passed=$((passed + 1))
}

# fail WHAT...
fail() {
	echo "FAIL: $*"
	failed=$((failed + 1))
	return 1
}

# show FILE...: below a failure, the end of what was said
show() {
	cat "$@" 2>/dev/null | tail -n 20 | sed 's/^/    /'
}

# expect WHAT COMMAND...: the command succeeds
expect() {
	expected=$1
	shift
	if "$@" >"$work/log" 2>&1; then
		pass
	else
		fail "$expected: $*"
		[ -s "$work/log" ] && show "$work/log" || show "$work/out" "$work/err"
	fi
}

# is WHAT WANTED GOT: both are the same text
is() {
	if [ "$2" = "$3" ]; then
		pass
	else
		fail "$1 is '$3' instead of '$2'"
	fi
}

# runs STATUS COMMAND...: a step; counted when it fails alone
runs() {
	wanted=$1
	shift
	"$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	[ $status -eq "$wanted" ] || {
		fail "status $status instead of $wanted: $*"
		show "$work/out" "$work/err"
		return 1
	}
}

# gives STATUS COMMAND...
gives() {
	if runs "$@"; then
		pass
	fi
}

# How a complaint is held against what is wanted: -F, as text, or -E, as a pattern
matching=-F

# The lines of stderr that are complaints; a test where others are usual has one of its own
complaints() {
	cat "$work/err"
}

# complained WORD: in one line, which has WORD
complained() {
	[ "$(complaints | wc -l)" -eq 1 ] && complaints | grep -q "$matching" -- "$1"
}

# complains WORD: the last command did, in one line, and said nothing else; two checks
complains() {
	expect "it complains of $1" complained "$1"
	expect 'it says nothing else' test ! -s "$work/out"
}

# answers STATUS WORD COMMAND...: with one line of complaint, which has WORD, or none where that is empty
answers() {
	answer=$1
	word=$2
	shift 2
	runs "$answer" "$@" || return
	if [ -z "$word" ] && [ -s "$work/err" ] || { [ -n "$word" ] && ! complained "$word"; }; then
		fail "complains otherwise than by '${word:-nothing}': $*"
		show "$work/err"
	else
		pass
	fi
}

# refuses WORD COMMAND...
refuses() {
	answers 2 "$@"
}

# says WORDS, says_like PATTERN: the last output has them
says() {
	expect 'the output has the words' grep -F -- "$1" "$work/out"
}

says_like() {
	expect 'the output has the pattern' grep -E -- "$1" "$work/out"
}

# finish NAME: the closing line, and the end
finish() {
	echo "$1: $passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}
