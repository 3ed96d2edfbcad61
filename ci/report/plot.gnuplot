# SPDX-License-Identifier: BSD-3-Clause
# One plot of the report. Given: svg, the file to write; kind, coverage or speed; unit of time;
# libfuzzer and afl, files with a point a line. The colours only mark what the page colours.
set terminal svg size 440,230 dynamic noenhanced font "sans-serif,14"
set output svg
set key off
set border 3
set tics nomirror scale 0.5
set grid ytics linetype 1 linewidth 1
set xlabel unit." of fuzzing" offset 0,0.4
set xtics autofreq
set xrange [0:*]
set lmargin 6.5
set rmargin 2
set tmargin 0.8
set bmargin 3

# up to five steps of 1, 2 or 5, and a band of ten edges at the least, so that a flat curve looks flat
power(x) = 10 ** floor(log10(x))
round_up(x) = x <= power(x) ? power(x) : x <= 2 * power(x) ? 2 * power(x) : x <= 5 * power(x) ? 5 * power(x) : 10 * power(x)
has(curve) = int(system("wc -l <'".curve."'")) > 0
if (has(libfuzzer) || has(afl)) {
	stats "<cat '".libfuzzer."' '".afl."'" using 2 nooutput
} else {
	STATS_min = 0
	STATS_max = 0
	set xrange [0:1]
}
if (kind eq "speed") {
	low = 0
	high = STATS_max > 0 ? STATS_max * 1.1 : 1
} else {
	room = (STATS_max - STATS_min) * 0.1 > 5 ? (STATS_max - STATS_min) * 0.1 : 5
	low = STATS_min > room ? STATS_min - room : 0
	high = STATS_max + room
}
set yrange [low:high]
# a name of its own for each: 1.5k is not 2k
whole = kind eq "speed" ? 1e3 : 1e5
name(y) = abs(y) < whole ? gprintf("%g", y) : abs(y) < 1e6 ? gprintf("%gk", y / 1e3) : gprintf("%gM", y / 1e6)
step = round_up((high - low) / 5.0)
set ytics ()
do for [i=int(ceil(low / step - 1e-6)):int(floor(high / step + 1e-6))] {
	set ytics add (name(i * step) i * step)
}

style = kind eq "speed" ? "lines" : "steps"
curves = "NaN"
if (has(libfuzzer)) {
	curves = curves.", '".libfuzzer."' using 1:2 with ".style." linewidth 2 linecolor rgb '#000001'"
}
if (has(afl)) {
	curves = curves.", '".afl."' using 1:2 with ".style." linewidth 2 dashtype (8,4) linecolor rgb '#000002'"
}
eval "plot ".curves
