#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The report's page, of a real campaign, real findings on a device with mistakes, text that tries to be
# markup, and a device of somebody else. Usage: tests/report.sh ANVIL PLANTED COV, a good tool, one with
# tests/plant.sed in it and one that counts what it runs.
unset MAKEFLAGS MFLAGS MAKELEVEL DUT SOURCES DUT_FLAGS ENGINE TAP ANVIL_KNOWN ANVIL_FINDINGS FOREIGN_MISTAKE
. "$(dirname "$0")/lib.sh"
anvil=$1
planted=$2
cov=$3
work=build/report-test
site=$work/report
page=$site/index.html
evil='<script>alert(1)</script>'
shown='&lt;script&gt;alert(1)&lt;/script&gt;'
rm -rf "$work"
mkdir -p "$work"

command -v xmllint >/dev/null || {
	echo 'tests/report.sh: no xmllint; make deps installs it' >&2
	exit 2
}

report() {
	ci/report/make --build "$work" --anvil "$1" --cov "$cov"
}

has() {
	grep -qF -- "$1" "$page"
}

lacks() {
	! grep -qF -- "$1" "$page"
}

# the page's links, as paths and places: without XML's escapes and without those of links
links() {
	xmllint --xpath '//@href' "$page" | sed -n 's/^ *href="\(.*\)"$/\1/p' |
		sed "s/&lt;/</g; s/&#39;\|&apos;/'/g; s/&amp;/\&/g" | awk '{
			for (; i = index($0, "%"); $0 = substr($0, i + 3)) {
				hex = "0123456789ABCDEF"
				code = index(hex, substr($0, i + 1, 1)) * 16 + index(hex, substr($0, i + 2, 1)) - 17
				printf "%s%c", substr($0, 1, i - 1), code
			}
			print
		}'
}

# every link leads to a file, or to a place in the page
links_resolve() {
	links >"$work/links"
	[ "$(wc -l <"$work/links")" -gt 10 ] || return 1
	while IFS= read -r link; do
		case $link in
		'#'*) grep -qF "id='${link#\#}'" "$page" && continue ;;
		*) [ -e "$site/$link" ] && continue ;;
		esac
		echo "$link"
		return 1
	done <"$work/links"
}

# ticks NUMBER: the names at the vertical axis of that plot
ticks() {
	xmllint --xpath "(//*[local-name()='svg'])[$1]//*[@text-anchor='end']/*[local-name()='text']/text()" \
		"$page" | tr -d ' ' | tr '\n' ' '
}

ticks_differ() {
	plots=$(grep -o '<svg ' "$page" | wc -l)
	for plot in $(seq "$plots"); do
		[ -n "$(ticks "$plot")" ] && [ -z "$(ticks "$plot" | tr ' ' '\n' | sort | uniq -d)" ] || {
			echo "plot $plot: $(ticks "$plot")"
			return 1
		}
	done
}

# Each file and folder is for all to read, and none of them knows where the checkout is
is_for_others() {
	find "$site" -type d ! -perm 755 -o -type f ! -perm 644 >"$work/private"
	cat "$work/private"
	[ ! -s "$work/private" ] && ! grep -rlF "$(pwd -P)" "$site"
}

whole() {
	expect 'it is for others' is_for_others
	expect 'no two ticks of an axis have one name' ticks_differ
	expect 'it is well-formed' xmllint --noout --nonet "$page"
	expect 'its links resolve' links_resolve
	expect 'nothing in it is a script' sh -c "! grep -qiE '<script|javascript:|<[^>]* on[a-z]+=' '$page'"
	expect 'nothing comes from the net' sh -c \
		"! sed 's|http://www.w3.org/[0-9a-z/]*||g' '$page' | grep -qE 'https?://|@import|url\('"
	expect 'no part of it is left' test ! -e "$page.part"
	expect 'ids are unique' test -z "$(xmllint --xpath '//@id' "$page" | tr ' ' '\n' | sort | uniq -d | grep id=)"
}

# ---- nothing there, and things that are not right ----

gives 2 report "$anvil"
complains 'make fuzz'
expect 'no page is made of nothing' test ! -e "$work/report"
gives 2 ci/report/make --fast
complains '--fast'
gives 2 ci/report/make --build
complains '--build'
mkdir -p "$work/campaigns/1"
head='# engine	libfuzzer
# target	fuzz_blk
# started	2026-01-31T08:30:00Z
# state	done
seconds	inputs	inputs/s	coverage	corpus	findings'
echo "$head" >"$work/campaigns/1/libfuzzer-fuzz_blk.tsv"
gives 2 report "$anvil"
complains 'make fuzz'
printf '%s\n0.5	many	2	3	4	5\n' "$head" >"$work/campaigns/1/libfuzzer-fuzz_blk.tsv"
gives 2 report "$anvil"
complains 'libfuzzer-fuzz_blk.tsv:6'
rm -r "$work/campaigns"

# ---- a campaign, and its page ----

gives 0 "$anvil" fuzz --target blk --time 2 --out "$work"
record=$work/campaigns/1/libfuzzer-fuzz_blk.tsv
inputs=$(sed -n 's/^fuzz_blk  *\([0-9]*\) .*/\1/p' "$work/out")
edges=$(sed -n 's/^fuzz_blk  *[0-9]*  *[0-9]*  *\([0-9]*\) .*/\1/p' "$work/out")
expect 'the record ends as the table' test "$(tail -n 1 "$record" | cut -f 2,4)" = "$inputs	$edges"
expect 'the record says how it ended' grep -qx '# state	done' "$record"
umask 077
gives 0 report "$anvil"
umask 022
expect 'it says where the page is' grep -qx "$page" "$work/out"
expect 'it is quiet when not on a terminal' test ! -s "$work/err" -a "$(wc -l <"$work/out")" -eq 1
whole
expect 'it opens on phones' has "name='viewport' content='width=device-width, initial-scale=1'"
expect 'it knows the dark' has '(prefers-color-scheme: dark)'
expect 'the edges are there' has ">$edges</td>"
expect 'two plots' test "$(grep -o '<svg ' "$page" | wc -l)" -eq 2
expect 'both have a curve' test "$(grep -o "class='libfuzzer'  *d='M[^']* L" "$page" | wc -l)" -eq 2
expect 'the plots have titles' has "<title id='coverage-0-title'>fuzz_blk: Coverage (edges)</title>"
expect 'coverage of a file leads to its page' \
	grep -qE "href='coverage/[^']*devices/virtio_blk.c.html'>virtio_blk.c<" "$page"
expect 'milestones' has '<li>a read succeeds <small>blk'
expect 'milestones in numbers' grep -qE "^<tr><th scope='row'>Block device</th><td class='n'>([0-9]+)</td>.*\1 of \1" "$page"
expect 'a milestone that none reaches would be told' lacks 'not reached'
expect 'no findings' has '<p>None: no input is in'
expect 'no bugs, no section' lacks 'Bug benchmark'

# ---- findings, bugs, and text that tries to be markup ----

mkdir -p "$work/findings/fuzz_blk" "$work/bugs" "$work/campaigns/2"
printf 'device blk capacity=2\ninit\nblk sector=0x50 count=1\n' >"$work/script.txt"
"$anvil" pack "$work/script.txt" "$work/findings/fuzz_blk/crash-1"
cp "$work/findings/fuzz_blk/crash-1" "$work/findings/fuzz_blk/crash-<script>alert(1)<"
echo "# engine	afl
# target	fuzz_$evil
# started	2026-01-31T08:30:00Z
# state	stopped
$(echo "$head" | tail -n 1)
0.5	1000	2000	30	4	0
1.5	3000	2000	35	5	1" >"$work/campaigns/2/afl-fuzz_evil.tsv"
bugs='bug	target	engine	runs	found	median_seconds'
printf '%s\nsome\tfuzz_blk\tafl\t10\tall\t-\n' "$bugs" >"$work/bugs/results.tsv"
gives 2 report "$planted"
complains 'results.tsv:2'
printf '%s\n%s\tfuzz_blk\tlibfuzzer\t10\t9\t0.42\nlost\tfuzz_net\tafl\t10\t0\t-\n' "$bugs" "$evil" >"$work/bugs/results.tsv"
gives 0 report "$planted"
whole
expect 'the group' has "<h3 class='name'>violation-8-blk</h3>"
expect 'its verdict and count' \
	has "<strong class='bad'>violation:8</strong> in <span class='name'>fuzz_blk</span>, by 2 inputs"
expect 'its story' has 'asks to read 1 sector'
replay=$(sed -n 's/^<pre>\(.* play [^<]*\)<\/pre>$/\1/p' "$page" | head -n 1)
expect 'its replay is a command' test -n "$replay"
# shellcheck disable=SC2086 # words
gives 1 $replay
expect 'the replay shows it' grep -q 'violation:8' "$work/out"
expect 'a path is text' has 'crash-&lt;script&gt;alert(1)&lt;'
expect 'a target is text' has "fuzz_$shown"
expect 'a bug is text' has "<span class='name'>$shown</span><br /><small>fuzz_blk</small>"
expect 'a bug found' has "<td class='n'>9 of 10</td><td class='n'>0.4 s</td>"
expect 'a bug not found' has "<td class='n bad'>0 of 10</td><td class='n'>-</td>"
expect 'how a campaign ended' has '<small>AFL++ stopped</small>'
expect 'the curve of AFL++' grep -q "class='afl'" "$page"
expect 'the ticks are what they say' test "$(ticks 2)" = '0 500 1k 1.5k 2k '
expect 'a wide table says that it scrolls' has "<p class='hint'>8 columns: scroll the table sideways.</p>"
expect 'a narrow one does not' lacks "<p class='hint'>3 columns"
expect 'that is for phones' grep -qE '@media \(max-width: 34rem\)' "$page"

# the same from another place, and in a folder with a space
cp "$page" "$work/before.html"
gives 0 ci/report/make --build "$(pwd)/$work" --anvil "$(pwd)/$planted" --cov "$cov"
whole
sed -i 's/20..-..-.. ..:.. UTC//' "$page" "$work/before.html"
expect 'a path from the root is told from here on' cmp "$page" "$work/before.html"
mkdir "$work/a b"
cp -r "$work/campaigns" "$work/findings" "$work/a b"
gives 0 ci/report/make --build "$work/a b" --anvil "$planted" --cov "$cov"
quoted=$(sed -n 's/^<pre>\(.* play .*\)<\/pre>$/\1/p' "$work/a b/report/index.html" | head -n 1 | sed "s/&#39;\|&apos;/'/g")
gives 1 sh -c "$quoted"
expect 'a command quotes what has to be' grep -q 'violation:8' "$work/out"

# what triage says could be anything, too
cat >"$work/triage" <<END
#!/bin/sh
mkdir -p "\$3/a'b<c> d" && cd "\$3" && touch "a'b<c> d/input" "a'b<c> d/summary.txt" "a'b<c> d/report.txt"
cat >triage.json <<'JSON'
{ "inputs": 1, "findings": 1, "groups": [ { "name": "a'b<c> d", "verdict": "violation:8 $evil",
  "target": "fuzz_blk", "operations": 2, "unstable": false, "summary": "told: $evil & \"\\u0001\"",
  "script": "]]>$evil", "inputs": ["</li>$evil"] } ] }
JSON
exit 1
END
chmod +x "$work/triage"
gives 0 report "$work/triage"
whole
expect "a group's name is text" test "$(xmllint --xpath 'string(//*[local-name()="article"]/*[1])' "$page")" = "a'b<c> d"
expect 'a summary is text' has "told: $shown &amp; &quot;"
expect 'a script is text' has "]]&gt;$shown"
expect 'an input is text' has "<li class='name'>&lt;/li&gt;$shown</li>"
expect 'a verdict is text' has "violation:8 $shown"

# ---- a device of somebody else, outside of the checkout ----

outside=$(mktemp -d) || exit 2
trap 'rm -rf "$outside"' EXIT
mkdir "$outside/vmm" "$outside/vmm/include"
cp tests/foreign/mine_blk.c "$outside/report_test.c"
cp tests/foreign/blk.c tests/foreign/mistakes.c "$outside/vmm"
cp tests/foreign/*.h "$outside/vmm/include"
there=$(realpath --relative-to=. "$outside")
mine=build/dut/report_test
rm -rf "$mine"

make_dut() {
	FOREIGN_MISTAKE=BLK_RANGE_START make -s "$1" T=1 DUT="$there/report_test.c" \
		SOURCES="$there/vmm/blk.c $there/vmm/mistakes.c" DUT_FLAGS="-I$there/vmm/include"
}

gives 2 make_dut report
expect 'it says what to do' grep -q '^ci/report/make: .*; make fuzz DUT=\.\.\. first$' "$work/err"
expect 'no page is made of nothing' test ! -e "$mine/report"
gives 2 make_dut fuzz
inputs=$(sed -n 's/^Done \([0-9]*\) runs .*/\1/p' "$work/err")
expect 'the campaign says what it found' grep -q '^ *[0-9]*  address:heap-buffer-overflow .* in ' "$work/err"
is 'inputs of the record' "$inputs" "$(tail -n 1 "$mine/campaigns/1/libfuzzer-fuzz_report_test.tsv" | cut -f 2)"
gives 0 make_dut report
site=$mine/report
page=$site/index.html
expect 'it says where the page is' grep -qx "$page" "$work/out"
whole
expect 'the device by its name' has '<h1>hobby blk: campaigns</h1>'
expect 'its target' has "<span class='name'>fuzz_report_test</span><br /><small>libFuzzer</small>"
expect 'the group' has "<strong class='bad'>crash:heap-buffer-overflow in "
replay=$(sed -n 's/^<pre>\(.* play [^<]*\)<\/pre>$/\1/p' "$page" | head -n 1)
# shellcheck disable=SC2086 # words
FOREIGN_MISTAKE=BLK_RANGE_START gives 1 $replay
expect 'the replay shows it' grep -q 'crash:heap-buffer-overflow' "$work/out"
expect 'coverage of a file leads to its page' grep -qE "href='coverage/[^']*/vmm/blk\.c\.html'>blk\.c<" "$page"
expect 'a header, too' grep -qE "href='coverage/[^']*/vmm/include/virtio\.h\.html'>include/virtio\.h<" "$page"
expect 'of the files of the device alone' lacks 'report_test.c'
taken=$(sed -n "s/.*>blk\.c<.*<small>\([0-9]*\) of \([0-9]*\)<.*/\1 \2/p" "$page")
taken=${taken:-0 0}
expect 'most branches of it are taken' test $((2 * ${taken% *})) -gt "${taken#* }"
expect 'not all, as most mistakes are not there' test "${taken% *}" -lt "${taken#* }"
expect 'nothing of our devices' lacks devices/
expect 'nor of their targets' lacks fuzz_blk
expect 'nor milestones' lacks ilestone
gives 2 ci/report/make --build "$mine" --device "$mine/report_test.so" --fast
complains '--fast'

# ---- what it needs and is not there ----

mkdir "$work/path"
ln -s "$(command -v dirname)" "$(command -v realpath)" "$(python3 -c 'import sys; print(sys.executable)')" "$work/path"
gives 2 env PATH="$work/path" ci/report/make --build "$work"
complains 'no gnuplot'
gives 2 env PATH="$work/path" ci/report/shots "$work"
complains 'no chromium'
gives 2 ci/report/shots "$work/nothing"
complains 'make report'
gives 2 ci/report/make --build "$work" --anvil "$work/nowhere" --cov "$cov"
complains 'nowhere'

finish report
