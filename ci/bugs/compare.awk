# SPDX-License-Identifier: BSD-3-Clause
# Compares what races measured: the first CSV given is held against each of the others, over the
# bugs that both have. Mann-Whitney U of all trials, where one that was not decided is later than
# all that were, with the normal approximation and ties accounted for; and the same bug by bug. Where
# the trials of one may last longer, what it found later than the other could have is not decided.
# Prints, with tabs between: name, bugs, p, share (how likely a trial of the first is the earlier
# one), bugs where the first is earlier with p < 0.05, bugs where the other is.

function erfc(x,    t, y) {
	t = 1 / (1 + 0.3275911 * x)
	y = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
	return y * exp(-x * x)
}

# The ranks of n[0] and n[1] times in v[0, i] and v[1, i]; sets p and share
function whitney(v, n,    all, i, j, k, w, s, ranks, ties, u, mean, spread, gap) {
	all = 0
	for (w = 0; w < 2; w++)
		for (i = 1; i <= n[w]; i++) {
			# inserted where it belongs, with whose it is
			for (j = ++all; j > 1 && value[j - 1] > v[w, i]; j--) {
				value[j] = value[j - 1]
				whose[j] = whose[j - 1]
			}
			value[j] = v[w, i]
			whose[j] = w
		}
	ranks = ties = 0
	for (i = 1; i <= all; i = j) {
		for (j = i; j <= all && value[j] == value[i]; j++)
			;
		s = j - i
		ties += s * s * s - s
		for (k = i; k < j; k++)
			if (whose[k] == 0)
				ranks += (i + j - 1) / 2
	}
	u = ranks - n[0] * (n[0] + 1) / 2
	mean = n[0] * n[1] / 2
	share = 1 - u / (n[0] * n[1])
	spread = sqrt(n[0] * n[1] / 12 * (all + 1 - ties / (all * (all - 1))))
	gap = u > mean ? u - mean : mean - u
	gap = gap > 0.5 ? gap - 0.5 : 0
	p = spread > 0 ? erfc(gap / spread / sqrt(2)) : 1
}

function within(seconds, end) {
	return seconds <= end ? seconds : 1e9
}

FNR == 1 {
	files++
	next
}
{
	name[files] = $3 "-" $4 "-" $5
	limit[files] = $7 + 0
	key = files SUBSEP $1
	time[key, ++count[key]] = $9 ? $8 + 0 : 1e9
	bug[$1]
}
END {
	for (f = 2; f <= files; f++) {
		end = limit[1] < limit[f] ? limit[1] : limit[f]
		bugs = better = worse = 0
		m[0] = m[1] = 0
		for (b in bug) {
			one = 1 SUBSEP b
			two = f SUBSEP b
			if (!count[one] || !count[two])
				continue
			bugs++
			n[0] = count[one]
			n[1] = count[two]
			for (i = 1; i <= n[0]; i++)
				v[0, i] = all_v[0, ++m[0]] = within(time[one, i], end)
			for (i = 1; i <= n[1]; i++)
				v[1, i] = all_v[1, ++m[1]] = within(time[two, i], end)
			whitney(v, n)
			better += p < 0.05 && share > 0.5
			worse += p < 0.05 && share < 0.5
		}
		if (!bugs)
			continue
		whitney(all_v, m)
		printf "%s\t%d\t%.2g\t%.3f\t%d\t%d\n", name[f], bugs, p, share, better, worse
	}
}
